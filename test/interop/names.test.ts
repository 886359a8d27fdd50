/**
 * What a collector that is told nothing learns from BIND and Knot about zones and networks: where
 * updates go, at which site a link is, and the names of its addresses.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { FarZone } from "../../src/collector/publishing/farzone.ts";
import { reverseRecords } from "../../src/collector/reverse.ts";
import { SiteLabels } from "../../src/collector/sitelabels.ts";
import { subnetsOf } from "../../src/collector/subnets.ts";
import { Rcode } from "../../src/dns/constants.ts";
import { type Endpoint, formatEndpoint } from "../../src/dns/endpoint.ts";
import { Name } from "../../src/dns/name.ts";
import type { RecordSet } from "../../src/dns/record.ts";
import { recordsOf } from "../../src/dns/record.ts";
import { PersistentConnection } from "../../src/net/client/persistent.ts";
import { type Resolve, resolver } from "../../src/net/client/resolver.ts";
import { findUpdateServers } from "../../src/net/client/updateserver.ts";
import type { LinkWatch } from "../../src/net/links/link.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { Answers } from "../collector/answers.ts";
import { startBind } from "../support/bind.ts";
import { FakeClock } from "../support/clock.ts";
import { Gateway, temporaryFolder } from "../support/gateway.ts";
import { startKnot } from "../support/knot.ts";
import { Lab, needs } from "../support/lab.ts";
import { Lan } from "../support/lan.ts";
import { silentLog } from "../support/log.ts";
import { succeed } from "../support/process.ts";
import { skipWithout } from "../support/tool.ts";
import { waitFor } from "../support/wait.ts";

const ZONE = Name.parse("bonjour.example.");
const REVERSE = Name.parse("77.10.in-addr.arpa.");
const SECRET = Buffer.from("0123456789abcdef0123456789abcdef");
const keys = { paris: SECRET.toString("base64") };

/** Publishes these sets into the server that `locate` finds. */
async function publish(
  origin: Name,
  sets: readonly RecordSet[],
  locate: () => Promise<readonly Endpoint[]>,
): Promise<void> {
  const connection = new PersistentConnection({ locate, clock: systemClock });
  const key = { name: Name.parse("paris."), algorithm: "hmac-sha256" as const, secret: SECRET };
  const zone = new FarZone({ origin, connection, clock: systemClock, key });
  const update = { zone: origin, prerequisites: [], updates: sets.flatMap(recordsOf) };
  assert.equal(await zone.publish(update), Rcode.NOERROR);
  connection.close();
}

function setsOf(text: string, origin: Name): RecordSet[] {
  const lines = text.replace(/^ +/gm, "");
  return parseMasterFile(`$TTL 60\n${lines}`, { origin, isPartial: true });
}

for (const [make, start, program] of [
  ["BIND", startBind, "named"],
  ["Knot", startKnot, "knotd"],
] as const) {
  suite(`with ${make} as the server`, { skip: skipWithout(program, "dig") }, () => {
    test("the update server, which takes updates, is found by SRV, or else by the SOA", async () => {
      await using primary = await start({ zone: String(ZONE), keys });
      const ask = resolver({ clock: systemClock, servers: [primary.endpoint] });
      // The address of its host is in another's zone.
      const elsewhere = new Answers("ns.example. A 127.0.0.1");
      const resolve: Resolve = (owner, type) =>
        owner.isUnder(ZONE) ? ask(owner, type) : elsewhere.resolve(owner, type);
      const find = () => findUpdateServers({ zone: ZONE, resolve, random: Math.random });
      assert.deepEqual((await find()).map(formatEndpoint), ["127.0.0.1:53"]);

      const { port } = primary.endpoint;
      const srv = `_dns-update._tcp SRV 0 0 ${port} ns.example.`;
      await publish(ZONE, setsOf(srv, ZONE), async () => [primary.endpoint]);
      assert.deepEqual((await find()).map(formatEndpoint), [`127.0.0.1:${port}`]);
      await publish(ZONE, setsOf("pc.paris A 10.77.1.20", ZONE), find);
      assert.equal(await dig(primary.endpoint, `pc.paris.${ZONE}`), "10.77.1.20");
    });

    test("SD-27, PROXY-45: a reverse zone is filled, and gives the site of a link", async () => {
      await using primary = await start({ zone: String(REVERSE), keys });
      const subnets = subnetsOf([{ family: 4, address: "10.77.1.1", prefix: 24 }]);
      const sets = reverseRecords({
        ...{ zone: ZONE, browsed: "sites", reverse: [REVERSE] },
        places: [{ site: ZONE.child("paris")!, subnets, mapped: [] }],
        sets: setsOf("pc.paris A 10.77.1.20", ZONE),
      });
      await publish(REVERSE, sets, async () => [primary.endpoint]);
      const ask = (...words: readonly string[]) => dig(primary.endpoint, ...words);
      const paris = `paris.${ZONE}`;
      assert.equal(await ask("lb._dns-sd._udp.0.1.77.10.in-addr.arpa.", "PTR"), paris);
      assert.equal(await ask("-x", "10.77.1.20"), `pc.${paris}`);

      const clock = new FakeClock();
      const resolve = resolver({ clock: systemClock, servers: [primary.endpoint] });
      const stop = new AbortController();
      const found = async (address: string) => {
        const link = new Lan(clock).host("eth0", address);
        const links: LinkWatch = { follow: (open, signal) => open(link, signal) };
        const given = () => undefined;
        const labels = new SiteLabels({
          ...{ zone: ZONE, resolve, clock, log: silentLog, given, moved: () => {} },
        });
        let label: string | undefined;
        labels.follow(links).follow((opened) => {
          label = labels.of(opened);
        }, stop.signal);
        return waitFor("the site of a link", () => label);
      };
      assert.equal(await found("10.77.1.9"), "paris");
      assert.equal(await found("10.77.2.9"), "0a4d0200");
      stop.abort();
    });
  });
}

