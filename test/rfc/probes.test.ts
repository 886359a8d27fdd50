/**
 * The probes of RFC 8906 §8 against the running program: everything that a query may have and a server
 * not know, alone and in every combination, by UDP and by TCP. The expected response comes from a model
 * of a few lines, which follows §8 and not the code.
 */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { Class, Opcode, Rcode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, type Message, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { Frames, frame } from "../../src/net/framing.ts";
import { freePort } from "../support/freeport.ts";
import { MAIN, STARTED, temporaryFolder } from "../support/gateway.ts";
import { Running } from "../support/process.ts";

const ZONE = Name.parse("bonjour.test.");

/** The traits of a query, one bit each. */
const traits = [
  "unknown type",
  "unknown class",
  "unknown opcode",
  "flag bits",
  "EDNS",
  "unknown EDNS version",
  "unknown EDNS option",
  "unknown EDNS flags",
] as const;
type Trait = (typeof traits)[number];
type Probe = ReadonlySet<Trait>;

/** All sets of traits but those with EDNS traits and without EDNS. */
const probes: readonly Probe[] = Array.from({ length: 2 ** traits.length }, (_, bits) => {
  const has = traits.filter((_, i) => (bits & (1 << i)) !== 0);
  return new Set(has);
}).filter(
  (probe) => probe.has("EDNS") || ![...probe].some((trait) => trait.startsWith("unknown EDNS")),
);

const UNKNOWN_OPTION = 100;
/** AA, TC, RA, Z, AD and CD. */
const FLAG_BITS = 0x06f0;

function makeQuery(probe: Probe, id: number): Buffer {
  const question = {
    name: ZONE,
    type: probe.has("unknown type") ? 1000 : Type.SOA,
    class: probe.has("unknown class") ? 42 : Class.IN,
  };
  const options = probe.has("unknown EDNS option")
    ? [{ code: UNKNOWN_OPTION, data: Buffer.from("what is this") }]
    : [];
  const version = probe.has("unknown EDNS version") ? 1 : 0;
  const edns = { udpSize: 1232, version, dnssecOk: false, options };
  const opcode = probe.has("unknown opcode") ? 15 : Opcode.QUERY;
  const octets = encode(
    makeMessage({ id, opcode, questions: [question], ...(probe.has("EDNS") && { edns }) }),
  );
  if (probe.has("flag bits")) octets.writeUInt16BE(octets.readUInt16BE(2) | FLAG_BITS, 2);
  if (probe.has("unknown EDNS flags")) {
    const rdata = options.reduce((sum, { data }) => sum + 4 + data.length, 0);
    octets.writeUInt16BE(0x4040, octets.length - rdata - 4);
  }
  return octets;
}

/** The response code, and whether there is an answer. */
function expected(probe: Probe): { rcode: number; isAnswered: boolean } {
  // §8.1.4 leaves open what follows the header for an unknown opcode.
  if (probe.has("unknown opcode")) return { rcode: Rcode.NOTIMP, isAnswered: false };
  if (probe.has("unknown EDNS version")) return { rcode: Rcode.BADVERS, isAnswered: false };
  if (probe.has("unknown class")) return { rcode: Rcode.REFUSED, isAnswered: false };
  return { rcode: Rcode.NOERROR, isAnswered: !probe.has("unknown type") };
}

function check(probe: Probe, id: number, octets: Buffer): void {
  const what = [...probe].join(", ") || "plain DNS";
  const response: Message = decode(octets);
  const { rcode, isAnswered } = expected(probe);
  assert.equal(response.id, id, what);
  assert.equal(response.isResponse, true, what);
  assert.equal(response.rcode, rcode, what);
  assert.equal(response.answers.length, isAnswered ? 1 : 0, what);
  assert.equal(response.isAuthoritative, rcode === Rcode.NOERROR, what);
  // TC, RA, Z, AD and CD.
  assert.equal(octets.readUInt16BE(2) & 0x02f0, 0, what);
  if (probe.has("unknown opcode")) return;
  assert.equal(response.questions.length, 1, what);
  if (!probe.has("EDNS")) {
    assert.equal(response.edns, undefined, what);
    return;
  }
  assert.equal(response.edns?.version, 0, what);
  assert.ok(!response.edns.options.some(({ code }) => code === UNKNOWN_OPTION), what);
  // The OPT record comes last, and its flags before the length of its data.
  const rdata = response.edns.options.reduce((sum, { data }) => sum + 4 + data.length, 0);
  assert.equal(octets.readUInt16BE(octets.length - rdata - 4), 0, what);
}

suite("probes of RFC 8906", () => {
  let program: Running;
  let port: number;
  before(async () => {
    port = await freePort();
    const folder = temporaryFolder();
    const config = { zone: "bonjour.test", links: [], listen: { dns: [`127.0.0.1:${port}`] } };
    writeFileSync(join(folder, "gateway.yaml"), JSON.stringify(config));
    const command = [process.execPath, MAIN, "run", "--config", join(folder, "gateway.yaml")];
    program = new Running(command, { cwd: folder });
    await program.line(STARTED);
  });
  after(() => program.stop());

  test("AUTH-07, AUTH-08, AUTH-10, AUTH-41, EDNS-05, EDNS-06, EDNS-07: by UDP", async () => {
    const socket = createSocket("udp4");
    const answers = new Map<number, Buffer>();
    socket.on("message", (octets) => answers.set(octets.readUInt16BE(0), octets));
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    try {
      for (const [id, probe] of probes.entries()) {
        const arrived = once(socket, "message", { signal: AbortSignal.timeout(5000) });
        socket.send(makeQuery(probe, id), port, "127.0.0.1");
        await arrived;
        check(probe, id, answers.get(id)!);
      }
    } finally {
      socket.close();
    }
    assert.equal(answers.size, probes.length);
  });

  test("AUTH-07, AUTH-08, AUTH-10, AUTH-41, EDNS-05, EDNS-06, EDNS-07: by TCP, at once", async () => {
    const socket = connect(port, "127.0.0.1");
    const frames = new Frames();
    const answers = new Map<number, Buffer>();
    for (const [id, probe] of probes.entries()) socket.write(frame(makeQuery(probe, id)));
    const signal = AbortSignal.timeout(10_000);
    try {
      while (answers.size < probes.length) {
        const [piece] = (await once(socket, "data", { signal })) as [Buffer];
        frames.push(piece);
        for (let next = frames.next(); next !== undefined; next = frames.next()) {
          const octets = Buffer.from(next);
          answers.set(octets.readUInt16BE(0), octets);
        }
      }
    } finally {
      socket.destroy();
    }
    for (const [id, probe] of probes.entries()) check(probe, id, answers.get(id)!);
  });
});
