import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { describe, it } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { Rcode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { parseEndpoint } from "../../src/dns/endpoint.ts";
import { decode, type Message, makeResponse } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { resolver, systemServers } from "../../src/net/client/resolver.ts";
import { FakeClock } from "../support/clock.ts";
import { waitFor } from "../support/wait.ts";

const name = Name.parse("lb._dns-sd._udp.Building\\0321.example.");
const PTR = { name, type: Type.PTR, class: 1, ttl: 60, rdata: rdata.ptr(Name.parse("\\255.z.")) };

/** A server that gives every question this answer, or none. */
async function serve(answer: Partial<Message> | undefined) {
  const asked: Message[] = [];
  const socket = createSocket("udp4");
  socket.on("message", (bytes, { port, address }) => {
    const query = decode(bytes);
    asked.push(query);
    if (answer !== undefined) socket.send(encode(makeResponse(query, answer)), port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { address, port } = socket.address();
  return { address, port, asked, [Symbol.dispose]: () => void socket.close() };
}

const patient = { clock: systemClock, timeout: 5000 };
const impatient = { clock: systemClock, timeout: 100 };

describe("a resolver", () => {
  it("asks with recursion, and accepts names with any octets", async () => {
    using server = await serve({ answers: [PTR] });
    const answer = await resolver({ ...patient, servers: [server] })(name, Type.PTR);
    assert.equal(server.asked[0]!.recursionDesired, true);
    assert.equal(server.asked[0]!.questions[0]!.name.wire, name.wire);
    assert.ok(answer!.answers[0]!.rdata.equals(PTR.rdata));
  });

  it("returns a negative answer as an answer", async () => {
    for (const rcode of [Rcode.NOERROR, Rcode.NXDOMAIN]) {
      using server = await serve({ rcode });
      const answer = await resolver({ ...patient, servers: [server] })(name, Type.PTR);
      assert.equal(answer?.rcode, rcode);
    }
  });

  it("tries the next server when one is silent, is absent or fails", async () => {
    using silent = await serve(undefined);
    const absent = await serve(undefined);
    absent[Symbol.dispose]();
    using failing = await serve({ rcode: Rcode.SERVFAIL });
    using refusing = await serve({ rcode: Rcode.REFUSED });
    using server = await serve({ answers: [PTR] });
    const servers = [silent, absent, failing, refusing, server];
    const clock = new FakeClock();
    const answer = resolver({ clock, timeout: 3000, servers })(name, Type.PTR);
    await waitFor("the silent one to be asked", () => silent.asked.length > 0);
    await clock.elapse(3000);
    assert.equal((await answer)?.answers.length, 1);
    assert.equal(refusing.asked.length, 1);
  });

  it("returns nothing if nobody answers or it is stopped", async () => {
    using silent = await serve(undefined);
    assert.equal(await resolver({ ...impatient, servers: [silent] })(name, Type.PTR), undefined);
    const stop = new AbortController();
    const pending = resolver({ ...patient, servers: [silent, silent] })(
      name,
      Type.PTR,
      stop.signal,
    );
    stop.abort();
    assert.equal(await pending, undefined);
  });

  it("asks the servers of resolv.conf, a link-local one over the interface that it names", () => {
    const file = `# nameserver 192.0.2.9
search example
nameserver fe80::1%eth0
nameserver\t192.0.2.1  # the old one
nameserver nonsense
`;
    assert.deepEqual(systemServers(file), [
      { address: "fe80::1%eth0", port: 53 },
      { address: "192.0.2.1", port: 53 },
    ]);
  });

  it("asks those that the system tells of if there is no resolv.conf", () => {
    assert.ok(systemServers("").length > 0);
  });

  it("reads the addresses of servers with or without a port", () => {
    assert.deepEqual(parseEndpoint("192.0.2.1", 53), { address: "192.0.2.1", port: 53 });
    assert.deepEqual(parseEndpoint("192.0.2.1:5300"), { address: "192.0.2.1", port: 5300 });
    assert.deepEqual(parseEndpoint("2001:db8::1", 53), { address: "2001:db8::1", port: 53 });
    assert.deepEqual(parseEndpoint("[2001:db8::1]:5300"), { address: "2001:db8::1", port: 5300 });
    assert.deepEqual(parseEndpoint("fe80::1%eth0", 53), { address: "fe80::1%eth0", port: 53 });
    assert.deepEqual(parseEndpoint("[::ffff:192.0.2.1]:53"), { address: "192.0.2.1", port: 53 });
    assert.deepEqual(parseEndpoint("[::ffff:c000:201]:53"), { address: "192.0.2.1", port: 53 });
  });
});
