import assert from "node:assert/strict";
import { test } from "node:test";
import { Name } from "../../src/dns/name.ts";
import { findPushServers } from "../../src/net/client/pushserver.ts";
import { Answers } from "../collector/answers.ts";

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

test("PUSH-28: who pushes changes is what the zone of the name says by SRV, in its order", async () => {
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

test("nobody does, and why, where the zone does not say who, or nobody knows where that is", async () => {
  assert.deepEqual(await found(ZONE), ["z.example. has no SRV record at _dns-push-tls._tcp."]);
  const none = `${ZONE}\n${SERVICE} SRV 0 0 0 .`;
  assert.deepEqual(await found(none), ["z.example. has no SRV record at _dns-push-tls._tcp."]);
  const nowhere = `${ZONE}\n${SERVICE} SRV 0 0 853 ns.z.example.`;
  assert.deepEqual(await found(nowhere), ["no address of ns.z.example. is found"]);
  assert.deepEqual(await found(""), ["no zone of _ipp._tcp.z.example. is found"]);
  assert.deepEqual(await found(ZONE, "", false), ["no zone of _ipp._tcp.z.example. is found"]);
});
