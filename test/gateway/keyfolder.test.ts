import assert from "node:assert/strict";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ConfigError } from "../../src/config/mistakes.ts";
import { Name } from "../../src/dns/name.ts";
import { type KeyRole, type KeyTimes, SigningKey } from "../../src/dns/signingkey.ts";
import { openKeyFolder } from "../../src/gateway/keyfolder.ts";
import type { Log } from "../../src/log.ts";
import { FakeClock } from "../support/clock.ts";
import { temporaryFolder } from "../support/gateway.ts";
import { waitFor } from "../support/wait.ts";

const origin = Name.parse("z.example.");
const other = Name.parse("y.example.");
const make = (times: KeyTimes = {}, owner = origin) =>
  SigningKey.generate(owner, "ed25519", "csk", times);

/** A folder of keys, and a gateway that reads it. */
class Scene {
  readonly folder = temporaryFolder();
  readonly clock = new FakeClock();
  readonly facts: string[] = [];
  changes = 0;
  reload = () => {};
  readonly #life = new AbortController();

  write(...keys: readonly SigningKey[]): this {
    for (const key of keys) {
      writeFileSync(join(this.folder, `${key.fileName}.key`), key.formatKey());
      const path = join(this.folder, `${key.fileName}.private`);
      writeFileSync(path, key.formatPrivateKey(), { mode: 0o600 });
    }
    return this;
  }

  remove(key: SigningKey): void {
    for (const end of ["key", "private"]) rmSync(join(this.folder, `${key.fileName}.${end}`));
  }

