import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { project } from "../../src/collector/project.ts";
import { Reconciler } from "../../src/collector/reconcile.ts";
import { RecordSets } from "../../src/collector/recordsets.ts";
import { Site } from "../../src/collector/site.ts";
import { Class, Rcode, Type } from "../../src/dns/constants.ts";
import { encode, makeMessage } from "../../src/dns/message.ts";
import { srvOf, targetOf } from "../../src/dns/rdata.ts";
import { parseMasterFile } from "../../src/zone/masterfile.ts";
import { applied, cacheOf, lines, service, ZONE } from "./fixture.ts";

const random = () => 0;

function setsOf(text: string): RecordSets {
  return RecordSets.of(parseMasterFile(`$TTL 10\n${text}`, { origin: ZONE, isPartial: true }));
}

/** Sends everything there is to send, to a zone that takes it. */
function settle(reconciler: Reconciler, zone: RecordSets, now = 0): RecordSets {
  let result = zone;
  for (let update = reconciler.poll(now); update !== undefined; update = reconciler.poll(now)) {
    result = applied(result, update);
    reconciler.settle(Rcode.NOERROR, now);
  }
  return result;
}

suite("a reconciler", () => {
  test("adds what is missing, removes what is not wanted, and then has nothing to do", () => {
    const reconciler = new Reconciler({ zone: ZONE, random });
    reconciler.want(setsOf("a A 10.0.0.1\na A 10.0.0.2\nb A 10.0.0.3"));
    const zone = settle(reconciler, new RecordSets());
    reconciler.want(setsOf("a A 10.0.0.2\na A 10.0.0.4"));
    const update = reconciler.poll(0)!;
    assert.deepEqual(
      update.updates.map(({ name, class: klass, rdata }) => `${name} ${klass} ${rdata.values[0]}`),
      [
        `a.z.example. ${Class.IN} 10,0,0,4`,
        `a.z.example. ${Class.NONE} 10,0,0,1`,
        `b.z.example. ${Class.NONE} 10,0,0,3`,
      ],
    );
    reconciler.settle(Rcode.NOERROR, 0);
    assert.deepEqual(lines(applied(zone, update)), lines(setsOf("a A 10.0.0.2\na A 10.0.0.4")));
    assert.equal(reconciler.poll(0), undefined);
    assert.equal(reconciler.due(), undefined);
  });

  test("says a set again that has another TTL", () => {
    const reconciler = new Reconciler({ zone: ZONE, random });
    reconciler.want(setsOf("a A 10.0.0.1\na A 10.0.0.2"));
    const zone = settle(reconciler, new RecordSets());
    reconciler.want(setsOf("a 5 A 10.0.0.1\na 5 A 10.0.0.2"));
    assert.deepEqual(
      lines(settle(reconciler, zone)),
      lines(setsOf("a 5 A 10.0.0.1\na 5 A 10.0.0.2")),
    );
  });

  test("sends one update at a time, and what has changed since with the next", () => {
    const reconciler = new Reconciler({ zone: ZONE, random });
    reconciler.want(setsOf("a A 10.0.0.1"));
    const first = reconciler.poll(0)!;
    reconciler.want(setsOf("b A 10.0.0.2"));
    assert.equal(reconciler.poll(0), undefined);
    assert.equal(reconciler.due(), undefined);
    reconciler.settle(Rcode.NOERROR, 0);
    const zone = settle(reconciler, applied(new RecordSets(), first));
    assert.deepEqual(lines(zone), lines(setsOf("b A 10.0.0.2")));
  });

  test("waits after a refusal, longer each time, up to a minute", () => {
    const reconciler = new Reconciler({ zone: ZONE, random });
    reconciler.want(setsOf("a A 10.0.0.1"));
    const waits: number[] = [];
    let now = 0;
    for (let i = 0; i < 9; i++) {
      assert.ok(reconciler.poll(now));
      reconciler.settle(Rcode.REFUSED, now);
      const due = reconciler.due()!;
      assert.equal(reconciler.poll(due - 1), undefined);
      waits.push(due - now);
      now = due;
    }
    assert.deepEqual(
      waits,
      [1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1000),
    );
    assert.ok(reconciler.poll(now));
    reconciler.settle(Rcode.NOERROR, now);
    assert.equal(reconciler.due(), undefined);
  });

  test("takes away again what a lost update may have brought", () => {
    const reconciler = new Reconciler({ zone: ZONE, random });
    reconciler.want(setsOf("a A 10.0.0.1"));
    const zone = applied(new RecordSets(), reconciler.poll(0)!);
    reconciler.settle(undefined, 0);
    reconciler.want(new RecordSets());
    assert.deepEqual(lines(settle(reconciler, zone, 1000)), []);
  });

  test("brings again what a lost update may have taken away", () => {
    const reconciler = new Reconciler({ zone: ZONE, random });
    reconciler.want(setsOf("a A 10.0.0.1"));
    settle(reconciler, new RecordSets());
    reconciler.want(new RecordSets());
    reconciler.poll(0);
    reconciler.settle(undefined, 0);
    reconciler.want(setsOf("a A 10.0.0.1"));
    assert.deepEqual(
      lines(settle(reconciler, new RecordSets(), 1000)),
      lines(setsOf("a A 10.0.0.1")),
    );
  });

  test("keeps every update within a message, however large a set is", () => {
    const reconciler = new Reconciler({ zone: ZONE, random });
    const text = Array.from(
      { length: 3000 },
      (_, i) => `_ipp._tcp PTR printer-${i}-${"x".repeat(40)}`,
    );
    reconciler.want(setsOf(text.join("\n")));
    const sizes: number[] = [];
    let zone = new RecordSets();
    for (let update = reconciler.poll(0); update !== undefined; update = reconciler.poll(0)) {
      sizes.push(
        encode(makeMessage({ authorities: update.updates }), { compression: "none" }).length,
      );
      zone = applied(zone, update);
      reconciler.settle(Rcode.NOERROR, 0);
    }
    assert.ok(sizes.length > 3 && Math.max(...sizes) < 65_535 - 512, `${sizes}`);
    assert.deepEqual(lines(zone), lines(setsOf(text.join("\n"))));
  });
});

