/**
 * This server: a zone, its layers and the ready-made answers, on UDP at the given port. As in the gateway,
 * each client is looked up and each response counted; loopback is treated like any network.
 */
import { settleHeap } from "../../src/cli/v8.ts";
import { systemClock } from "../../src/clock.ts";
import { Opcode } from "../../src/dns/constants.ts";
import { Catalog } from "../../src/dnsserver/catalog.ts";
import { cookies, rollingSecrets } from "../../src/dnsserver/cookies.ts";
import { byOpcode, edns, layered } from "../../src/dnsserver/layers.ts";
import { Limits, limited, networkOf } from "../../src/dnsserver/limits.ts";
import { queryHandler } from "../../src/dnsserver/query.ts";
import { ReadyAnswers } from "../../src/dnsserver/ready.ts";
import { Sources } from "../../src/dnsserver/sources.ts";
import { ReadyViews, viewed } from "../../src/dnsserver/views.ts";
import { listenUdp } from "../../src/net/server/udp.ts";
import { ZoneAuthority } from "../../src/zone/lookup/authority.ts";
import { Zone } from "../../src/zone/zone.ts";
import { silentLog } from "../../test/support/log.ts";
import { ORIGIN, officeRecords } from "../office.ts";

settleHeap();
const [port, mode] = process.argv.slice(2);
const clock = systemClock;
const zone = new Zone({ origin: ORIGIN, records: officeRecords(), clock });
const catalog = new Catalog([new ZoneAuthority(zone)]);
const view = {
  handler: queryHandler(catalog),
  ready: new ReadyAnswers({ catalog, zones: [zone] }),
  zones: [zone],
};
// Never reached: the cost of counting is to be measured, not what a limit saves.
const limits = new Limits({ responses: 1e6, slip: 2, clock });
const sources = new Sources({
  judge: (address) => ({ view, network: networkOf(address) }),
  clock,
});
const clientOf = (address: string) => sources.of(address);
const ready = {
  unready: undefined,
  uncounted: view.ready,
  counted: new ReadyViews({ clientOf, limits }),
}[mode ?? "counted"];
await listenUdp({
  endpoint: { address: "127.0.0.1", port: Number(port) },
  handler: layered(
    [
      edns,
      cookies({ secrets: rollingSecrets(() => Buffer.alloc(16), clock), clock }),
      limited({ limits, networkOf: (address) => clientOf(address).network }),
    ],
    byOpcode({ [Opcode.QUERY]: viewed(({ source }) => clientOf(source.address).view?.handler) }),
  ),
  ready,
  clock,
  log: silentLog,
  signal: new AbortController().signal,
});
