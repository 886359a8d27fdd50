/** Metrics as Prometheus reads them, and what they never contain. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { Name } from "../../src/dns/name.ts";
import { type MetricsSources, metricsOf } from "../../src/web/metrics.ts";
import { servicesIn } from "../../src/web/services.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { Zone } from "../../src/zone/zone.ts";

const ORIGIN = Name.parse("z.example.");
const ZONE = `$TTL 10
@ SOA ns h 7 1 1 1 1
@ NS ns.example.
_services._dns-sd._udp PTR _ipp._tcp
_ipp._tcp PTR A._ipp._tcp.paris
_ipp._tcp PTR B._ipp._tcp.deeper.and\\.deeper.paris
_ipp._tcp PTR C._IPP._tcp.lyon
_ipp._tcp PTR D._ipp._tcp.other.example.
_ipp._tcp PTR E._ipp._tcp
_ipp._tcp PTR F._ipp._tcp.deeper\\\\.paris
`;

test("SEC-15: figures are read on request, and no label is what a stranger chose", async () => {
  const records = parseMasterFile(ZONE, { origin: ORIGIN });
  const zone = new Zone({ origin: ORIGIN, records, clock: systemClock });
  let packets = 5;
  const links = [
    {
      ...{ link: "eth0", site: 'pa"ris', records: 3 },
      ...{ heard: { packets: 0 }, cache: { learnt: 1 }, asked: { questions: 2 } },
    },
  ];
  const sources: MetricsSources = {
    zones: [zone],
    services: async () => [...servicesIn(zone.current)].flat(),
    links: () => links.map((link) => ({ ...link, heard: { packets } })),
    publications: () => [{ zone: ORIGIN, updates: { updates: 4 }, isTroubled: true }],
    responses: () => [{ transport: "udp", rcode: 3, count: 6 }],
    datagrams: () => [["ready", 8]],
    push: () => ({ sessions: 1, subscriptions: 2 }),
  };
  const read = metricsOf(sources);
  const figures = async () =>
    (await read())
      .split("\n")
      .filter((line) => line.startsWith("dnssd_"))
      .sort();
  assert.deepEqual(await figures(), [
    'dnssd_datagrams_total{outcome="ready"} 8',
    'dnssd_link_asked_total{link="eth0",site="pa\\"ris",kind="questions"} 2',
    'dnssd_link_cache_total{link="eth0",site="pa\\"ris",event="learnt"} 1',
    'dnssd_link_packets_total{link="eth0",site="pa\\"ris",kind="packets"} 5',
    'dnssd_link_records{link="eth0",site="pa\\"ris"} 3',
    "dnssd_longest_list 6",
    'dnssd_published_total{zone="z.example.",kind="updates"} 4',
    'dnssd_publishing_troubled{zone="z.example."} 1',
    "dnssd_push_sessions 1",
    "dnssd_push_subscriptions 2",
    'dnssd_responses_total{transport="udp",rcode="NXDOMAIN"} 6',
    'dnssd_services{site=""} 1',
    'dnssd_services{site="elsewhere"} 1',
    'dnssd_services{site="lyon"} 1',
    'dnssd_services{site="paris"} 3',
    'dnssd_zone_records{zone="z.example."} 9',
    'dnssd_zone_serial{zone="z.example."} 7',
  ]);
  packets = 6;
  links[0] = { ...links[0]!, site: "lyon" };
  const packetFigures = (await figures()).filter((line) => /packets/.test(line));
  assert.deepEqual(packetFigures, [
    'dnssd_link_packets_total{link="eth0",site="lyon",kind="packets"} 6',
  ]);
  assert.match(await read(), /^process_resident_memory_bytes \d+$/m);
});
