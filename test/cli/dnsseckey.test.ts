import assert from "node:assert/strict";
import { chmodSync, chownSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { dnssecKey } from "../../src/cli/dnsseckey.ts";
import { SigningKey } from "../../src/dns/signingkey.ts";
import { MAIN, temporaryFolder } from "../support/gateway.ts";
import { ON_FULL_DISK, run, succeed } from "../support/process.ts";
import { skipWithout } from "../support/tool.ts";

const ZONE = "bonjour.example.com";

/** The command, with keys in a folder of its own. */
function open() {
  const folder = join(temporaryFolder(), "keys");
  const key = async (...parameters: string[]) => {
    const command = [process.execPath, MAIN, "key", "--dnssec", "--folder", folder];
    const { status, stdout, stderr } = await run([...command, ...parameters]);
    return { status, text: `${stdout}${stderr}` };
  };
  const keys = () =>
    readdirSync(folder)
      .filter((file) => file.endsWith(".private"))
      .map((file) => {
        const path = join(folder, file);
        const text = readFileSync(path.replace(/private$/, "key"), "utf8");
        return SigningKey.parse(text, readFileSync(path, "utf8"));
      });
  return { folder, key, keys };
}

describe("dnssd-gateway key --dnssec", () => {
  it("makes a key that is used at once, and prints its DNSKEY and DS", async () => {
    for (const [algorithm, number] of [
      ["ecdsap256sha256", 13],
      ["ed25519", 15],
    ] as const) {
      const { key, keys } = open();
      const { status, text } = await key(ZONE, "--algorithm", algorithm);
      assert.equal(status, 0, text);
      const [made, ...more] = keys();
      assert.deepEqual([more.length, made!.number, made!.isEntryPoint], [0, number, true]);
      const { Created, Publish, Activate, SyncPublish } = made!.times;
      assert.deepEqual([Publish, Activate, SyncPublish], [Created, Created, Created]);
      assert.match(text, new RegExp(`^${ZONE}\\.\\tIN\\tDNSKEY\\t257 3 ${number} `, "m"));
      assert.match(text, new RegExp(`^${ZONE}\\.\\tIN\\tDS\\t${made!.tag} ${number} 2 `, "m"));
    }
  });

  it("prints the same DS as BIND", { skip: skipWithout("dnssec-dsfromkey") }, async () => {
    const { folder, key, keys } = open();
    const { text } = await key(ZONE);
    const theirs = await succeed([
      ...["dnssec-dsfromkey", "-2"],
      join(folder, `${keys()[0]!.fileName}.key`),
    ]);
    const words = (line: string) => line.replaceAll(/\s+/g, " ").trim();
    assert.ok(text.split("\n").map(words).includes(words(theirs)));
  });

  it("SEC-DNSSEC-17: makes the secret readable by its owner alone, and does not print it", async () => {
    const { folder, key, keys } = open();
    const { text } = await key(ZONE);
    const path = join(folder, `${keys()[0]!.fileName}.private`);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    const [, secret = ""] = /PrivateKey: (.*)/.exec(readFileSync(path, "utf8"))!;
    assert.ok(secret.length > 40 && !text.includes(secret));
  });

  it("SEC-DNSSEC-16: makes a successor, and retires a key that has one", async () => {
    const { folder, key, keys } = open();
    await key(ZONE);
    const [first] = keys();
    const alone = await key(ZONE, "--retire", `${first!.tag}`);
    assert.equal(alone.status, 1);
    assert.match(alone.text, /only key of its kind/);
    await key(ZONE);
    assert.equal(keys().length, 2);
    writeFileSync(join(folder, `${first!.fileName}.new`), "of a run that was killed");
    const retired = await key(ZONE, "--retire", `${first!.tag}`);
    assert.equal(retired.status, 0, retired.text);
    const { times } = keys().find(({ tag }) => tag === first!.tag)!;
    assert.equal(times.Inactive, times.Delete);
    assert.equal(times.Delete! - times.SyncDelete!, 2 * 86_400);
    assert.equal(times.Publish, first!.times.Publish);
    const second = keys().find(({ tag }) => tag !== first!.tag)!;
    assert.equal((await key(ZONE, "--retire", `${second.tag}`)).status, 1);
  });

  it("leaves a key as it was when the disk is full", async () => {
    const { folder, key, keys } = open();
    await key(ZONE);
    await key(ZONE);
    const texts = () => readdirSync(folder).map((file) => readFileSync(join(folder, file), "utf8"));
    const before = [readdirSync(folder), texts()];
    const { tag } = keys()[0]!;
    const command = [process.execPath, MAIN, "key", "--dnssec", "--folder", folder, ZONE];
    for (const more of [[], ["--retire", `${tag}`]]) {
      const { status, stderr } = await run([...ON_FULL_DISK, ...command, ...more]);
      assert.equal(status, 1);
      assert.match(stderr, /EFBIG.*; expected a folder that can be written$/m);
      assert.deepEqual([readdirSync(folder), texts()], before);
    }
  });

  const skip = process.getuid?.() === 0 ? false : "needs root, for files of another user";
  /** Two keys, the first of which is readable for the group. */
  const readable = async () => {
    const { folder, key, keys } = open();
    await key(ZONE);
    await key(ZONE);
    const [{ fileName, tag }] = keys() as [SigningKey];
    const path = join(folder, `${fileName}.private`);
    chownSync(path, 1, 2);
    chmodSync(path, 0o640);
    return { folder, key, tag: `${tag}`, path };
  };
  const assertReadable = (path: string) => {
    const { uid, gid, mode } = statSync(path);
    assert.deepEqual([uid, gid, mode & 0o777], [1, 2, 0o640]);
  };

  it("leaves a retired key readable for whoever could read it", { skip }, async () => {
    const { key, tag, path } = await readable();
    assert.equal((await key(ZONE, "--retire", tag)).status, 0);
    assertReadable(path);
  });

  it("leaves a key that its owner retires to the group that could read it", { skip }, async () => {
    const { folder, tag, path } = await readable();
    const all = readdirSync(folder).map((file) => join(folder, file));
    for (const each of [dirname(folder), folder, ...all]) chownSync(each, 1, 2);
    const groups = process.getgroups!();
    process.setgroups!([2]);
    process.setegid!(3);
    process.seteuid!(1);
    try {
      await dnssecKey(ZONE, { folder, retire: tag, now: Date.now() });
    } finally {
      process.seteuid!(0);
      process.setegid!(0);
      process.setgroups!(groups);
    }
    assertReadable(path);
  });

  it("makes a KSK and a ZSK, and prints a DS for the KSK alone", async () => {
    const { key, keys } = open();
    assert.match((await key(ZONE, "--role", "ksk")).text, /\tDS\t/);
    assert.doesNotMatch((await key(ZONE, "--role", "zsk")).text, /\tDS\t/);
    const all = keys();
    assert.deepEqual(all.map(({ isEntryPoint }) => isEntryPoint).sort(), [false, true]);
    const told = all.filter(({ times }) => times.SyncPublish !== undefined);
    assert.deepEqual(
      told.map(({ isEntryPoint }) => isEntryPoint),
      [true],
    );
    // Neither is a successor of the other.
    const { status, text } = await key(ZONE, "--retire", `${told[0]!.tag}`);
    assert.equal(status, 1);
    assert.match(text, /only key of its kind/);
  });

  it("says what it expected in place of a wrong argument", async () => {
    const { key, keys } = open();
    for (const [parameters, why] of [
      [
        [ZONE, "--algorithm", "rsasha1"],
        /^--algorithm: "rsasha1": expected one of ecdsap256sha256, ed25519$/m,
      ],
      [[ZONE, "--role", "boss"], /^--role: "boss": expected one of csk, ksk, zsk$/m],
      [["a..b"], /expected a zone such as/],
      [[ZONE, "--retire", "17"], /expected/],
    ] as const) {
      const { status, text } = await key(...parameters);
      assert.equal(status, 1);
      assert.match(text, why);
    }
    await key("other.example.");
    const other = keys()[0]!.tag;
    const none = await key(ZONE, "--retire", `${other}`);
    assert.match(
      none.text,
      /^--retire: "\d+": no key of bonjour\.example\.com\.; expected one of none$/m,
    );
    await key(ZONE);
    const own = keys().find(({ tag }) => tag !== other)!.tag;
    const { status, text } = await key(ZONE, "--retire", "x");
    assert.equal(status, 1);
    assert.ok(text.includes(`--retire: "x": no key of ${ZONE}.; expected one of ${own}\n`), text);
  });

  it("says in one line that the folder cannot be made, or is not a folder", async () => {
    const { folder, key } = open();
    writeFileSync(folder, "");
    for (const more of [[], ["--folder", join(folder, "deeper")]]) {
      const { status, text } = await key(ZONE, ...more);
      assert.equal(status, 1);
      assert.match(text, /^\S+\/keys\S*: .*; expected a folder that can be written\n$/);
    }
  });
});
