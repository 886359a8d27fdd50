/**
 * The short form of `npm run fuzz` for devices that register themselves, in this process: whatever they send
 * gets an answer, the zone then holds only what a device may have there, and all of it expires.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isAddressType, rcodeName, Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { srvOf, targetOf } from "../../src/dns/rdata.ts";
import { type ResourceRecord, recordsOf } from "../../src/dns/record.ts";
import type { Snapshot } from "../../src/zone/snapshot.ts";
import { requesterPrincipal } from "../../src/zone/update/principal.ts";
import { openRegistrar, SITE, ZONE } from "../dnsserver/registering.ts";
import { Chance } from "./mutation.ts";
import { RegistrationMutator } from "./registering.ts";

const COUNT = Number(process.env.COUNT ?? 2000);
const DAY = 24 * 3600 * 1000;

test(`${COUNT.toLocaleString("en")} hostile registrations leave the zone in order`, async () => {
  const seed = Number(process.env.SEED ?? 10);
  const { ask, zone, clock, known } = openRegistrar();
  const mutator = new RegistrationMutator(seed, ZONE, "10.1.0.9");
  const chance = new Chance(seed);
  const rcodes = new Map<string, number>();
  for (let i = 0; i < COUNT; i++) {
    const octets = mutator.next();
    const answer = await ask(octets, { transport: chance.one(["tcp", "tls", "https"]) }).catch(
      // What is itself a response gets none.
      () => undefined,
    );
    if (answer === undefined) continue;
    assert.ok(answer.isResponse && answer.id === octets.readUInt16BE(0));
    const rcode = rcodeName(answer.rcode);
    rcodes.set(rcode, 1 + (rcodes.get(rcode) ?? 0));
    if (chance.below(8) === 0) await clock.elapse(chance.below(20_000));
    if (chance.below(50) === 0) assertOrderly(zone.current);
  }
  assert.ok(!rcodes.has("SERVFAIL"), "none fails");
  for (const rcode of ["NOERROR", "REFUSED", "YXDOMAIN", "FORMERR"]) {
    assert.ok(rcodes.get(rcode)! > COUNT / 100, [...rcodes].join(" "));
  }
  await clock.elapse(14 * DAY);
  assert.deepEqual(known(), []);
});

/** Asserts that names in use have their KEY, services their host, and lists lead to services. */
function assertOrderly(snapshot: Snapshot): void {
  const site = Name.parse(SITE);
  const { permits } = requesterPrincipal("any", snapshot.origin, site);
  const isAt = (name: Name, is: (type: number) => boolean) =>
    snapshot.node(name.key)?.sets.some(({ type }) => is(type)) === true;
  const assertRecord = (record: ResourceRecord) => {
    const { name, type, rdata } = record;
    const told = `${name} ${type}`;
    assert.ok(permits(record), told);
    if (type !== Type.PTR) {
      assert.ok(name.isUnder(site), told);
      assert.ok(
        isAt(name, (type) => type === Type.KEY),
        told,
      );
    } else if (!`${name}`.startsWith("_services.")) {
      assert.ok(
        isAt(targetOf(rdata)!, (type) => type === Type.SRV),
        told,
      );
    }
    if (type === Type.SRV) assert.ok(isAt(srvOf(rdata).target, isAddressType), told);
  };
  for (const set of snapshot) {
    if (!set.name.equals(snapshot.origin)) recordsOf(set).forEach(assertRecord);
  }
}
