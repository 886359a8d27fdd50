import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Name } from "../../src/dns/name.ts";
import { added, encodePushes, MAX_PUSH } from "../../src/dns/push.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { toldIn } from "../support/pushclient.ts";

const TYPE = 65280;
/** The octets around the data of a message's one notice, of the root: header, TLV, name, type to length. */
const OVERHEAD = 12 + 4 + 1 + 10;

function notice(octets: number) {
  const data = rdata.opaque(TYPE, Buffer.alloc(octets));
  return added({ name: Name.root, type: TYPE, ttl: 10, rdatas: [data] }, data);
}

/** How many notices each message has. */
function counts(...sizes: readonly number[]): number[] {
  return [...encodePushes(sizes.map(notice))].map((octets) => {
    assert.ok(octets.length <= MAX_PUSH);
    return toldIn(octets).length;
  });
}

suite("PUSH-12, PUSH-16: PUSH messages", () => {
  const most = MAX_PUSH - OVERHEAD;

  test("have up to 16,382 octets", () => {
    assert.equal([...encodePushes([notice(most)])][0]!.length, 16_382);
    assert.deepEqual(counts(most), [1]);
    assert.deepEqual(counts(most - 31, 20), [2]);
    assert.deepEqual(counts(most - 30, 20), [1, 1]);
    assert.deepEqual(counts(), []);
  });

  test("leave out what does not fit in any, and are never empty", () => {
    assert.deepEqual(counts(most + 1), []);
    assert.deepEqual(counts(5, most + 1, most + 1, 5, 5), [1, 2]);
    assert.deepEqual(counts(60_000, 5), [1]);
  });
});