/** Wanted states, as a few names and types make them. */
const wanted = fc
  .uniqueArray(
    fc.record({
      name: fc.constantFrom("a", "b", "_ipp._tcp", "x._ipp._tcp"),
      data: fc.constantFrom("A 10.0.0.1", "A 10.0.0.2", "PTR a", "PTR b", "SRV 0 0 1 a", 'TXT "t"'),
    }),
    { maxLength: 12, selector: ({ name, data }) => `${name} ${data}` },
  )
  .chain((records) =>
    fc.constantFrom(10, 5, 1).map((ttl) => {
      const text = records.map(({ name, data }) => `${name} ${ttl} ${data}`).join("\n");
      return setsOf(text);
    }),
  );

/** What becomes of an update: done, refused, lost on the way there, lost on the way back. */
const fate = fc.constantFrom("done", "refused", "lost", "unanswered");

test("whatever becomes of updates, the zone is as wanted when one more has come through", () => {
  const step = fc.record({ wanted: fc.option(wanted), fate });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 20 }),
      fc.constantFrom(40, 150, 10_000),
      (steps, limit) => {
        const reconciler = new Reconciler({ zone: ZONE, random, limit });
        let zone = new RecordSets();
        let target = new RecordSets();
        let now = 0;
        for (const { wanted, fate } of steps) {
          now += 100_000;
          if (wanted !== null) {
            target = wanted;
            reconciler.want(wanted);
          }
          const update = reconciler.poll(now);
          if (update === undefined) continue;
          if (fate === "done" || fate === "unanswered") zone = applied(zone, update);
          const rcode =
            fate === "done" ? Rcode.NOERROR : fate === "refused" ? Rcode.REFUSED : undefined;
          reconciler.settle(rcode, now);
        }
        zone = settle(reconciler, zone, now + 100_000);
        assert.deepEqual(lines(zone), lines(target));
      },
    ),
    { numRuns: 500 },
  );
});

test("after each of many updates every listed service is complete", () => {
  const services = (numbers: readonly number[], host: (i: number) => string) => {
    const site = new Site(ZONE.child("s")!);
    const text = numbers.map((i) => service(`p${i}`, "_ipp._tcp", host(i), `10.0.0.${i}`));
    site.caches.add(cacheOf(text.join("\n")));
    return project([site], ZONE, 5000).sets;
  };
  const reconciler = new Reconciler({ zone: ZONE, random, limit: 500 });
  let zone = new RecordSets();
  const step = (sets: RecordSets) => {
    reconciler.want(sets);
    let updates = 0;
    for (let update = reconciler.poll(0); update !== undefined; update = reconciler.poll(0)) {
      zone = applied(zone, update);
      reconciler.settle(Rcode.NOERROR, 0);
      assertComplete(zone);
      updates++;
    }
    assert.ok(updates > 5);
    assert.deepEqual(lines(zone), lines(sets));
  };
  const numbers = Array.from({ length: 40 }, (_, i) => i + 1);
  step(services(numbers, (i) => `h${i}`));
  step(services(numbers, (i) => `other${i}`));
  step(services(numbers.slice(20), (i) => `h${i}`));
  step(new RecordSets());
});

function assertComplete(zone: RecordSets): void {
  for (const set of zone) {
    if (set.type !== Type.PTR || set.name.toString().startsWith("_services")) continue;
    for (const instance of set.rdatas.map((rdata) => targetOf(rdata)!)) {
      const [srv] = zone.get(instance.key, Type.SRV)?.rdatas ?? [];
      assert.ok(srv && zone.get(instance.key, Type.TXT), `${instance} is complete`);
      assert.ok(zone.get(srvOf(srv).target.key, Type.A), `${srvOf(srv).target} has an address`);
    }
  }
}
