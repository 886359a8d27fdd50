/** Responses are counted by transport and code, and pass unchanged. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Rcode } from "../../src/dns/constants.ts";
import { type Message, makeMessage } from "../../src/dns/message.ts";
import { Tally } from "../../src/dnsserver/tally.ts";
import type { Request, Responses, Transport } from "../../src/net/server/handler.ts";

test("each response is counted, in whatever form it comes", async () => {
  const tally = new Tally();
  const one = (rcode: Rcode) => makeMessage({ isResponse: true, rcode });
  async function* stream(...messages: Message[]) {
    yield* messages;
  }
  const pass = (responses: Responses, transport: Transport): Responses =>
    tally.layer(() => responses)({ transport } as Request);
  const now = [one(Rcode.NOERROR)];
  assert.deepEqual(pass(now, "udp"), now);
  assert.deepEqual(pass([], "udp"), []);
  assert.deepEqual(await pass(Promise.resolve([one(Rcode.BADVERS)]), "udp"), [one(Rcode.BADVERS)]);
  const whole = [one(Rcode.NOERROR), one(Rcode.NOERROR)];
  const seen = [];
  for await (const response of pass(stream(...whole), "tcp") as AsyncIterable<Message>)
    seen.push(response);
  assert.deepEqual(seen, whole);
  pass([one(4095)], "https");
  assert.deepEqual(
    [...tally].map(({ transport, rcode, count }) => [transport, rcode, count]),
    [
      ["udp", Rcode.NOERROR, 1],
      ["udp", Rcode.BADVERS, 1],
      ["tcp", Rcode.NOERROR, 2],
      ["https", 24, 1],
    ],
  );
});
