import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Type, typeName } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { type KeyRole, type KeyTimes, SigningKey } from "../../src/dns/signingkey.ts";
import { ZoneKeys } from "../../src/zone/dnssec/zonekeys.ts";

const origin = Name.parse("z.example.");
const make = (
  role: KeyRole,
  times: KeyTimes = {},
  algorithm: "ecdsap256sha256" | "ed25519" = "ed25519",
) => SigningKey.generate(origin, algorithm, role, times);
const tags = (keys: readonly SigningKey[]) => keys.map(({ tag }) => tag);

describe("the keys of a zone", () => {
  it("sign everything if there is one kind, and else each its own", () => {
    const [csk, ksk, zsk] = [make("csk"), make("ksk"), make("zsk")];
    const use = (...keys: SigningKey[]) => {
      const { keySigners, zoneSigners } = new ZoneKeys(origin, keys).at(0);
      return [tags(keySigners), tags(zoneSigners)];
    };
    assert.deepEqual(use(csk), [[csk.tag], [csk.tag]]);
    assert.deepEqual(use(zsk), [[zsk.tag], [zsk.tag]]);
    assert.deepEqual(use(ksk, zsk), [[ksk.tag], [zsk.tag]]);
    const other = make("csk", {}, "ecdsap256sha256");
    assert.deepEqual(use(ksk, zsk, other), [
      [ksk.tag, other.tag],
      [zsk.tag, other.tag],
    ]);
  });

  it("are shown and used at the times in their files", () => {
    const keys = new ZoneKeys(origin, [
      make("csk", { Publish: 10, Activate: 20, SyncPublish: 30, SyncDelete: 40, Inactive: 50 }),
      make("csk", { Publish: 10, Delete: 60 }),
    ]);
    const at = (time: number) => {
      const { sets, zoneSigners } = keys.at(time);
      const seen = sets.map(({ type, rdatas }) => `${rdatas.length} ${typeName(type)}`);
      return `${seen.join(" ")}; ${zoneSigners.length}`;
    };
    const told = "2 DNSKEY 1 CDS 1 CDNSKEY; 1";
    const expected: readonly [number, string][] = [
      [9, "; 0"],
      [10, "2 DNSKEY; 0"],
      [19, "2 DNSKEY; 0"],
      [20, "2 DNSKEY; 1"],
      [30, told],
      [39, told],
      [40, "2 DNSKEY; 1"],
      [50, "2 DNSKEY; 0"],
      [60, "1 DNSKEY; 0"],
    ];
    // Forward and backward, as clocks are set.
    for (const [time, what] of [...expected, ...expected.toReversed()]) {
      assert.equal(at(time), what, `${time}`);
    }
  });

  it("are used only while they are shown", () => {
    const at = (times: KeyTimes, time: number) => {
      const { sets, zoneSigners } = new ZoneKeys(origin, [make("csk", times)]).at(time);
      return `${sets.map(({ type }) => typeName(type)).join(" ")}; ${zoneSigners.length}`;
    };
    const whole = { Activate: 10, SyncPublish: 10, Delete: 20 };
    assert.deepEqual(
      [9, 10, 20].map((time) => at(whole, time)),
      ["; 0", "DNSKEY CDS CDNSKEY; 1", "; 0"],
    );
    assert.equal(at({ Activate: 10, Publish: 20 }, 10), "DNSKEY; 1");
  });

  it("are the same object as long as nothing about them changes", () => {
    const keys = new ZoneKeys(origin, [make("csk", { Activate: 20 })]);
    assert.equal(keys.at(20), keys.at(1e9));
    assert.notEqual(keys.at(19), keys.at(20));
    const before = keys.at(20);
    keys.replace([...keys.all]);
    assert.notEqual(keys.at(20), before);
  });

  it("are announced to the parent if a DS may point to them, and no others", () => {
    const keys = new ZoneKeys(origin, [
      make("ksk", { SyncPublish: 1 }),
      make("zsk", { SyncPublish: 1 }),
    ]);
    const { sets } = keys.at(2);
    assert.deepEqual(
      sets.map(({ type, ttl, rdatas }) => [type, ttl, ...rdatas.map((data) => data.type)]),
      [
        [Type.DNSKEY, 3600, Type.DNSKEY, Type.DNSKEY],
        [Type.CDS, 3600, Type.CDS],
        [Type.CDNSKEY, 3600, Type.CDNSKEY],
      ],
    );
  });
});
