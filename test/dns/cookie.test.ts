import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { addressOctets } from "../../src/dns/address.ts";
import { type CookieContext, judgeCookie, makeCookie } from "../../src/dns/cookie.ts";
import { sipHash24 } from "../../src/dns/siphash.ts";

const hex = (text: string) => Buffer.from(text, "hex");

suite("SipHash-2-4", () => {
  const key = Uint8Array.from({ length: 16 }, (_, i) => i);

  test("matches its authors' values for messages of 0 to 8 and of 15 octets", () => {
    const hashes = `
      310e0edd47db6f72 fd67dc93c539f874 5a4fa9d909806c0d 2d7efbd796666785 b7877127e09427cf
      8da699cd64557618 cee3fe586e46c9cb 37d1018bf50002ab 6224939a79f5f593`;
    const hashOf = (length: number) =>
      Buffer.from(
        sipHash24(
          key,
          Uint8Array.from({ length }, (_, i) => i),
        ),
      ).toString("hex");
    assert.deepEqual(
      Array.from({ length: 9 }, (_, length) => hashOf(length)),
      hashes.trim().split(/\s+/),
    );
    assert.equal(hashOf(15), "e545be4961ca29a1");
  });
});

suite("server cookies", () => {
  const context = (address: string, now: number, ...secrets: string[]): CookieContext => ({
    secrets: secrets.map(hex),
    address: addressOctets(address),
    now,
  });
  const secret = "e5e973e5a6b2a43f48e7dc849e37bfcf";
  const old = "dd3bdf9344b678b185a6f5cb60fca715";
  const next = "445536bcd2513298075a5d379663c962";

  test("EDNS-17: match the examples of RFC 9018, Appendix A", () => {
    const cases: [sent: string, where: CookieContext, verdict: string, reply: string][] = [
      [
        "2464c4abcf10c957",
        context("198.51.100.100", 1559731985, secret),
        "client",
        "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
      ],
      [
        "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
        context("198.51.100.100", 1559734385, secret),
        "stale",
        "2464c4abcf10c957010000005cf7a871d4a564a1442aca77",
      ],
      [
        // Other reserved bits. The example's reply is later than the time of its cookie allows.
        "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
        context("203.0.113.203", 1559734700, secret),
        "client",
        "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e",
      ],
      [
        "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
        context("2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961, next, old),
        "valid",
        "22681ab97d52c298010000005cf7c609a6bb79d16625507a",
      ],
    ];
    for (const [sent, where, verdict, reply] of cases) {
      assert.equal(judgeCookie(hex(sent), where), verdict, sent);
      assert.equal(Buffer.from(makeCookie(hex(sent), where)).toString("hex"), reply);
    }
    const reserved = hex("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5");
    assert.equal(judgeCookie(reserved, context("203.0.113.203", 0x5cf78f71, secret)), "valid");
  });

  test("EDNS-17: are valid for an hour and five minutes ahead, and stale after half an hour", () => {
    const at = (now: number) => context("192.0.2.1", now, secret);
    // Just after the number of seconds has begun anew.
    const now = 2 ** 32 + 10;
    const cookie = makeCookie(Buffer.alloc(8, 7), at(now));
    const verdicts = new Map([
      [0, "valid"],
      [1800, "valid"],
      [1801, "stale"],
      [3600, "stale"],
      [3601, "client"],
      [-300, "valid"],
      [-301, "client"],
    ]);
    for (const [later, verdict] of verdicts) {
      assert.equal(judgeCookie(cookie, at(now + later)), verdict, `${later} s`);
    }
  });

  test("EDNS-15: are invalid for another address, client or secret, and with any bit changed", () => {
    const here = context("192.0.2.1", 1000, secret);
    const cookie = makeCookie(Buffer.alloc(8, 7), here);
    assert.equal(judgeCookie(cookie, here), "valid");
    assert.equal(judgeCookie(cookie, context("192.0.2.2", 1000, secret)), "client");
    assert.equal(judgeCookie(cookie, context("192.0.2.1", 1000, old)), "client");
    for (let bit = 0; bit < cookie.length * 8; bit++) {
      const changed = Buffer.from(cookie);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(judgeCookie(changed, here), "client", `bit ${bit}`);
    }
  });

  test("EDNS-17: are made with the first of two secrets and accepted with either, as these roll over", () => {
    const before = context("192.0.2.1", 1000, old);
    const during = context("192.0.2.1", 1000, next, old);
    const after = context("192.0.2.1", 1000, next);
    const cookie = makeCookie(Buffer.alloc(8, 7), before);
    assert.equal(judgeCookie(cookie, during), "valid");
    assert.equal(judgeCookie(cookie, after), "client");
    assert.deepEqual(makeCookie(cookie, during), makeCookie(cookie, after));
  });

  test("EDNS-17: are another server's if their version is not 1, whatever they are made of", () => {
    const here = context("192.0.2.1", 1000, secret);
    for (const version of [1, 0, 2, 255]) {
      const cookie = Buffer.from(makeCookie(Buffer.alloc(8, 7), here));
      cookie[8] = version;
      const hashed = Buffer.concat([cookie.subarray(0, 16), here.address]);
      cookie.set(sipHash24(hex(secret), hashed), 16);
      assert.equal(judgeCookie(cookie, here), version === 1 ? "valid" : "client", `${version}`);
    }
  });

  test("EDNS-13: have 8 octets, or 16 to 40, and are malformed otherwise", () => {
    const here = context("192.0.2.1", 1000, secret);
    for (let length = 0; length < 64; length++) {
      const isWellFormed = length === 8 || (length >= 16 && length <= 40);
      const verdict = judgeCookie(Buffer.alloc(length), here);
      assert.equal(verdict, isWellFormed ? "client" : "malformed", `${length} octets`);
    }
  });
});
