/** This server as a primary: a zone with a journal in the given folder, updated with a key over TCP. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { settleHeap } from "../../src/cli/v8.ts";
import { systemClock } from "../../src/clock.ts";
import { Opcode } from "../../src/dns/constants.ts";
import { Catalog } from "../../src/dnsserver/catalog.ts";
import { Complaints } from "../../src/dnsserver/complaints.ts";
import { byOpcode, edns, layered } from "../../src/dnsserver/layers.ts";
import { queryHandler } from "../../src/dnsserver/query.ts";
import { tsig } from "../../src/dnsserver/tsig.ts";
import { updateHandler } from "../../src/dnsserver/update.ts";
import { listenTcp } from "../../src/net/server/stream.ts";
import { listenUdp } from "../../src/net/server/udp.ts";
import { ZoneAuthority } from "../../src/zone/lookup/authority.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { openZone } from "../../src/zone/openzone.ts";
import { operatorPrincipal } from "../../src/zone/update/principal.ts";
import { silentLog } from "../../test/support/log.ts";
import { key, ORIGIN } from "../updates.ts";

settleHeap();
const [port, folder = ""] = process.argv.slice(2);
const { signal } = new AbortController();
const file = readFileSync(join(folder, "zone"), "utf8");
const zone = await openZone({
  ...{ origin: ORIGIN, folder, fileRecords: parseMasterFile(file, { origin: ORIGIN }) },
  ...{ clock: systemClock, log: silentLog, signal },
});
const complaints = new Complaints(systemClock, silentLog);
const handler = layered(
  [
    tsig({
      ...{ keys: new Map([["bench", key]]), clock: systemClock, complaints },
      signedBefore: (key) => zone.lastSigned(key),
    }),
    edns,
  ],
  byOpcode({
    [Opcode.QUERY]: queryHandler(new Catalog([new ZoneAuthority(zone)])),
    [Opcode.UPDATE]: updateHandler({
      find: () => zone,
      principalOf: operatorPrincipal,
      complaints,
    }),
  }),
);
const endpoint = { address: "127.0.0.1", port: Number(port) };
await listenTcp({ endpoint, handler, clock: systemClock, log: silentLog, signal });
await listenUdp({ endpoint, handler, clock: systemClock, log: silentLog, signal });
// A profiler writes its file when the process exits regularly.
process.once("SIGTERM", () => process.exit());
