import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { parseConfig } from "../../src/config.ts";
import { Rcode, Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { recordsOf } from "../../src/dns/record.ts";
import { openZones, readZones } from "../../src/gateway/zones.ts";
import { temporaryFolder } from "../support/gateway.ts";
import { silentLog } from "../support/log.ts";
import { principal } from "../zone/fixture.ts";

const paris = principal("paris");
const zone = "bonjour.example.";
const reverse = ["1.10.in-addr.arpa.", "2.10.in-addr.arpa."];

function configOn(data: string) {
  return parseConfig(JSON.stringify({ zone, reverse, data }), "g", data);
}

suite("the zones served", () => {
  test("TSIG-07: tell when a key signed last, for whichever of them it was, after a restart too", async () => {
    const folder = temporaryFolder();
    for (const [i, time] of [
      [1, 1_750_000_002],
      [2, 1_750_000_004],
      [0, 1_750_000_006],
      [1, 1_750_000_008],
    ] as const) {
      const owner = [zone, ...reverse][i]!;
      const origin = Name.parse(owner);
      const record = {
        name: Name.parse(`a${time}`, origin),
        type: 16,
        ttl: 10,
        rdatas: [rdata.txt("a")],
      };
      const update = { zone: origin, prerequisites: [], updates: recordsOf(record) };
      const life = new AbortController();
      const options = { clock: systemClock, log: silentLog, signal: life.signal };
      const zones = await openZones(configOn(folder), options);
      const rcode = await zones.dynamic[i]!.apply({ ...update, signedAt: time }, paris);
      assert.equal(rcode, Rcode.NOERROR);
      assert.equal(zones.signedBefore("paris"), time);
      assert.equal(zones.signedBefore("lyon"), 0);
      life.abort();
      await zones.closed;
    }
  });

  test("AUTH-18: have nothing of their own beside an alias of their file", async () => {
    const folder = temporaryFolder();
    const text = "$TTL 60\nlb._dns-sd._udp CNAME b._dns-sd._udp\nb._dns-sd._udp PTR paris\n";
    writeFileSync(join(folder, `${zone}zone`), text);
    const life = new AbortController();
    const options = { clock: systemClock, log: silentLog, signal: life.signal };
    const { dynamic, closed } = await openZones(configOn(folder), options);
    const typesOf = (label: string) =>
      [...dynamic[0]!.current]
        .filter(({ name }) => name.equals(Name.parse(`${label}._dns-sd._udp.${zone}`)))
        .map(({ type }) => type);
    const types = ["lb", "b", "db"].map(typesOf);
    life.abort();
    await closed;
    assert.deepEqual(types, [[Type.CNAME], [Type.PTR], [Type.PTR]]);
  });

  test("are told of none that is hidden by a zone beneath a cut", async () => {
    const data = temporaryFolder();
    const apex = "$TTL 60\n@ SOA ns.z. h.z. 1 2 3 4 5\n@ NS ns.z.\n";
    writeFileSync(join(data, "east.paris.bonjour.example.zone"), apex);
    const remarks: string[] = [];
    const read = async (record: string) => {
      writeFileSync(join(data, "bonjour.example.zone"), `$TTL 60\n${record}\n`);
      await readZones(configOn(data), (remark) => remarks.push(remark));
      return remarks.splice(0).length;
    };
    for (const cut of ["paris", "east.paris"]) assert.equal(await read(`${cut} NS ns.z.`), 0, cut);
    const others = [
      "west.paris NS ns.z.",
      "x.east.paris NS ns.z.",
      "@ NS ns.z.",
      "paris A 192.0.2.9",
    ];
    for (const other of others) assert.equal(await read(other), 1, other);
  });

  test("say of themselves what is to be browsed, but for the reverse ones", async () => {
    const life = new AbortController();
    const options = { clock: systemClock, log: silentLog, signal: life.signal };
    const zones = await openZones(configOn(temporaryFolder()), options);
    const told = zones.dynamic.map(({ current }) =>
      [...current].filter(({ type }) => type === Type.PTR).map(({ name }) => `${name}`),
    );
    life.abort();
    await zones.closed;
    const browsing = ["b", "db", "lb"].map((kind) => `${kind}._dns-sd._udp.${zone}`);
    assert.deepEqual(told, [browsing, [], []]);
  });

  test("let go of their folder where one of them cannot be opened", async () => {
    const folder = temporaryFolder();
    const damaged = join(folder, "2.10.in-addr.arpa.journal");
    mkdirSync(damaged);
    const life = new AbortController();
    const options = { clock: systemClock, log: silentLog, signal: life.signal };
    await assert.rejects(openZones(configOn(folder), options), /EISDIR/);
    rmSync(damaged, { recursive: true });
    const zones = await openZones(configOn(folder), options);
    assert.equal(zones.all.length, 3);
    life.abort();
    await zones.closed;
  });
});
