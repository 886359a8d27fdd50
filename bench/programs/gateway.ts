/**
 * The gateway with one link in memory, on which it hears what the parent process sends. Its parameters are a
 * port and an empty folder.
 */
import { settleHeap } from "../../src/cli/v8.ts";
import { systemClock } from "../../src/clock.ts";
import { defaultConfig } from "../../src/config.ts";
import { openGateway } from "../../src/gateway.ts";
import type { Link, Packet } from "../../src/net/links/link.ts";
import { silentLog } from "../../test/support/log.ts";
import { ORIGIN } from "../office.ts";

settleHeap();
let hear: (packet: Packet) => void = () => {};
const link: Link = {
  name: "site",
  addresses: [{ family: 4, address: "10.1.0.1", prefix: 16 }],
  payload: 1452,
  isShared: false,
  send() {},
  listen(receive) {
    hear = receive;
  },
};

const stop = new AbortController();
const config = defaultConfig();
const listen = {
  ...config.listen!,
  dns: [{ address: "127.0.0.1", port: Number(process.argv[2]) }],
};
await openGateway(
  { ...config, zone: ORIGIN, listen, data: process.argv[3]! },
  {
    clock: systemClock,
    log: silentLog,
    signal: stop.signal,
    links: { follow: (open, signal) => open(link, signal) },
  },
);
process.on("message", ({ hex, source }: { hex: string; source: string }) => {
  hear({ bytes: Buffer.from(hex, "hex"), family: 4, source, isUnicast: false });
});
process.once("disconnect", () => stop.abort());
