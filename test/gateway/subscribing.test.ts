import assert from "node:assert/strict";
import { test } from "node:test";
import type { OnDemand } from "../../src/collector/ondemand.ts";
import { Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { openPush } from "../../src/gateway/pushing.ts";
import { pushRecords } from "../../src/zone/apex.ts";
import { viewOf } from "../dnsserver/pushing.ts";
import { FakeClock } from "../support/clock.ts";
import { subscribe } from "../support/pushclient.ts";
import { zoneOf } from "../zone/fixture.ts";

test("PUSH-28: listeners on one port at several addresses share one record", () => {
  const server = Name.parse("ns1.example.com.");
  const [set] = pushRecords(Name.parse("z.example."), server, [853, 8853, 853]);
  assert.deepEqual(
    set!.rdatas.map((each) => each.values),
    [853, 8853].map((port) => [0, 0, port, server]),
  );
});

test("links are asked on demand only for clients who see the whole zone", () => {
  const zone = zoneOf("printer A 10.1.0.10");
  const [whole, part] = [viewOf([zone]), viewOf([zone])];
  const asked: string[] = [];
  const onDemand = {
    watch: ({ name, type }, client) => {
      asked.push(`${name} ${type} ${client}`);
      return () => {};
    },
  } satisfies Pick<OnDemand, "watch"> as unknown as OnDemand;
  const { openSession } = openPush({
    views: {
      clientOf: (address) => ({ view: address === "10.1.0.1" ? whole : part, network: undefined }),
      whole,
    },
    ...{ clock: new FakeClock(), onDemand, reconfirm: () => {} },
  });
  for (const address of ["10.1.0.1", "10.2.0.1"]) {
    const rcodes: number[] = [];
    const session = openSession({
      ...{ source: { address, port: 4000 }, isBusy: false, isCrowded: false },
      send: (message) => {
        if (message[2]! >= 0x80) rcodes.push(message[3]! & 0xf);
      },
      ...{ retire: () => {}, abort: () => {} },
      signal: new AbortController().signal,
    });
    session.receive(subscribe(1, "laptop.z.example.", Type.A));
    session.receive(subscribe(2, "laptop.example.org.", Type.A));
    assert.deepEqual(rcodes, [0, 9]);
  }
  const [first, ...more] = asked;
  assert.match(first!, /^laptop\.z\.example\. 1 network \d+$/);
  assert.deepEqual(more, []);
});
