import assert from "node:assert/strict";
import { test } from "node:test";
import type { Obstacle } from "../../src/collector/publishing/obstacles.ts";
import { reasonOf } from "../../src/collector/publishing/reasons.ts";
import { Rcode } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { type Rdata, rdata } from "../../src/dns/rdata.ts";

const obstacle = (name: string, record: Rdata, fields: Partial<Obstacle> = {}): Obstacle => ({
  ...{ name: Name.parse(name), type: record.type, record },
  ...{ isRemoval: false, published: 0, wanted: 1, ...fields },
});

test("a likely reason is given when a server refuses a record", () => {
  const address = rdata.a("10.1.0.1");
  const [plain, odd] = ["pc.paris.example.", "my_pc.paris.example."];
  const reverse = "1.0.1.10.in-addr.arpa.";
  const to = (target: string) => rdata.ptr(Name.parse(target));
  const cases: [of: Obstacle, rcode: Rcode, hasKey: boolean, reason: RegExp][] = [
    [obstacle(plain, address), Rcode.REFUSED, false, /lets nobody write this name without a key/],
    [obstacle(plain, address), Rcode.REFUSED, true, /is the key bound to another site/],
    [obstacle(plain, address, { published: 1 }), Rcode.REFUSED, true, /is its zone frozen/],
    [obstacle(plain, address, { isRemoval: true }), Rcode.REFUSED, true, /is its zone frozen/],
    // BIND checks the names of hosts, and those that reverse names point to.
    [obstacle(odd, address), Rcode.REFUSED, true, /check-names ignore/],
    [obstacle(reverse, to(odd)), Rcode.REFUSED, true, /check-names ignore/],
    [obstacle(reverse, to(plain)), Rcode.REFUSED, true, /bound to another site or other networks/],
    [obstacle("_http._tcp.example.", to(odd)), Rcode.REFUSED, true, /bound to another site, /],
    [obstacle("_http._tcp.home.arpa.", to(odd)), Rcode.REFUSED, true, /bound to another site, /],
    [obstacle(odd, address, { isRemoval: true }), Rcode.REFUSED, true, /is its zone frozen/],
    [obstacle(plain, address, { isRemoval: true }), Rcode.SERVFAIL, true, /refuses to remove/],
    [obstacle(plain, address), Rcode.SERVFAIL, true, /no more records .* max-records-per-type/],
    [obstacle(plain, address), Rcode.NOTZONE, true, /takes no more records in this set$/],
  ];
  for (const [of, rcode, hasKey, reason] of cases) {
    assert.match(reasonOf(of, rcode, hasKey), reason, `${of.name}`);
  }
});
