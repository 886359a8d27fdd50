import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { suite, test } from "node:test";
import { type HashAlgorithm, Hmac } from "../../src/dns/hmac.ts";

const algorithms: readonly HashAlgorithm[] = ["sha1", "sha224", "sha256", "sha384", "sha512"];

suite("HMAC", () => {
  test("has the digests of RFC 4231 §4.3 and §4.7", () => {
    const jefe = new Hmac("sha256", Buffer.from("Jefe"));
    assert.equal(
      jefe.digest(Buffer.from("what do ya want for nothing?")).toString("hex"),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    );
    const long = new Hmac("sha256", Buffer.alloc(131, 0xaa));
    assert.equal(
      long
        .digest(Buffer.from("Test Using Larger Than Block-Size Key - Hash Key First"))
        .toString("hex"),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    );
  });

  test("matches that of node:crypto, for keys and messages of any length, one after the other", () => {
    for (const algorithm of algorithms) {
      for (const length of [0, 1, 20, 63, 64, 65, 127, 128, 129, 300]) {
        const key = randomBytes(length);
        const hmac = new Hmac(algorithm, key);
        for (const message of [0, 1, 65_535, 2].map((size) => randomBytes(size))) {
          const expected = createHmac(algorithm, key).update(message).digest("hex");
          assert.equal(hmac.digest(message).toString("hex"), expected, `${algorithm} ${length}`);
        }
      }
    }
  });
});
