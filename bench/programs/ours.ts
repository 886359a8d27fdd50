/** This server: a zone, its layers and the ready-made answers, on UDP at the port given. */
import { systemClock } from "../../src/clock.ts";
import { Opcode } from "../../src/dns/constants.ts";
import { Catalog } from "../../src/dnsserver/catalog.ts";
import { byOpcode, edns, layered } from "../../src/dnsserver/layers.ts";
import { queryHandler } from "../../src/dnsserver/query.ts";
import { ReadyAnswers } from "../../src/dnsserver/ready.ts";
import { silentLog } from "../../src/log.ts";
import { listenUdp } from "../../src/net/udp.ts";
import { ZoneAuthority } from "../../src/zone/authority.ts";
import { Zone } from "../../src/zone/zone.ts";
import { ORIGIN, officeRecords } from "../office.ts";

const [port, mode] = process.argv.slice(2);
const zone = new Zone({ origin: ORIGIN, records: officeRecords(), clock: systemClock });
const catalog = new Catalog([new ZoneAuthority(zone)]);
await listenUdp({
  endpoint: { address: "127.0.0.1", port: Number(port) },
  handler: layered([edns], byOpcode({ [Opcode.QUERY]: queryHandler(catalog) })),
  ready: mode === "unready" ? undefined : new ReadyAnswers({ catalog, zones: [zone] }),
  clock: systemClock,
  log: silentLog,
  signal: new AbortController().signal,
});
