import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { Class, Opcode, Rcode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, type Message, makeMessage, makeResponse } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import type { Log } from "../../src/log.ts";
import { makeEdge, type Octets } from "../../src/net/server/edge.ts";
import type { Handler, Ready, Request, Transport } from "../../src/net/server/handler.ts";
import { FakeClock } from "../support/clock.ts";
import fc from "../support/fastcheck.ts";
import { silentLog } from "../support/log.ts";

const owner = Name.parse("_ipp._tcp.example.");
const query = makeMessage({
  id: 7,
  questions: [{ name: owner, type: Type.PTR, class: Class.IN }],
});
const echo: Handler = ({ message }) => [makeResponse(message, {})];

interface Surroundings {
  log?: Log;
  clock?: FakeClock;
  ready?: Pick<Ready, "offer">;
}

function edge(handler: Handler, options: Surroundings = {}) {
  const inner = makeEdge({ handler, log: silentLog, clock: new FakeClock(), ...options });
  return (bytes: Uint8Array, transport: Transport = "udp", signal = new AbortController().signal) =>
    inner({ bytes, transport, source: { address: "192.0.2.9", port: 9 }, signal });
}

function decodeAll(octets: Octets): Message[] {
  assert.ok(Symbol.iterator in octets, "answered without waiting");
  return Array.from(octets, (one) => decode(one));
}

async function collect(octets: Octets): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const one of await octets) messages.push(decode(one));
  return messages;
}