  async open() {
    const { folder, clock, facts } = this;
    const note = (fields: object, fact: string) =>
      void facts.push(`${fact} ${JSON.stringify(fields)}`);
    const log: Log = { debug: note, info: note, warn: note, error: note };
    const zones = await openKeyFolder({
      ...{ folder, clock, log, origins: [origin, other], signal: this.#life.signal },
      changed: () => this.changes++,
      onReload: (reload) => {
        this.reload = reload;
      },
    });
    return zones.get(origin.key)!;
  }

  end(): void {
    this.#life.abort();
  }
}

describe("the folder of keys", () => {
  it("gives each zone its own keys", async () => {
    const [key, foreign] = [make(), make({}, Name.parse("elsewhere.z.example."))];
    const scene = new Scene().write(key, foreign, make({}, other));
    writeFileSync(join(scene.folder, "tls.private"), "no key of a zone");
    const { all } = await scene.open();
    assert.deepEqual(
      all.map(({ tag }) => tag),
      [key.tag],
    );
    const strange = scene.facts.filter((fact) => /not served here/.test(fact));
    assert.deepEqual(strange, [
      `keys belong to zones that are not served here {"keys":["${foreign.fileName}"]}`,
    ]);
    scene.end();
  });

  it("SEC-DNSSEC-16: is read again each minute, and on a reload", async () => {
    const scene = new Scene().write(make());
    const zone = await scene.open();
    scene.write(make());
    scene.clock.advance(60_000);
    await waitFor("the second key", () => zone.all.length === 2);
    const looked = () => waitFor("the next look to be due", () => scene.clock.next !== undefined);
    await looked();
    scene.write(make());
    scene.clock.advance(60_000);
    await waitFor("the third key", () => zone.all.length === 3);
    await looked();
    scene.clock.advance(60_000);
    await looked();
    const signed = scene.facts.filter((fact) => /is signed/.test(fact));
    assert.deepEqual(
      [scene.changes, signed.length],
      [3, 3],
      "nothing is said where nothing is new",
    );
    scene.write(make());
    scene.reload();
    await waitFor("the fourth key", () => zone.all.length === 4);
    assert.ok(!scene.facts.some((fact) => /not served here/.test(fact)));
    scene.write(make());
    scene.clock.advance(60_000);
    scene.end();
    await waitFor("the last look to be over", () => zone.all.length === 5);
    assert.equal(scene.clock.next, undefined);
  });

  it("logs whether the keys of a zone sign yet", async () => {
    const [key, later] = [make(), make({ Activate: 2 ** 32 - 1 })];
    const told = async (each: SigningKey) => {
      const scene = new Scene().write(each);
      await scene.open();
      scene.end();
      assert.equal(scene.clock.next, undefined, "and nothing is looked at any more");
      return scene.facts;
    };
    const fields = ({ tag }: SigningKey) => `{"zone":"z.example.","keys":[${tag}]}`;
    assert.deepEqual(await told(key), [`the zone is signed ${fields(key)}`]);
    assert.deepEqual(await told(later), [`no key signs the zone ${fields(later)}`]);
  });

  it("logs when time changes which keys sign, even if they can no longer be read", async () => {
    const time = new FakeClock().wall() / 1000;
    const [first, second] = [make({ Inactive: time + 90 }), make({ Activate: time + 30 })];
    const ends = second.at({ ...second.times, Inactive: time + 200 });
    const scene = new Scene().write(first, ends);
    await scene.open();
    const facts = () => scene.facts.filter((fact) => /sign/.test(fact));
    const pass = async (count: number) => {
      scene.clock.advance(60_000);
      await waitFor("the next look to be due", () => scene.clock.next !== undefined);
      assert.equal(facts().length, count);
      return facts().at(-1);
    };
    assert.match(facts()[0]!, new RegExp(`the zone is signed .*\\[${first.tag}\\]`));
    assert.match((await pass(2))!, /the zone is signed .*\[\d+,\d+\]/);
    assert.match((await pass(3))!, new RegExp(`the zone is signed .*\\[${second.tag}\\]`));
    writeFileSync(join(scene.folder, "Kbroken.private"), "no key");
    await pass(3);
    assert.match((await pass(4))!, /no key signs the zone/);
    await pass(4);
    const failures = () => scene.facts.filter((fact) => /cannot be read/.test(fact)).length;
    assert.equal(failures(), 1, "nothing is said where nothing is new");
    scene.reload();
    await waitFor("an answer to whoever asks", () => failures() === 2);
    scene.end();
  });

  it("logs when time changes which key signs the keys alone", async () => {
    const time = new FakeClock().wall() / 1000;
    const kind = (role: KeyRole, times: KeyTimes) =>
      SigningKey.generate(origin, "ed25519", role, times);
    const [old, successor] = [
      kind("ksk", { Inactive: time + 90 }),
      kind("ksk", { Activate: time + 30 }),
    ];
    const zsk = kind("zsk", {});
    const scene = new Scene().write(old, successor, zsk);
    await scene.open();
    const told = () => {
      const lines = scene.facts.filter((fact) => /the zone is signed/.test(fact));
      return lines.map((line) => JSON.parse(/\[.*\]/.exec(line)![0]).sort());
    };
    const tags = (...keys: SigningKey[]) => keys.map(({ tag }) => tag).sort();
    for (const expected of [
      [old, zsk],
      [old, successor, zsk],
      [successor, zsk],
    ]) {
      assert.deepEqual(told().at(-1), tags(...expected));
      scene.clock.advance(60_000);
      await waitFor("the next look to be due", () => scene.clock.next !== undefined);
    }
    assert.equal(told().length, 3);
    scene.end();
  });

  it("brings in changed times of a key", async () => {
    const key = make();
    const scene = new Scene().write(key);
    const zone = await scene.open();
    scene.write(key.at({ Inactive: 1 }));
    scene.reload();
    await waitFor("the key to end", () => zone.at(2).zoneSigners.length === 0);
    scene.end();
  });

  it("keeps a zone signed if its keys vanish or become unreadable, but drops expired keys", async () => {
    const [key, over] = [make(), make({ Delete: 1 })];
    const scene = new Scene().write(key, over);
    const zone = await scene.open();
    scene.remove(key);
    scene.remove(over);
    scene.reload();
    await waitFor("a word", () =>
      scene.facts.some((fact) => /vanished before their time/.test(fact)),
    );
    assert.deepEqual(
      zone.all.map(({ tag }) => tag),
      [key.tag],
    );
    writeFileSync(join(scene.folder, "Kbroken.private"), "no key");
    scene.reload();
    await waitFor("a word", () => scene.facts.some((fact) => /cannot be read/.test(fact)));
    assert.equal(zone.all.length, 1);
    scene.end();
  });

  it("SEC-DNSSEC-17: warns once for each secret that others can read", async () => {
    const key = make();
    const scene = new Scene().write(key);
    chmodSync(join(scene.folder, `${key.fileName}.private`), 0o640);
    await scene.open();
    const told = () => scene.facts.filter((fact) => /chmod 600/.test(fact));
    assert.equal(told().length, 1);
    // And once about one that comes later.
    const later = make();
    scene.write(later);
    chmodSync(join(scene.folder, `${later.fileName}.private`), 0o604);
    scene.reload();
    await waitFor("the later one to be told of", () => told().length > 1);
    scene.write(make());
    scene.reload();
    await waitFor(
      "a third key",
      () => scene.facts.filter((fact) => /is signed/.test(fact)).length > 2,
    );
    assert.equal(told().length, 2);
    assert.ok(told()[1]!.includes(later.fileName));
    scene.end();
  });

  it("is a mistake of the configuration if it is missing, has no key or a broken one", async () => {
    const mistake = (scene: Scene, why: RegExp) =>
      assert.rejects(
        scene.open(),
        (error) => error instanceof ConfigError && why.test(error.message),
      );
    await mistake(new Scene(), /no key for any zone.*key --dnssec z\.example\./);
    const broken = new Scene();
    writeFileSync(join(broken.folder, "Kbroken.private"), "no key");
    await mistake(broken, /Kbroken\.private: .*expected a key in BIND's format/);
    writeFileSync(join(broken.folder, "Kbroken.key"), "no key");
    await mistake(broken, /Kbroken\.private: .*expected a key in BIND's format/);
    const gone = new Scene();
    rmSync(gone.folder, { recursive: true });
    await mistake(gone, /expected a folder with keys/);
  });
});
