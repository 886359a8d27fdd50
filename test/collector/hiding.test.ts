/** A collector restarted with another policy, while the remote server still has what that hides. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Collector } from "../../src/collector/collector.ts";
import type { PublishedZone } from "../../src/collector/publishing/publication.ts";
import { RecordSets } from "../../src/collector/recordsets.ts";
import { parseConfig } from "../../src/config.ts";
import { Rcode } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { FakeClock } from "../support/clock.ts";
import { LanWatch } from "../support/lan.ts";
import { silentLog } from "../support/log.ts";
import { applied, lines, ZONE } from "./fixture.ts";

const REVERSE = Name.parse("in-addr.arpa.");
const TYPE = "_services._dns-sd._udp.z.example. 10 IN PTR _ssh._tcp.z.example.";
const HIDDEN = {
  zone: [
    "_ssh._tcp PTR shell._ssh._tcp.paris",
    "_ssh._tcp.paris PTR shell._ssh._tcp.paris",
    "_services._dns-sd._udp PTR _ssh._tcp",
    "_services._dns-sd._udp.paris PTR _ssh._tcp.paris",
    "shell._ssh._tcp.paris SRV 0 0 22 pc.paris",
    'shell._ssh._tcp.paris TXT ""',
    "pc.paris A 10.1.0.20",
  ],
  reverse: ["20.0.1.10.in-addr.arpa. PTR pc.paris"],
};
const LEFT = {
  zone: [
    "_ipp._tcp PTR laser._ipp._tcp.paris",
    "_ipp._tcp PTR other._ipp._tcp.lyon",
    "_services._dns-sd._udp PTR _ipp._tcp",
    "laser._ipp._tcp.paris SRV 0 0 631 printer.paris",
    'laser._ipp._tcp.paris TXT "rp=a"',
    "printer.paris A 10.1.0.10",
    // Records of another site are not for this collector to judge.
    "_ssh._tcp.lyon PTR shell._ssh._tcp.lyon",
    "shell._ssh._tcp.lyon SRV 0 0 22 pc.lyon",
    "pc.lyon A 10.2.0.20",
  ],
  reverse: ["10.0.1.10.in-addr.arpa. PTR printer.paris", "20.0.2.10.in-addr.arpa. PTR pc.lyon"],
};

function setsOf(text: readonly string[]): RecordSets {
  const file = ["$ORIGIN z.example.", "$TTL 10", ...text].join("\n");
  return RecordSets.of(parseMasterFile(file, { origin: Name.root, isPartial: true }));
}

/** A server without leases that takes `delay` milliseconds to read; each of its versions is kept. */
function serverOf(clock: FakeClock, origin: Name, text: readonly string[], delay: number) {
  const versions = [setsOf(text)];
  const zone: PublishedZone = {
    origin,
    granted: () => undefined,
    publish: async (update) => {
      versions.push(applied(versions.at(-1)!, update));
      return Rcode.NOERROR;
    },
    readBack: async () => {
      await new Promise<void>((resolve) => clock.at(clock.now() + delay, resolve));
      return versions.at(-1)!;
    },
  };
  return { zone, versions };
}

suite("records on a remote server that a policy hides", () => {
  for (const [first, delays] of [
    ["the zone", [10, 500]],
    ["the reverse zone", [500, 10]],
  ] as const) {
    test(`go with the first update when ${first} is read first, and no others go`, async () => {
      const clock = new FakeClock();
      const server = (origin: Name, of: "zone" | "reverse", delay: number) =>
        serverOf(clock, origin, [...LEFT[of], ...HIDDEN[of]], delay);
      const servers = [
        server(ZONE, "zone", delays[0]),
        server(REVERSE, "reverse", delays[1]),
      ] as const;
      const { policy } = parseConfig("policy: { rules: [{ deny: _ssh._tcp }] }", "p", ".");
      const collector = new Collector({
        ...{ clock, policy, log: silentLog, zone: ZONE, zones: servers.map(({ zone }) => zone) },
        ...{ refresh: "multicast", grace: 0, browsed: "merged", sites: ["paris"], subtypes: {} },
        // Nothing has been heard yet.
        links: new LanWatch(),
        siteOf: () => "paris",
        extra: () => [],
        changed: () => {},
      });
      const life = new AbortController();
      const running = collector.run(life.signal);
      await clock.elapse(20_000);
      for (const [i, of] of (["zone", "reverse"] as const).entries()) {
        const left = lines(setsOf(LEFT[of]));
        const [, ...after] = servers[i]!.versions.map(lines);
        // Which host a reverse name is for is known only once the zone has been read.
        if (i === 0 || delays[0] < delays[1]) {
          // The type goes by itself once nobody has a service of it (RFC 2136 §2.4.3).
          const rest = after[0]!.filter((line) => !left.includes(line) && line !== TYPE);
          assert.deepEqual(rest, []);
        }
        assert.deepEqual(after.at(-1), left);
        for (const version of after) assert.ok(left.every((line) => version.includes(line)));
      }
      life.abort();
      await running;
    });
  }
});