suite("edge", () => {
  test("decodes the request and encodes each response", async () => {
    const seen: Request[] = [];
    const handler: Handler = (request) => {
      seen.push(request);
      return [makeResponse(request.message, {}), makeResponse(request.message, { rcode: 5 })];
    };
    const responses = decodeAll(edge(handler)(encode(query), "tcp"));
    assert.deepEqual(
      responses.map(({ id, isResponse, rcode }) => ({ id, isResponse, rcode })),
      [
        { id: 7, isResponse: true, rcode: 0 },
        { id: 7, isResponse: true, rcode: 5 },
      ],
    );
    assert.equal(seen[0]?.transport, "tcp");
    assert.deepEqual(Buffer.from(seen[0]!.bytes), encode(query));
  });

  test("requests keep one hidden class, with what a layer adds to them too", () => {
    setFlagsFromString("--allow-natives-syntax");
    const haveSameShape = new Function("a", "b", "return %HaveSameMap(a, b)");
    const requests: Request[] = [];
    const keyed: Request[] = [];
    const ask = edge((request) => {
      requests.push(request);
      keyed.push({ ...request, key: "operator" });
      return [];
    });
    for (let i = 0; i < 100; i++) ask(encode(query), i % 2 === 0 ? "udp" : "tcp");
    // The first few are made before V8 has settled on a hidden class.
    for (const later of [requests.slice(50), keyed.slice(50)]) {
      assert.equal(later.length, 50);
      assert.ok(later.every((each) => haveSameShape(each, later[0]) as boolean));
    }
  });

  test("waits if the Handler waits", async () => {
    async function* later({ message }: Request) {
      await Promise.resolve();
      yield makeResponse(message, { rcode: Rcode.NXDOMAIN });
    }
    const responses = edge(later)(encode(query));
    assert.ok(!(Symbol.iterator in responses));
    assert.equal((await collect(responses))[0]?.rcode, Rcode.NXDOMAIN);
  });

  test("answers SERVFAIL for a Handler's mistake, whenever it is made", async () => {
    const mistake = () => {
      throw new Error("mistake");
    };
    const handlers: Handler[] = [
      mistake,
      async () => mistake(),
      // biome-ignore lint/correctness/useYield: it fails before
      async function* () {
        mistake();
      },
      // A message that cannot be encoded.
      ({ message }) => [makeResponse(message, { answers: [{} as never] })],
    ];
    const edns = { udpSize: 1232, version: 0, dnssecOk: true, options: [] };
    for (const handler of handlers) {
      const [response, ...more] = await collect(edge(handler)(encode({ ...query, edns })));
      assert.equal(response?.rcode, Rcode.SERVFAIL);
      assert.equal(response.edns?.dnssecOk, true);
      assert.deepEqual(response.questions[0]?.name.wire, owner.wire);
      assert.equal(more.length, 0);
    }
  });

  test("ends a stream with SERVFAIL if a message does not fit together with its signature", async () => {
    const big = { name: owner, type: Type.NULL, class: Class.IN, ttl: 0 };
    const data = rdata.opaque(Type.NULL, new Uint8Array(65_480));
    const closed: Message[] = [];
    const close = (octets: Buffer) => {
      closed.push(decode(octets));
      return octets;
    };
    const summary = (messages: readonly Message[]) =>
      messages.map(({ rcode, isTruncated }) => [rcode, isTruncated]);
    for (const fields of [{}, { seal: { length: 40, close } }]) {
      const answers = [{ ...big, rdata: data }];
      const stream: Handler = async function* ({ message }) {
        yield makeResponse(message, { answers: [], ...fields });
        yield makeResponse(message, { answers, ...fields });
        yield makeResponse(message, { answers: [], ...fields });
      };
      const responses = await collect(edge(stream)(encode(query), "tcp"));
      assert.deepEqual(
        summary(responses),
        "seal" in fields
          ? [
              [Rcode.NOERROR, false],
              [Rcode.SERVFAIL, false],
            ]
          : Array(3).fill([Rcode.NOERROR, false]),
      );
    }
    // Each signature covers the one before, so unsent messages get none (RFC 8945 §5.3.1).
    assert.deepEqual(summary(closed), [
      [Rcode.NOERROR, false],
      [Rcode.SERVFAIL, false],
    ]);
  });

  test("logs mistakes at most once a second, with their count", () => {
    const lines: object[] = [];
    const log: Log = { ...silentLog, error: (fields) => void lines.push(fields) };
    const clock = new FakeClock();
    const ask = edge(
      () => {
        throw new Error("mistake");
      },
      { log, clock },
    );
    for (let i = 0; i < 500; i++) ask(encode(query));
    assert.equal(lines.length, 1);
    clock.advance(1000);
    ask(encode(query));
    assert.deepEqual(
      lines.map((line) => (line as { failures: number }).failures),
      [1, 500],
    );
  });

  test("sends nothing for a request that nobody waits for", async () => {
    const gone = AbortSignal.abort();
    // biome-ignore lint/correctness/useYield: it fails before
    const handler: Handler = async function* ({ signal }) {
      signal.throwIfAborted();
    };
    assert.deepEqual(await collect(edge(handler)(encode(query), "tcp", gone)), []);
  });

  test("offers only what was made without waiting", async () => {
    const offered: Uint8Array[] = [];
    const ready = { offer: (_request: Request, octets: Uint8Array) => void offered.push(octets) };
    const now = edge(echo, { ready });
    const [sent] = [...(now(encode(query)) as Iterable<Buffer>)];
    assert.deepEqual(offered, [sent]);
    const later = edge(
      async function* (request) {
        yield* echo(request) as Iterable<Message>;
      },
      { ready },
    );
    await collect(later(encode(query)));
    assert.equal(offered.length, 1);
  });

  test("a truncated set continues where the last answer stopped, so that all of it is seen", () => {
    const names = Array.from({ length: 60 }, (_, i) => Name.parse(`User\\032${i}.${owner}`));
    const answers = names.map((each) => ({
      name: owner,
      type: Type.PTR,
      class: Class.IN,
      ttl: 10,
      rdata: rdata.ptr(each),
    }));
    const ask = edge(({ message }) => [makeResponse(message, { answers })]);
    const seen = new Set<string>();
    let tries = 0;
    for (; seen.size < names.length && tries < 10; tries++) {
      const [response] = decodeAll(ask(encode(query)));
      assert.equal(response?.isTruncated, true);
      assert.ok(response.answers.length > 10, "as many as fit");
      for (const record of response.answers) seen.add((record.rdata.values[0] as Name).wire);
    }
    assert.equal(seen.size, names.length);
    assert.ok(tries <= 3, `${tries} tries`);
    const [whole] = decodeAll(ask(encode(query), "tcp"));
    assert.equal(whole?.isTruncated, false);
    assert.equal(whole.answers.length, names.length);
  });

  test("passes a message of another opcode to the Handler octet for octet", () => {
    const bytes = encode(makeMessage({ id: 5, opcode: Opcode.DSO }));
    const dso = Buffer.concat([bytes, Buffer.from([0, 1, 0, 2, 0xab, 0xcd])]);
    let seen: Request | undefined;
    const ask = edge((request) => {
      seen = request;
      return [];
    });
    assert.deepEqual(decodeAll(ask(dso)), []);
    assert.equal(seen?.message.opcode, Opcode.DSO);
    assert.deepEqual(seen.bytes, dso);
  });

  test("nothing is thrown, whatever the octets", () => {
    const ask = edge(echo);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const responses = decodeAll(ask(bytes));
        const isQuery = bytes.length >= 12 && (bytes[2]! & 0x80) === 0;
        assert.equal(responses.length, isQuery ? 1 : 0);
        if (isQuery) assert.equal(responses[0]?.id, (bytes[0]! << 8) | bytes[1]!);
      }),
      { numRuns: 2000 },
    );
  });

  test("a query with octets changed, cut off or added is answered, or is FORMERR", () => {
    const ask = edge(echo);
    const edns = {
      udpSize: 1232,
      version: 0,
      dnssecOk: false,
      options: [{ code: 10, data: Buffer.alloc(8, 1) }],
    };
    const good = encode({ ...query, edns });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 }),
        fc.nat(good.length),
        fc.uint8Array({ maxLength: 8 }),
        (changes, length, tail) => {
          const bytes = Buffer.concat([good.subarray(0, length), tail]);
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          const [response] = decodeAll(ask(bytes));
          if (bytes.length < 12 || bytes[2]! & 0x80) assert.equal(response, undefined);
          else assert.ok(response?.rcode === Rcode.NOERROR || response?.rcode === Rcode.FORMERR);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
