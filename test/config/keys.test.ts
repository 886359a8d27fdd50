import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parseConfig } from "../../src/config.ts";
import { temporaryFolder } from "../support/gateway.ts";
import { mistakes } from "./mistakes.ts";

const secret = Buffer.from("a secret of the two").toString("base64");
const bind = (name: string, algorithm = "hmac-sha256") =>
  `key "${name}" {\n\talgorithm ${algorithm};\n\tsecret "${secret}";\n};\n`;

describe("the keys of a configuration", () => {
  const folder = temporaryFolder();
  const keysOf = (fields: string) =>
    parseConfig(`keys: { ${fields} }`, "gateway.yaml", folder).keys;
  const mistakesIn = (fields: string) => mistakes(`keys: { ${fields} }`, folder);
  const write = (file: string, text: string) => writeFileSync(join(folder, file), text);

  it("have secrets in files of their own, bare or as BIND and Knot write them", () => {
    write("bare", `${secret}\n`);
    write("bind", bind("B."));
    write("knot", `key:\n- id: b\n  algorithm: hmac-sha256\n  secret: ${secret}\n`);
    for (const file of ["bare", "bind", "knot"]) {
      const key = keysOf(`b: { secretFile: ${file} }`).get("b")!;
      assert.equal(Buffer.from(key.secret).toString(), "a secret of the two", file);
      assert.equal(key.algorithm, "hmac-sha256");
    }
    assert.match(
      mistakesIn("c: { secretFile: knot }").join(),
      /the file of the key b; expected that/,
    );
  });

  it("may be limited to networks if they belong to a site", () => {
    const fields = `secret: "${secret}", networks: [10.1.0.0/16, "2001:db8::/32"]`;
    const key = keysOf(`b: { ${fields}, site: paris }`).get("b")!;
    const written = key.networks?.map(({ address, length }) => `${address}/${length}`);
    assert.deepEqual(written, ["10.1.0.0/16", "2001:db8::/32"]);
    assert.match(
      mistakesIn(`b: { ${fields} }`).join(),
      /keys\.b\.networks: expected a site as well/,
    );
    assert.match(
      mistakesIn(`b: { secret: "${secret}", site: x, networks: [10.1] }`).join(),
      /keys\.b\.networks\[0\]: "?10\.1"? is not a network|keys\.b\.networks\[0\]: expected/,
    );
  });

  it("TSIG-01: have the algorithm of their file, of the field, or hmac-sha256, and never MD5", () => {
    write("nameless", secret);
    assert.equal(keysOf("b: { secretFile: nameless }").get("b")!.algorithm, "hmac-sha256");
    const said = keysOf("b: { secretFile: nameless, algorithm: hmac-sha512 }").get("b")!;
    assert.equal(said.algorithm, "hmac-sha512");
    write("long", bind("b", "HMAC-SHA512"));
    assert.equal(keysOf("b: { secretFile: long }").get("b")!.algorithm, "hmac-sha512");
    assert.deepEqual(mistakesIn("b: { secretFile: long, algorithm: hmac-sha256 }"), [
      "gateway.yaml:1: keys.b.secretFile: long: a key for hmac-sha512; expected one for hmac-sha256, the algorithm given",
    ]);
    write("weak", bind("b", "hmac-md5"));
    assert.match(
      mistakesIn("b: { secretFile: weak }")[0]!,
      /secretFile: weak: expected one of hmac-/,
    );
  });

  it("are kept apart: no file of another key, no two that are one name in DNS", () => {
    write("lyon", bind("lyon"));
    assert.deepEqual(mistakesIn("paris: { secretFile: lyon }"), [
      "gateway.yaml:1: keys.paris.secretFile: lyon: the file of the key lyon; expected that of paris",
    ]);
    assert.deepEqual(mistakesIn(`Paris: { secret: ${secret} }, paris: { secret: ${secret} }`), [
      "gateway.yaml:1: keys.paris: the same name as Paris in DNS; expected another",
    ]);
  });

  it("may not have a secret that is too short or not base64", () => {
    write("word", "garbage\n");
    write("poor", "not a secret!");
    const made = "expected a secret such as `dnssd-gateway key NAME` prints";
    assert.deepEqual(
      mistakesIn("a: { secret: abcd }, b: { secretFile: word }, c: { secretFile: poor }"),
      [`gateway.yaml:1: keys.a.secret: too short to be a secret; ${made}`],
    );
    assert.deepEqual(mistakesIn("b: { secretFile: word }, c: { secretFile: poor }"), [
      `gateway.yaml:1: keys.b.secretFile: word: too short to be a secret; ${made}`,
      `gateway.yaml:1: keys.c.secretFile: poor: not base64; ${made}`,
    ]);
  });

  it("name the command that makes a file that cannot be read", () => {
    mkdirSync(join(folder, "folder"));
    const made = "expected the file that `dnssd-gateway key b --file` made";
    assert.deepEqual(mistakesIn("b: { secretFile: bb }"), [
      `gateway.yaml:1: keys.b.secretFile: bb: no such file; ${made}`,
    ]);
    assert.deepEqual(mistakesIn("b: { secretFile: folder }"), [
      `gateway.yaml:1: keys.b.secretFile: folder: is a folder; ${made}`,
    ]);
  });
});
