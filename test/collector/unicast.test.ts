/** Which hosts' unicast responses are believed, when there are very many. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Unicast } from "../../src/collector/link/unicast.ts";
import { local, response } from "./fixture.ts";

test("a thousand hosts that have answered may go on, and no more are remembered", () => {
  const unicast = new Unicast();
  unicast.wanted([{ name: local("_ipp._tcp") }], 0);
  const hosts = Array.from({ length: 1001 }, (_, i) => `fe80::${i.toString(16)}`);
  const [answer, rest] = [response("_ipp._tcp PTR a._ipp._tcp"), response("h A 10.0.0.3")];
  for (const host of hosts) assert.ok(unicast.isAnswer(answer, host));
  const counts = hosts.map((host) => unicast.isAnswer(rest, host));
  assert.deepEqual([counts.indexOf(false), counts.lastIndexOf(true)], [1000, 999]);
  unicast.wanted([{ name: local("_ipp._tcp") }], 3000);
  assert.ok(!unicast.isAnswer(rest, hosts[0]!), "nor for longer than answers are expected");
});
