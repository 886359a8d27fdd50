/**
 * The short form of `npm run fuzz`: hostile datagrams against the codec, the server's edge and a
 * link's cache, all in this process. What is read must also survive being written and read again,
 * and being printed and parsed.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import dns2 from "dns2";
import { LinkCache } from "../../src/collector/link/cache.ts";
import { project } from "../../src/collector/projection/project.ts";
import { Site } from "../../src/collector/projection/site.ts";
import { encode } from "../../src/dns/encode.ts";
import { FormatError } from "../../src/dns/format.ts";
import { decode, type Message } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { type ResourceRecord, recordsOf } from "../../src/dns/record.ts";
import { formatRdata, parseRdataText } from "../../src/dns/text.ts";
import { collectorPrincipal } from "../../src/zone/update/principal.ts";
import { OPEN } from "../collector/fixture.ts";
import { makeServer } from "../dnsserver/fixture.ts";
import { wordsOf } from "../support/words.ts";
import { multicastCorpus, unicastCorpus, ZONE } from "./corpus.ts";
import { Mutator } from "./mutation.ts";

const COUNT = 200_000;
/** dns2 reads some thousand messages a second, so it sees one in so many. */
const SECOND_OPINION = 100;

describe(`${COUNT.toLocaleString("en")} hostile datagrams`, () => {
  it("cause only FormatErrors in the codec, which can write and print all that it reads", () => {
    const mutator = new Mutator(1, [...multicastCorpus(), ...unicastCorpus()]);
    let read = 0;
    for (let i = 0; i < COUNT; i++) {
      const message = messageOf(mutator.next(), i % 2 === 0);
      if (message === undefined) continue;
      const octets = encode(message);
      assert.deepEqual(encode(decode(octets)), octets);
      for (const record of message.answers) assertPrintable(record);
      // dns2 reads records without data, as in an UPDATE's prerequisites, differently.
      const isPlain = message.answers.every(({ rdata }) => !rdata.isEmpty);
      if (++read % SECOND_OPINION !== 0 || !isPlain) continue;
      assert.equal(dns2.Packet.parse(octets).answers.length, message.answers.length);
    }
    assert.ok(read > COUNT / 10, `${read} of ${COUNT} could be read`);
  });

  it("get a well-formed answer from the server, or silence", () => {
    const server = makeServer();
    const mutator = new Mutator(2, unicastCorpus());
    const rcodes = new Map<number, number>();
    for (let i = 0; i < COUNT / 2; i++) {
      const query = mutator.next();
      for (const octets of server.answers(query, i % 2 === 0 ? "udp" : "tcp")) {
        const answer = decode(octets);
        assert.ok(answer.isResponse && answer.id === query.readUInt16BE(0));
        rcodes.set(answer.rcode, 1 + (rcodes.get(answer.rcode) ?? 0));
      }
    }
    assert.ok(!rcodes.has(2), "none is SERVFAIL");
    assert.ok(rcodes.size >= 4, [...rcodes].join(" "));
  });

  it("leave a link's cache within its bounds", () => {
    const limit = 1_000_000;
    const cache = new LinkCache({ random: Math.random, disputed: () => {}, limit });
    const mutator = new Mutator(3, multicastCorpus());
    for (let now = 0; now < COUNT / 4; now++) {
      const message = messageOf(mutator.next(), true);
      if (message === undefined) continue;
      const from = { source: `10.0.${now & 3}.${now % 250}`, family: 4 } as const;
      cache.receive(message, from, now);
      if ((cache.due() ?? Number.POSITIVE_INFINITY) <= now) cache.poll(now);
      assert.ok(cache.octets <= limit, `${cache.octets} octets`);
    }
    assert.ok(cache.size > 500 && cache.counters.evicted > 0, "the bound was reached");
  });

  it("get nothing published that the zone would refuse, and with it all the rest", () => {
    const zone = Name.parse(ZONE);
    const { permits } = collectorPrincipal("collector", zone, () => true);
    const cache = new LinkCache({ random: Math.random, disputed: () => {} });
    const site = new Site(zone.child("lan")!, OPEN);
    site.caches.add(cache);
    const mutator = new Mutator(8, multicastCorpus());
    let published = 0;
    for (let now = 0; now < COUNT / 4; now++) {
      const message = messageOf(mutator.next(), true);
      if (message !== undefined) cache.receive(message, { source: "10.0.0.66", family: 4 }, now);
      if (now % 5000 !== 4999) continue;
      for (const record of [...project([site], zone, now).sets].flatMap(recordsOf)) {
        published++;
        assert.ok(permits(record), `${record.name} ${record.rdata.values.join(" ")}`);
      }
    }
    assert.ok(published > 1000, `${published} records`);
  });
});

function messageOf(datagram: Buffer, isLenient: boolean): Message | undefined {
  try {
    return decode(datagram, { isLenient });
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

function assertPrintable({ rdata }: ResourceRecord): void {
  if (rdata.isEmpty) return;
  const text = formatRdata(rdata);
  const back = parseRdataText(rdata.type, wordsOf(text), Name.root);
  assert.equal(Buffer.compare(back.toWire(), rdata.toWire()), 0, text);
}
