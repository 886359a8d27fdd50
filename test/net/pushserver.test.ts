import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { suite, test } from "node:test";
import { createServer, type TLSSocket } from "node:tls";
import { systemClock } from "../../src/clock.ts";
import { Name } from "../../src/dns/name.ts";
import { findPushServers, openPushSession } from "../../src/net/client/pushserver.ts";
import type { SessionEnd } from "../../src/net/client/pushsession.ts";
import { frame } from "../../src/net/framing.ts";
import { Answers } from "../collector/answers.ts";
import { makeCertificate } from "../support/certificate.ts";
import { stateful, tlv } from "../support/pushclient.ts";
import { skipWithout } from "../support/tool.ts";
import { waitFor } from "../support/wait.ts";

const LIST = Name.parse("_ipp._tcp.z.example.");
const ZONE = "z.example. SOA ns.other.example. h.example. 1 7200 3600 86400 10";
const SERVICE = "_dns-push-tls._tcp.z.example.";

async function found(text: string, elsewhere = "", isThere = true) {
  const [answers, others] = [new Answers(text), new Answers(elsewhere)];
  answers.isThere = isThere;
  const servers = await findPushServers(LIST, {
    resolve: answers.resolve,
    resolveElsewhere: others.resolve,
    random: () => 0,
  });
  if (typeof servers === "string") return [servers];
  return servers.map(
    ({ address, port, host, tls }) => `${address} ${port} ${host} ${tls?.serverName}`,
  );
}

test("PUSH-28: the push servers of a name are those of its zone's SRV records, in their order", async () => {
  const text = `${ZONE}
    ${SERVICE} SRV 1 0 853 ns1.z.example.
    ${SERVICE} SRV 0 0 8853 ns2.other.example.
    ns1.z.example. A 192.0.2.1
    ns1.z.example. AAAA 2001:db8::1`;
  const elsewhere = "ns2.other.example. A 192.0.2.2\nns1.z.example. A 192.0.2.9";
  assert.deepEqual(await found(text, elsewhere), [
    "192.0.2.2 8853 ns2.other.example. ns2.other.example",
    "2001:db8::1 853 ns1.z.example. ns1.z.example",
    "192.0.2.1 853 ns1.z.example. ns1.z.example",
  ]);
});

test("without a zone, an SRV record or an address there is no push server, and a reason why", async () => {
  assert.deepEqual(await found(ZONE), ["z.example. has no SRV record at _dns-push-tls._tcp."]);
  const none = `${ZONE}\n${SERVICE} SRV 0 0 0 .`;
  assert.deepEqual(await found(none), ["z.example. has no SRV record at _dns-push-tls._tcp."]);
  const nowhere = `${ZONE}\n${SERVICE} SRV 0 0 853 ns.z.example.`;
  assert.deepEqual(await found(nowhere), ["no address is found for ns.z.example."]);
  assert.deepEqual(await found(""), ["no server says which zone _ipp._tcp.z.example. is in"]);
  assert.deepEqual(await found(ZONE, "", false), [
    "no server says which zone _ipp._tcp.z.example. is in",
  ]);
});

suite("a session over TLS", { skip: skipWithout("openssl") }, () => {
  const { certificate, privateKey } = makeCertificate("ns.z.example");

  /** Opens a session to a server that sends these messages when it hears something. */
  async function open(...answers: readonly Uint8Array[]) {
    const ends: SessionEnd[] = [];
    const seen: string[] = [];
    const peers: TLSSocket[] = [];
    const server = createServer({ cert: certificate, key: privateKey }, (socket) => {
      peers.push(socket);
      socket.on("data", () => socket.write(Buffer.concat(answers.map(frame))));
      socket.on("error", (error: NodeJS.ErrnoException) => seen.push(`${error.code}`));
      socket.on("end", () => seen.push("end"));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const tls = { serverName: "ns.z.example", authorities: certificate };
    const session = await openPushSession(
      { address: "127.0.0.1", port, tls },
      {
        ...{ clock: systemClock, signal: new AbortController().signal },
        ...{ changed: () => {}, refused: () => {}, ended: (end) => ends.push(end) },
      },
    );
    await waitFor("the server to know of it", () => peers.length === 1);
    return {
      ...{ session, ends, seen, peer: peers[0]! },
      [Symbol.dispose]() {
        session.close();
        peers[0]!.destroy();
        server.close();
      },
    };
  }

  test("is reset when the server breaks the rules", async () => {
    using opened = await open(stateful(0, tlv(0xf800)));
    const { ends, seen } = opened;
    await waitFor("the end", () => ends.length > 0 && seen.length > 0);
    assert.match(ends[0]!.reason, /^breaks the rules/);
    assert.deepEqual(seen, ["ECONNRESET"]);
  });

  test("is closed gracefully when the server ends it, or it is no longer needed", async () => {
    const times = Buffer.from("00003a980036ee80", "hex");
    const granted = stateful(1, tlv(1, times), 0x8000);
    using ended = await open(granted, stateful(0, tlv(2, Buffer.alloc(4))));
    await waitFor("the end", () => ended.ends.length > 0 && ended.seen.length > 0);
    assert.deepEqual(ended.ends, [{ reason: "has ended the session", delay: 0 }]);
    using closed = await open();
    closed.session.close();
    await waitFor("the end", () => closed.seen.length > 0);
    assert.deepEqual([ended.seen, closed.seen, closed.ends], [["end"], ["end"], []]);
  });

  test("is over when the server is gone", async () => {
    using gone = await open();
    gone.peer.destroy();
    await waitFor("the end", () => gone.ends.length > 0);
    assert.equal(gone.ends.length, 1);
  });
});
