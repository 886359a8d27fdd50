/** Which layers stand in front of the answers, and what each gets from the configuration. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import type { OnDemand } from "../../src/collector/ondemand.ts";
import { parseConfig } from "../../src/config.ts";
import { Class, Opcode, OptionCode, Rcode, rcodeName, Type } from "../../src/dns/constants.ts";
import { optionOf } from "../../src/dns/edns.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, type Message, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { recordsOf } from "../../src/dns/record.ts";
import { SigningKey } from "../../src/dns/signingkey.ts";
import { openZones } from "../../src/gateway/zones.ts";
import { makeHandler } from "../../src/gateway.ts";
import { makeEdge } from "../../src/net/server/edge.ts";
import type { Transport } from "../../src/net/server/handler.ts";
import { opt } from "../dnsserver/fixture.ts";
import { FakeClock } from "../support/clock.ts";
import { temporaryFolder } from "../support/gateway.ts";
import { silentLog } from "../support/log.ts";
import { sign } from "../support/tsig.ts";
import { principal } from "../zone/fixture.ts";

const ZONE = "z.example.";
const secret = Buffer.alloc(32, 7).toString("base64");
/** In no network that is configured here. */
const STRANGER = "203.0.113.1";

interface Asker {
  readonly address?: string;
  readonly transport?: Transport;
}

/** With `isSigned`, the zone has a signing key. */
async function open(
  settings: object,
  { isSigned = false, onDemand = undefined as unknown, files = {} as Record<string, string> } = {},
) {
  const folder = temporaryFolder();
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  if (isSigned) {
    const key = SigningKey.generate(Name.parse(ZONE), "ed25519", "csk", {});
    mkdirSync(join(folder, "keys"));
    writeFileSync(join(folder, "keys", `${key.fileName}.key`), key.formatKey());
    writeFileSync(join(folder, "keys", `${key.fileName}.private`), key.formatPrivateKey());
  }
  const dnssec = isSigned ? { keys: "keys" } : undefined;
  const all = { ...{ zone: ZONE, data: folder, dnssec }, ...settings };
  const config = parseConfig(JSON.stringify(all), "g", folder);
  const life = new AbortController();
  const clock = new FakeClock({ epoch: Date.now() });
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (_: object, fact: string) => void warnings.push(fact) };
  const zones = await openZones(config, { clock, log, signal: life.signal });
  const parts = { clock, log, onDemand: onDemand as OnDemand | undefined };
  const { handler, ready } = makeHandler(config, zones, parts);
  const edge = makeEdge({ handler, ready, clock, log });
  const { signal } = life;
  /** The first response; undefined where there is none. */
  const ask = async (
    asked: Message | Buffer,
    { address = STRANGER, transport = "udp" }: Asker = {},
  ) => {
    const bytes = Buffer.isBuffer(asked) ? asked : encode(asked);
    const source = { address, port: 4000 };
    const octets = transport === "udp" ? ready.answer(bytes, source) : undefined;
    if (octets !== undefined) return octets.length > 0 ? decode(octets) : undefined;
    const first = async () => {
      for await (const each of await edge({ bytes, transport, source, signal })) return each;
      return undefined;
    };
    const response = first();
    // Transfers take turns on this clock.
    await clock.elapse(0);
    const answer = await response;
    return answer && decode(answer);
  };
  const close = async () => {
    life.abort();
    await zones.closed;
  };
  return { config, zones, clock, ask, warnings, [Symbol.asyncDispose]: close };
}

const questionOf = (type: number, owner = ZONE, klass: number = Class.IN) => ({
  ...{ name: Name.parse(owner), type, class: klass },
});
const ANY = { query: { allow: ["any"], unlimited: [] } };

