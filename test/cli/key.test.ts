import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parseConfig } from "../../src/config.ts";
import { tsigAlgorithms } from "../../src/dns/tsig.ts";
import { MAIN, temporaryFolder } from "../support/gateway.ts";
import { ON_FULL_DISK, run, succeed } from "../support/process.ts";
import { skipWithout } from "../support/tool.ts";

const key = (...parameters: string[]) => run([process.execPath, MAIN, "key", ...parameters]);

/** The two forms it prints. */
async function printed(...parameters: string[]): Promise<{ ours: string; bind: string }> {
  const { status, stdout, stderr } = await key(...parameters);
  assert.equal(status, 0, stderr);
  const [ours = "", bind = ""] = stdout.toString().split("\n\n");
  return { ours, bind };
}

describe("dnssd-gateway key", () => {
  it("prints a key whose secret is as long as the digest, for each algorithm", async () => {
    for (const [i, algorithm] of tsigAlgorithms.entries()) {
      const { ours, bind } = await printed("paris.key", "--algorithm", algorithm);
      const read = parseConfig(ours, "printed", "/").keys.get("paris.key")!;
      assert.equal(read.algorithm, algorithm);
      assert.equal(read.secret.length, [20, 28, 32, 48, 64][i]);
      assert.match(bind, new RegExp(`algorithm ${algorithm};`));
      assert.ok(bind.includes(Buffer.from(read.secret).toString("base64")));
    }
  });

  it("TSIG-01: prints another secret each time, for hmac-sha256 unless told otherwise", async () => {
    const [one, another] = [await printed("paris"), await printed("paris")];
    assert.notEqual(one.ours, another.ours);
    assert.match(one.bind, /algorithm hmac-sha256;/, "where none is named");
  });

  it("prints a name so that YAML reads it as a string", async () => {
    for (const name of ["1e3", "0x1F", "010", "null", "true", "-", "---", "1.5", "paris-2.key"]) {
      const { ours, bind } = await printed("--", name);
      assert.deepEqual([...parseConfig(ours, "printed", "/").keys.keys()], [name]);
      assert.ok(bind.includes(`key "${name}" {`));
    }
    assert.match((await printed("paris")).ours, /^ {2}paris: /m, "quoted only where it must be");
  });

  it("binds the key to a site", async () => {
    const { ours } = await printed("paris", "--site", "paris");
    assert.deepEqual(parseConfig(ours, "printed", "/").keys.get("paris")!.sites, ["paris"]);
    assert.ok(!ours.includes("everything"));
    const label = 'Étage 1: "nord", est';
    const rich = (await printed("paris", "--site", label)).ours;
    assert.deepEqual(parseConfig(rich, "printed", "/").keys.get("paris")!.sites, [label]);
    assert.match((await printed("paris")).ours, /^# bound to no site: .*everything/m);
  });

  it("writes a file that only its owner can read, and never over another", async () => {
    const folder = temporaryFolder();
    const file = join(folder, "paris, 1: a.key");
    const { ours, bind } = await printed("paris", "--file", file);
    assert.equal(bind, "");
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const { secret } = parseConfig(ours, "printed", folder).keys.get("paris")!;
    const text = readFileSync(file, "utf8");
    assert.ok(text.includes(Buffer.from(secret).toString("base64")));
    assert.ok(!ours.includes(Buffer.from(secret).toString("base64")));

    const { status, stderr } = await key("paris", "--file", file);
    assert.deepEqual(
      [status, stderr],
      [1, `${file}: already exists; expected the path of a new file\n`],
    );
    assert.equal(readFileSync(file, "utf8"), text);
    const nowhere = await key("paris", "--file", join(folder, "keys", "paris"));
    assert.match(nowhere.stderr, /: no such folder: \/.*\/keys; expected/);
    rmSync(folder, { recursive: true });
  });

  it("leaves no half of a file on a full disk", async () => {
    const folder = temporaryFolder();
    const file = join(folder, "paris");
    const command = [process.execPath, MAIN, "key", "paris", "--file", file];
    const { status, stderr } = await run([...ON_FULL_DISK, ...command]);
    assert.equal(status, 1);
    assert.match(stderr, /paris: cannot be written \(EFBIG\); expected/);
    assert.deepEqual(readdirSync(folder), []);
    rmSync(folder, { recursive: true });
  });

  it("says in one line what is wrong with a name, an algorithm or a site", async () => {
    for (const parameters of [
      ...[['pa"ris'], ["a..b"], [""], ["file"], ["paris", "--algorithm", "hmac-md5"]],
      ...["", "_paris", "*", "p".repeat(64)].map((site) => ["paris", "--site", site]),
    ]) {
      const { status, stdout, stderr } = await key(...parameters);
      assert.deepEqual([status, `${stdout}`, stderr.trim().split("\n").length], [1, "", 1], stderr);
      const option = parameters.find((each) => each.startsWith("--")) ?? "";
      assert.ok(stderr.startsWith(option), stderr);
    }
  });

  it("prints a key that BIND reads", { skip: skipWithout("named-checkconf") }, async () => {
    const folder = temporaryFolder();
    const file = join(folder, "named.conf");
    writeFileSync(file, (await printed("paris", "--algorithm", "hmac-sha512")).bind);
    await succeed(["named-checkconf", file]);
    rmSync(folder, { recursive: true });
  });
});
