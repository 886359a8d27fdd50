/**
 * What the collector costs: taking a datagram into the cache, projecting ten thousand records and comparing
 * them with what is published, and the memory of a record. Printed, never asserted.
 */
import { interestIn } from "../src/collector/link/browser.ts";
import { LinkCache } from "../src/collector/link/cache.ts";
import { project } from "../src/collector/projection/project.ts";
import { Site } from "../src/collector/projection/site.ts";
import { Reconciler } from "../src/collector/publishing/reconciler.ts";
import { defaultConfig } from "../src/config.ts";
import { Class, Rcode, Type } from "../src/dns/constants.ts";
import { encode } from "../src/dns/encode.ts";
import { decode, makeMessage } from "../src/dns/message.ts";
import { Name } from "../src/dns/name.ts";
import { rdata } from "../src/dns/rdata.ts";
import { LOCAL } from "../src/dns/service.ts";

const SERVICES = 2500;
const FLUSH = Class.IN | 0x8000;
const ZONE = Name.parse("bonjour.example.com.");

/** One announcement: PTR, SRV, TXT and A, as devices send them. */
function announcement(i: number): Buffer {
  const type = Name.parse(`_type${i % 20}._tcp`, LOCAL);
  const instance = type.child(`Office Printer ${i}`)!;
  const host = Name.parse(`printer-${i}`, LOCAL);
  const txt = rdata.txt("txtvers=1", "rp=ipp/print", `note=Room ${i}`, "pdl=application/pdf");
  const answers = [
    { name: type, type: Type.PTR, class: Class.IN, ttl: 4500, rdata: rdata.ptr(instance) },
    { name: instance, type: Type.SRV, class: FLUSH, ttl: 120, rdata: rdata.srv(0, 0, 631, host) },
    { name: instance, type: Type.TXT, class: FLUSH, ttl: 4500, rdata: txt },
    {
      name: host,
      type: Type.A,
      class: FLUSH,
      ttl: 120,
      rdata: rdata.a(`10.1.${i >> 8}.${i & 255}`),
    },
  ];
  return encode(makeMessage({ isResponse: true, answers }), { compression: "multicast" });
}

/** Prints a line for each figure. */
export function collector(print: (line: string) => void): void {
  const time = (what: string, unit: "µs" | "ms", times: number, work: (i: number) => void) => {
    const start = performance.now();
    for (let i = 0; i < times; i++) work(i);
    const each = ((performance.now() - start) / times) * (unit === "µs" ? 1000 : 1);
    print(`${what}: ${each.toFixed(2)} ${unit}`);
  };
  const collect = globalThis.gc ?? (() => {});
  const packets = Array.from({ length: SERVICES }, (_, i) => announcement(i));
  const cache = new LinkCache({ random: Math.random, disputed: () => {} });
  const receive = (i: number) => {
    const source = `10.1.${(i % SERVICES) >> 8}.${i % 256}`;
    const message = decode(packets[i % SERVICES]!, { isLenient: true });
    cache.receive(message, { source, family: 4 }, i / 10);
  };

  collect();
  const before = process.memoryUsage();
  time("datagram of 4 new records, decoded and learnt", "µs", SERVICES, receive);
  collect();
  const after = process.memoryUsage();
  const bytes = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
  print(
    `memory of a record: ${(bytes / cache.size).toFixed(0)} octets, ${cache.octets / cache.size} charged`,
  );
  time("datagram of 4 known records, decoded and refreshed", "µs", 20 * SERVICES, receive);
  time("datagram decoded alone", "µs", 20 * SERVICES, (i) =>
    decode(packets[i % SERVICES]!, { isLenient: true }),
  );

  const site = new Site(ZONE.child("paris")!, defaultConfig().policy);
  site.caches.add(cache);
  const now = 10_000;
  time(`what to ask, of ${cache.size} records`, "ms", 50, () =>
    interestIn(cache, { types: [], families: [4, 6] }),
  );
  const reconciler = new Reconciler({ zone: ZONE, random: Math.random });
  time("first projection and its updates", "ms", 1, () => {
    reconciler.want(project([site], ZONE, now).sets);
    while (reconciler.poll(now) !== undefined) reconciler.settle(Rcode.NOERROR, now);
  });
  time("projection", "ms", 100, () => project([site], ZONE, now));
  time("projection and difference", "ms", 100, () => {
    reconciler.want(project([site], ZONE, now).sets);
    reconciler.poll(now);
  });
  time("projection and difference after one more service", "ms", 100, (i) => {
    const message = decode(announcement(SERVICES + i), { isLenient: true });
    cache.receive(message, { source: "10.1.200.1", family: 4 }, now);
    reconciler.want(project([site], ZONE, now).sets);
    while (reconciler.poll(now) !== undefined) reconciler.settle(Rcode.NOERROR, now);
  });
}