suite("the request handler", () => {
  test("SEC-02: limits responses, ready-made too, unless `limit` or `unlimited` lifts it", async () => {
    const told = async (limits: object, edns = opt()) => {
      await using server = await open({ query: { ...ANY.query, ...limits } });
      const told: string[] = [];
      for (let i = 0; i < 20; i++) {
        const response = await server.ask(makeMessage({ questions: [questionOf(Type.SOA)], edns }));
        told.push(response === undefined ? "no" : response.isTruncated ? "short" : "whole");
      }
      return Object.fromEntries(
        ["whole", "short", "no"].map((how) => [how, told.filter((each) => each === how).length]),
      );
    };
    // A query with an option never has a ready-made answer.
    const strange = opt({ options: [{ code: OptionCode.NSID, data: Buffer.alloc(0) }] });
    for (const edns of [undefined, strange]) {
      assert.deepEqual(await told({ limit: 1, slip: 1 }, edns), { whole: 10, short: 10, no: 0 });
      assert.deepEqual(await told({ limit: 1, slip: 0 }, edns), { whole: 10, short: 0, no: 10 });
      assert.deepEqual(await told({ limit: 0 }, edns), { whole: 20, short: 0, no: 0 });
      assert.deepEqual(await told({ limit: 1, unlimited: ["203.0.113.0/24"] }, edns), {
        ...{ whole: 20, short: 0, no: 0 },
      });
    }
  });

  test("makes cookies with the configured secret, or else with a random one", async () => {
    const cookie = async (query: object) => {
      await using server = await open({ query: { ...ANY.query, ...query } });
      server.clock.steps = -server.clock.wall();
      const options = [{ code: OptionCode.COOKIE, data: Buffer.alloc(8, 1) }];
      const edns = opt({ options });
      const response = await server.ask(makeMessage({ questions: [questionOf(Type.SOA)], edns }));
      return Buffer.from(optionOf(response!.edns, OptionCode.COOKIE)!).toString("hex");
    };
    const cookieSecret = "445536bcd2513298075a5d379663c962";
    const [first, second, third] = [
      await cookie({ cookieSecret }),
      await cookie({ cookieSecret }),
      await cookie({}),
    ];
    assert.equal(first.length, 48);
    assert.equal(first, second);
    assert.equal(third.length, 48);
    assert.equal(new Set([first, third, await cookie({})]).size, 3);
  });

  test("TSIG-07: refuses an update signed before the last one that its zones have taken", async () => {
    const keys = { admin: { secret } };
    await using server = await open({ ...ANY, keys });
    const { zones, config, clock, ask } = server;
    const now = Math.floor(clock.wall() / 1000);
    const set = (text: string) => ({
      ...{ name: Name.parse(`a.${ZONE}`), type: Type.TXT, ttl: 10, rdatas: [rdata.txt(text)] },
    });
    const update = { zone: config.zone, prerequisites: [], updates: recordsOf(set("a")) };
    const shared = zones.dynamic[0]!;
    await shared.apply({ ...update, signedAt: now }, principal("admin"));
    const rcodeOf = async (time: number) => {
      const message = makeMessage({
        ...{ opcode: Opcode.UPDATE, questions: [questionOf(Type.SOA)] },
        authorities: recordsOf(set(`${time}`)),
      });
      const { bytes } = sign(message, config.keys.get("admin")!, time);
      return rcodeName((await ask(bytes, { transport: "tcp" }))!.rcode);
    };
    assert.deepEqual([await rcodeOf(now - 1), await rcodeOf(now + 1)], ["NOTAUTH", "NOERROR"]);
  });

  test("transfers zones, the catalog too, only to those who may have them", async () => {
    const settings = { catalog: "catalog.example", transfer: { allow: ["192.0.2.1"] } };
    await using server = await open({ ...ANY, ...settings });
    const copied = (address: string) =>
      Promise.all(
        [ZONE, "catalog.example."].map(async (owner) => {
          const message = makeMessage({ questions: [questionOf(Type.AXFR, owner)] });
          const response = await server.ask(message, { address, transport: "tcp" });
          return rcodeName(response!.rcode);
        }),
      );
    assert.deepEqual(await copied("192.0.2.1"), ["NOERROR", "NOERROR"]);
    assert.deepEqual(await copied(STRANGER), ["REFUSED", "REFUSED"]);
  });

  test("signs a zone that has keys, and refuses to transfer it", async () => {
    const transfer = { allow: ["192.0.2.1"] };
    await using server = await open({ ...ANY, transfer }, { isSigned: true });
    const edns = opt({ dnssecOk: true });
    const response = await server.ask(makeMessage({ questions: [questionOf(Type.SOA)], edns }));
    assert.deepEqual(
      response!.answers.map(({ type }) => type),
      [Type.SOA, Type.RRSIG],
    );
    const copy = makeMessage({ questions: [questionOf(Type.AXFR)] });
    const refused = await server.ask(copy, { address: "192.0.2.1", transport: "tcp" });
    assert.equal(refused!.rcode, Rcode.REFUSED);
  });

  test("warns that a signed zone is not transferred, if `transfer` is configured", async () => {
    const warned = async (transfer: object, isSigned: boolean) => {
      await using server = await open({ transfer }, { isSigned });
      return server.warnings.filter((fact) => /are not transferred/.test(fact)).length;
    };
    assert.equal(await warned({ allow: ["192.0.2.1"] }, true), 1);
    assert.equal(await warned({ notify: ["192.0.2.1:53"] }, true), 1);
    assert.equal(await warned({}, true), 0);
    assert.equal(await warned({ allow: ["192.0.2.1"], notify: ["192.0.2.1:53"] }, false), 0);
  });

  test("answers BADVERS to an EDNS version other than 0", async () => {
    await using server = await open(ANY);
    const questions = [questionOf(Type.SOA)];
    const response = await server.ask(makeMessage({ questions, edns: opt({ version: 1 }) }));
    assert.equal(rcodeName(response!.rcode), "BADVERS");
  });

  test("answers id.server with the configured identity", async () => {
    await using server = await open({ ...ANY, identity: { server: "ns1.paris" } });
    const questions = [questionOf(Type.TXT, "id.server.", Class.CH)];
    const response = await server.ask(makeMessage({ questions }));
    assert.deepEqual(
      response!.answers.map(({ rdata: { key } }) => key),
      [rdata.txt("ns1.paris").key],
    );
  });

  test("asks links on demand before it answers from its zone", async () => {
    const covered = Name.parse(`pc.paris.${ZONE}`);
    const demand = {
      covers: ({ name }: { name: Name }) => name.equals(covered),
      answer: async () => {
        const found = { name: covered, type: Type.A, ttl: 10, rdatas: [rdata.a("10.1.0.7")] };
        const nothing = { authorities: [], additionals: [], names: [] };
        return { rcode: Rcode.NOERROR, isAuthoritative: true, answers: [found], ...nothing };
      },
    };
    await using server = await open(ANY, { onDemand: demand });
    const ask = async (owner: string) =>
      (await server.ask(makeMessage({ questions: [questionOf(Type.A, owner)] })))!.answers.length;
    assert.deepEqual([await ask(`pc.paris.${ZONE}`), await ask(`pc.lyon.${ZONE}`)], [1, 0]);
  });

  test("asks no link for a name in another zone served here", async () => {
    const nothing = { answers: [], authorities: [], additionals: [], names: [] };
    const answer = async () => ({ rcode: Rcode.NOERROR, isAuthoritative: true, ...nothing });
    const lab = `lab.paris.${ZONE}`;
    const text = `@ SOA ns.${lab} admin.${lab} 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\n`;
    const options = { onDemand: { covers: () => true, answer }, files: { [`${lab}zone`]: text } };
    await using server = await open(ANY, options);
    const ask = async (owner: string) => {
      const response = await server.ask(makeMessage({ questions: [questionOf(Type.A, owner)] }));
      return [rcodeName(response!.rcode), response!.answers.length];
    };
    assert.deepEqual(await ask(`ns.${lab}`), ["NOERROR", 1]);
    assert.deepEqual(await ask(`pc.${lab}`), ["NXDOMAIN", 0]);
    assert.deepEqual(await ask(`pc.paris.${ZONE}`), ["NOERROR", 0]);
  });
});