suite("a collector that is told neither server nor site", { skip: needs("dig") }, () => {
  const NAME_SERVER = "10.77.1.53";
  const ZONE_FILE = `
$TTL 60
@ SOA nowhere.example. hostmaster.example. 1 3600 600 86400 5
@ NS ns
ns A ${NAME_SERVER}
_dns-update._tcp SRV 0 0 5300 ns
`;
  const REVERSE_FILE = `
$TTL 60
@ SOA ns.${ZONE} hostmaster.example. 1 3600 600 86400 5
@ NS ns.${ZONE}
lb._dns-sd._udp.0.1 PTR paris.${ZONE}
lb._dns-sd._udp.0.0 PTR lyon.${ZONE}
`;

  test("SD-27, PROXY-45: learns both from the servers of its host's resolv.conf", async () => {
    await using lab = new Lab();
    const lan = lab.lan("lan");
    const host = (name: string, last: number) =>
      lab.host(name).plug(lan, { name: "eth0", addresses: [`10.77.1.${last}/24`] });
    const nameServer = host("ns", 53);
    const data = temporaryFolder();
    writeFileSync(join(data, "bonjour.example.zone"), ZONE_FILE);
    writeFileSync(join(data, "77.10.in-addr.arpa.zone"), REVERSE_FILE);
    const [zone, reverse] = [ZONE, REVERSE].map((name) => `${name}`.slice(0, -1)) as [
      string,
      string,
    ];
    await Gateway.start(nameServer, {
      ...{ zone, data, links: [], reverse: [reverse] },
      listen: { dns: [`${NAME_SERVER}:53`, `${NAME_SERVER}:5300`] },
      keys: { paris: { secret: keys.paris, site: ["paris", "lyon"] } },
    });
    const collector = host("collector", 2);
    collector.etc("resolv.conf", `nameserver ${NAME_SERVER}\n`);
    await Gateway.start(collector, {
      ...{ zone, links: [{ interface: "eth0" }], reverse: [reverse] },
      publish: { key: "paris" },
      keys: { paris: { secret: keys.paris } },
    });
    const fleet = { addresses: ["10.77.1.20"], type: "_ipp._tcp", name: "Printer" };
    host("printer", 20).script("devices", JSON.stringify(fleet));

    const dig = async (...question: readonly string[]) => {
      const text = await nameServer.succeed(["dig", `@${NAME_SERVER}`, "+short", ...question]);
      return text.trim();
    };
    const listed = await waitFor("the printer", () => dig(`_ipp._tcp.paris.${ZONE}`, "PTR"));
    assert.equal(listed, `Printer\\0321._ipp._tcp.paris.${ZONE}`);
    const named = await waitFor("its address", () => dig("-x", "10.77.1.20"));
    assert.equal(named, `Printer-1.paris.${ZONE}`);
    assert.equal(await dig(`lb._dns-sd._udp.paris.${ZONE}`, "PTR"), `paris.${ZONE}`);
    // Of several networks the first that leads to a site decides.
    await collector.succeed(["ip", "address", "add", "10.77.0.2/24", "dev", "eth0"]);
    const moved = () => dig(`_ipp._tcp.lyon.${ZONE}`, "PTR");
    const there = await waitFor("the printer at the other site", moved);
    assert.equal(there, `Printer\\0321._ipp._tcp.lyon.${ZONE}`);
  });
});

/** The answer's rdata as dig prints it. */
async function dig({ address, port }: Endpoint, ...question: readonly string[]): Promise<string> {
  const text = await succeed(["dig", `@${address}`, "-p", `${port}`, "+short", ...question]);
  return text.trim();
}
