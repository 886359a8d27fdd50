/** Floods of bad updates: what strangers send costs others nothing. */
import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { suite, test } from "node:test";
import { Class, Rcode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import type { Endpoint } from "../../src/dns/endpoint.ts";
import { decode, type Message } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { Rdata, rdata } from "../../src/dns/rdata.ts";
import type { ResourceRecord } from "../../src/dns/record.ts";
import type { TsigKey } from "../../src/dns/tsig.ts";
import { sign } from "../support/tsig.ts";
import { sleep } from "../support/wait.ts";
import { question } from "./fixture.ts";
import { adding, listenSecured, operator, stillServer } from "./secured.ts";

const now = () => Math.floor(Date.now() / 1000);

suite("a flood of updates", () => {
  test("badly signed, over UDP, leaves the zone unchanged and every question answered", async () => {
    await using server = await listenSecured();
    const before = server.zone.current;
    const guesses: TsigKey[] = [
      { ...operator, secret: Buffer.from("a guess") },
      { ...operator, name: Name.parse("nobody.") },
    ];
    const bad = guesses.flatMap((key) => [
      sign(adding("new"), key, now()).bytes,
      sign(adding("new"), key, now() - 1000).bytes,
      sign(large(), key, now()).bytes,
    ]);
    bad.push(encode(adding("new")), encode(large()));
    let isOver = false;
    const flood = async (socket: Socket): Promise<number> => {
      let sent = 0;
      while (!isOver) {
        for (const octets of bad) socket.send(octets, server.endpoint.port, "127.0.0.1");
        sent += bad.length;
        await new Promise((resolve) => setImmediate(resolve));
      }
      return sent;
    };
    const sockets = [await open(), await open(), await open()];
    const sent = Promise.all(sockets.slice(1).map(flood));
    try {
      for (let id = 1; id <= 100; id++) await answered(sockets[0]!, server.endpoint, id);
    } finally {
      isOver = true;
      await sent;
      for (const socket of sockets) socket.close();
    }
    assert.ok((await sent).every((count) => count > 100));
    assert.equal(server.zone.current, before);
  });
});

suite("an update at the size limits", () => {
  test("is answered, whoever signed it", async () => {
    const { one, now, zone } = stillServer();
    const before = zone.current;
    for (const message of [prerequisites(4000), removals(4000), large()]) {
      const octets = encode(message);
      assert.ok(octets.length > 40_000, `${octets.length} octets`);
      assert.equal(decode(await one(octets, "tcp")).rcode, Rcode.REFUSED);
      const { bytes } = sign(message, operator, now());
      assert.equal(decode(await one(bytes, "tcp")).answers.length, 0);
    }
    // The last one succeeded: it has many records, but nothing is wrong with them.
    assert.equal(zone.current.size - before.size, LARGE);
  });

  test("is FORMERR if its counts promise more than it holds", async () => {
    const { one, now } = stillServer();
    for (const at of [4, 6, 8, 10]) {
      const { bytes } = sign(adding("new"), operator, now());
      bytes.writeUInt16BE(0xffff, at);
      assert.equal(decode(await one(bytes, "tcp")).rcode, Rcode.FORMERR);
    }
  });
});

/** Records in one large update, below the 64 KiB of a message. */
const LARGE = 3000;

function large(): Message {
  const records = Array.from({ length: LARGE }, (_, i) => adding(`h${i}`).authorities[0]!);
  return adding("new", undefined, { authorities: records });
}

function prerequisites(count: number): Message {
  const answers = Array.from({ length: count }, (_, i) => empty(`nobody${i}`, Class.NONE));
  const last = empty("somebody", Class.ANY);
  return adding("new", undefined, { answers: [...answers, last] });
}

function removals(count: number): Message {
  const authorities = Array.from({ length: count }, (_, i) => empty(`nobody${i}`, Class.ANY));
  return adding("new", undefined, { authorities });
}

function empty(owner: string, klass: number): ResourceRecord {
  const { name } = adding(owner).authorities[0]!;
  return { name, type: Type.ANY, class: klass, ttl: 0, rdata: new Rdata(Type.ANY, []) };
}

async function open(): Promise<Socket> {
  const socket = createSocket("udp4");
  // Replies to a flood are not read.
  socket.on("message", () => {});
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}

/** Asks, and retries as clients do, until the answer comes. */
async function answered(socket: Socket, { port }: Endpoint, id: number): Promise<void> {
  const query = encode(question("printer.paris", Type.A, { id }));
  let isAnswered = false;
  const listen = (octets: Buffer) => {
    if (octets.readUInt16BE(0) !== id) return;
    assert.equal(decode(octets).answers[0]?.rdata.key, rdata.a("10.1.0.10").key);
    isAnswered = true;
  };
  socket.on("message", listen);
  for (let tries = 0; tries < 3 && !isAnswered; tries++) {
    socket.send(query, port, "127.0.0.1");
    for (let waited = 0; waited < 1000 && !isAnswered; waited += 5) await sleep(5);
  }
  socket.off("message", listen);
  assert.ok(isAnswered, `question ${id} was not answered`);
}
