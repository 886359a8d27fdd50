/**
 * The short form of `npm run fuzz` for sessions, in this process: whatever is sent in one, a message with
 * an id gets one response, one without gets none, and a client that breaks the rules is dropped; nothing
 * is left.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Opcode, Rcode } from "../../src/dns/constants.ts";
import { DsoType, isStateful } from "../../src/dns/dso.ts";
import { decode, HEADER_LENGTH } from "../../src/dns/message.ts";
import { MAX_PUSH } from "../../src/dns/push.ts";
import { Push } from "../../src/dnsserver/push/push.ts";
import { StatefulSession } from "../../src/dnsserver/push/session.ts";
import type { Peer } from "../../src/net/server/session.ts";
import { makeZone } from "../dnsserver/fixture.ts";
import { viewOf } from "../dnsserver/pushing.ts";
import { FakeClock } from "../support/clock.ts";
import { toldIn } from "../support/pushclient.ts";
import { operator } from "../zone/fixture.ts";
import { statefulCorpus, updateCorpus } from "./corpus.ts";
import { Mutator } from "./mutation.ts";

const COUNT = 10_000;

test(`${COUNT.toLocaleString("en")} hostile messages in sessions get one response or none`, async () => {
  const clock = new FakeClock();
  const zone = makeZone();
  const view = viewOf([zone]);
  let disputed = 0;
  const push = new Push({ clock, viewOf: () => view, reconfirm: () => disputed++ });
  const corpus = statefulCorpus();
  const mutator = new Mutator(9, corpus);
  const updates = updateCorpus();
  const { chance } = mutator;
  const rcodes = new Map<number, number>();
  let [said, told, aborted] = [0, 0, 0];

  const converse = async () => {
    const life = new AbortController();
    const { signal } = life;
    let sent: Buffer[] = [];
    let offered = 0;
    const untaken: (() => void)[] = [];
    const peer: Peer = {
      source: { address: `10.0.0.${chance.below(4)}`, port: 4000 },
      isBusy: chance.below(8) === 0,
      isCrowded: chance.below(8) === 0,
      send: (message, taken) => {
        assert.ok(!signal.aborted, "nothing is said to who was let go");
        sent.push(message);
        untaken.push(taken);
      },
      retire: () => life.abort(),
      abort: () => life.abort(),
      signal,
    };
    const session = new StatefulSession(peer, { push, clock });
    const hear = () => {
      const responses: Buffer[] = [];
      for (const octets of sent) {
        assert.equal((octets[2]! >> 3) & 0xf, Opcode.DSO);
        assert.equal(octets.toString("hex", 4, HEADER_LENGTH), "00".repeat(8));
        if (octets[2]! >= 0x80) responses.push(octets);
        else if (octets.readUInt16BE(HEADER_LENGTH) === DsoType.KEEPALIVE) offered++;
        else told += assertPush(octets);
      }
      sent = [];
      return responses;
    };
    for (let times = chance.below(40); times > 0 && !signal.aborted; times--) {
      const octets = chance.below(2) === 0 ? chance.one(corpus) : mutator.next();
      if (octets.length < HEADER_LENGTH || !isStateful(octets)) continue;
      said++;
      session.receive(octets);
      const responses = hear();
      const id = octets.readUInt16BE();
      const isRequest = octets[2]! < 0x80 && id !== 0;
      if (octets[2]! >= 0x80) assert.ok(signal.aborted);
      assert.equal(responses.length, isRequest && !signal.aborted ? 1 : 0);
      for (const response of responses) {
        assert.equal(response.readUInt16BE(), id);
        const rcode = response[3]! & 0xf;
        rcodes.set(rcode, 1 + (rcodes.get(rcode) ?? 0));
      }
      if (chance.below(3) === 0) await Promise.resolve();
      if (chance.below(3) === 0) for (const taken of untaken.splice(0)) taken();
      if (chance.below(4) === 0) await change();
      if (chance.below(16) === 0) clock.advance(chance.below(20_000));
      assert.deepEqual(hear(), []);
      assert.ok(offered <= 1, "timeouts are told once");
    }
    if (signal.aborted) aborted++;
    life.abort();
    clock.advance(0);
  };
  const change = async () => {
    const { authorities } = decode(chance.one(updates));
    await zone.apply({ zone: zone.origin, prerequisites: [], updates: authorities }, operator);
    push.look();
  };

  while (said < COUNT) await converse();
  assert.equal(push.size, 0);
  assert.equal(clock.next, undefined, "no session has a timer left");
  for (const rcode of [Rcode.NOERROR, Rcode.FORMERR, Rcode.NOTAUTH, Rcode.DSOTYPENI]) {
    assert.ok(rcodes.has(rcode), `${rcode} among ${[...rcodes].join(" ")}`);
  }
  assert.ok(told > COUNT / 10 && aborted > COUNT / 100 && disputed > 0, `${told} ${aborted}`);
});

/** Checks a push; returns how many notices it has. */
function assertPush(octets: Buffer): number {
  assert.ok(octets.length <= MAX_PUSH && octets.readUInt16BE() === 0);
  const told = toldIn(octets);
  assert.ok(told.length > 0);
  return told.length;
}
