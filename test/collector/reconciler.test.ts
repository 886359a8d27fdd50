import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { project } from "../../src/collector/projection/project.ts";
import { Site } from "../../src/collector/projection/site.ts";
import { guardOf } from "../../src/collector/publishing/guard.ts";
import type { Obstacle } from "../../src/collector/publishing/obstacles.ts";
import { Reconciler } from "../../src/collector/publishing/reconciler.ts";
import { RecordSets } from "../../src/collector/recordsets.ts";
import { Class, Rcode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { makeMessage } from "../../src/dns/message.ts";
import type { Name } from "../../src/dns/name.ts";
import { rdata, srvOf, targetOf } from "../../src/dns/rdata.ts";
import fc from "../support/fastcheck.ts";
import { applied, cacheOf, lines, OPEN, seeded, service, setsOf, ZONE } from "./fixture.ts";

const random = () => 0;

/** Sends everything there is to send, to a zone that accepts it. */
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
    assert.ok(reconciler.due()! > 60_000);
  });

  test("sends everything even if some records change faster than they can be sent", () => {
    const reconciler = new Reconciler({ zone: ZONE, random, limit: 1000 });
    let zone = new RecordSets();
    // An update has room for some twenty records; a hundred change before all are sent.
    const storm = (round: number) =>
      Array.from({ length: 100 }, (_, i) => `h${round}-${i} A 10.0.0.1`).join("\n");
    const honest = "_ipp._tcp PTR p\np SRV 0 0 1 h\nh A 10.0.0.2\n";
    const has = (type: number) => [...zone].some((set) => set.type === type);
    let updates = 0;
    for (let round = 0; !has(Type.PTR); round++) {
      reconciler.want(setsOf(`${honest}${storm(round)}`));
      for (let i = 0; i < 2; i++) {
        zone = applied(zone, reconciler.poll(0)!);
        reconciler.settle(Rcode.NOERROR, 0);
        assert.ok(++updates < 50, "it comes to be listed");
      }
    }
    reconciler.want(setsOf(honest));
    assert.deepEqual(lines(settle(reconciler, zone)), lines(setsOf(honest)));
  });

  test("sends a set again if its TTL changes", () => {
    const reconciler = new Reconciler({ zone: ZONE, random });
    reconciler.want(setsOf("a A 10.0.0.1\na A 10.0.0.2"));
    const zone = settle(reconciler, new RecordSets());
    reconciler.want(setsOf("a 5 A 10.0.0.1\na 5 A 10.0.0.2"));
    assert.deepEqual(
      lines(settle(reconciler, zone)),
      lines(setsOf("a 5 A 10.0.0.1\na 5 A 10.0.0.2")),
    );
  });

  test("sends a set again if its TTL changes, even if a record has to go from it first", () => {
    const reconciler = new Reconciler({ zone: ZONE, random, limit: 1 });
    reconciler.want(setsOf("_a._tcp PTR x\n_a._tcp PTR y"));
    let zone = settle(reconciler, new RecordSets());
    const wanted = setsOf("_a._tcp 5 PTR x");
    reconciler.want(wanted);
    zone = applied(zone, reconciler.poll(0)!);
    reconciler.settle(Rcode.NOERROR, 0);
    assert.deepEqual(lines(zone), lines(setsOf("_a._tcp PTR x")));
    reconciler.poll(0);
    reconciler.settle(Rcode.NOTAUTH, 0);
    for (let now = 0; now < 60_000; now = reconciler.due()!) zone = settle(reconciler, zone, now);
    assert.deepEqual(lines(zone), lines(wanted));
  });

  test("sends one update at a time, and later changes with the next", () => {
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

  test("retries soon, and then at most once a second, while there is no answer", () => {
    const reconciler = new Reconciler({ zone: ZONE, random });
    reconciler.want(setsOf("a A 10.0.0.1"));
    const waits: number[] = [];
    let now = 0;
    for (let i = 0; i < 5; i++) {
      assert.ok(reconciler.poll(now));
      reconciler.settle(undefined, now);
      const due = reconciler.due()!;
      assert.equal(reconciler.poll(due - 1), undefined);
      waits.push(due - now);
      now = due;
    }
    assert.deepEqual(waits, [250, 500, 1000, 1000, 1000]);
    // A server that refuses is reachable.
    assert.ok(reconciler.poll(now));
    reconciler.settle(Rcode.NOTAUTH, now);
    now = reconciler.due()!;
    assert.ok(reconciler.poll(now));
    reconciler.settle(undefined, now);
    assert.equal(reconciler.due()! - now, 250);
  });

  test("backs off, up to a minute, while the server lacks the zone or knows no updates", () => {
    for (const rcode of [Rcode.NOTAUTH, Rcode.NOTIMP]) {
      const reconciler = new Reconciler({ zone: ZONE, random });
      reconciler.want(setsOf("a A 10.0.0.1"));
      const waits: number[] = [];
      let now = 0;
      for (let i = 0; i < 8; i++) {
        assert.ok(reconciler.poll(now));
        assert.equal(reconciler.settle(rcode, now), undefined);
        waits.push(reconciler.due()! - now);
        now = reconciler.due()!;
      }
      assert.deepEqual(
        waits,
        [1, 2, 4, 8, 16, 32, 60, 60].map((seconds) => seconds * 1000),
      );
      assert.ok(reconciler.poll(now));
      reconciler.settle(Rcode.NOERROR, now);
      assert.ok(reconciler.due()! - now > 60_000);
    }
  });

  test("removes what a lost update may have added", () => {
    const reconciler = new Reconciler({ zone: ZONE, random });
    reconciler.want(setsOf("a A 10.0.0.1"));
    const zone = applied(new RecordSets(), reconciler.poll(0)!);
    reconciler.settle(undefined, 0);
    reconciler.want(new RecordSets());
    assert.deepEqual(lines(settle(reconciler, zone, 1000)), []);
  });

  test("adds again what a lost update may have removed", () => {
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
    const [browse] = setsOf("_ipp._tcp PTR x");
    const rdatas = Array.from({ length: 3000 }, (_, i) =>
      rdata.ptr(ZONE.child(`printer-${i}-${"x".repeat(40)}`)!),
    );
    const wanted = RecordSets.of([{ ...browse!, rdatas }]);
    reconciler.want(wanted);
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
    assert.deepEqual(lines(zone), lines(wanted));
  });
});

/** A server with rules: it refuses the whole of an update that breaks one. */
class Server {
  zone = new RecordSets();
  updates = 0;
  refusals = 0;
  readonly #refuses: (zone: RecordSets) => boolean;

  constructor(refuses: (zone: RecordSets) => boolean) {
    this.#refuses = refuses;
  }

  /** Serves what there is to send now; gives the obstacles found. */
  serve(reconciler: Reconciler, now: number): Obstacle[] {
    const refusals: Obstacle[] = [];
    for (let update = reconciler.poll(now); update !== undefined; update = reconciler.poll(now)) {
      assert.ok(++this.updates < 1000, "it comes to an end");
      const after = applied(this.zone, update);
      const isRefused = this.#refuses(after);
      if (isRefused) this.refusals++;
      else this.zone = after;
      assertListedIsThere(this.zone);
      const refusal = reconciler.settle(isRefused ? Rcode.SERVFAIL : Rcode.NOERROR, now);
      if (refusal !== undefined) refusals.push(refusal);
    }
    return refusals;
  }
}

/** Every listed service has its SRV record. */
function assertListedIsThere(zone: RecordSets): void {
  for (const { type, rdatas } of zone) {
    for (const rdata of type === Type.PTR ? rdatas : []) {
      const { key } = targetOf(rdata)!;
      assert.ok(zone.get(key, Type.SRV), `${targetOf(rdata)} is complete`);
    }
  }
}

suite("a server that refuses", () => {
  const BROWSE = ZONE.child("_tcp")!.child("_ipp")!;
  const printers = (numbers: readonly number[]) =>
    setsOf(
      numbers
        .map((i) => `_ipp._tcp PTR p${i}\np${i} SRV 0 0 1 h${i}\nh${i} A 10.0.0.${i}`)
        .join("\n"),
    );
  const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
  const listed = ({ zone }: Server) => zone.get(BROWSE.key, Type.PTR)?.rdatas.length ?? 0;

  test("sets of more than a hundred, as BIND does, is reported once and gets all else", () => {
    const server = new Server((zone) => [...zone].some(({ rdatas }) => rdatas.length > 100));
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
    reconciler.want(printers(upTo(150)));
    const [refusal, ...more] = server.serve(reconciler, 0);
    const { record, ...refused } = refusal!;
    assert.ok(targetOf(record)?.parent?.equals(ZONE));
    assert.deepEqual(
      { ...refused, name: refused.name.toString(), more },
      {
        name: BROWSE.toString(),
        type: Type.PTR,
        isRemoval: false,
        published: 100,
        wanted: 150,
        more: [],
      },
    );
    assert.equal(listed(server), 100);
    assert.equal([...server.zone].length, 1 + 150 + 150);
    assert.ok(server.updates < 40, `${server.updates} updates`);

    // Each round tries one more record, and reports nothing new.
    const before = server.updates;
    for (let now = 0; now < 900_000; now = reconciler.due()!) {
      assert.deepEqual(server.serve(reconciler, now), []);
    }
    assert.ok(server.updates - before < 90, `${server.updates - before} updates in 15 minutes`);
    assert.equal(listed(server), 100);
  });

  test("sets of more than a hundred gets the rest as soon as there is room", () => {
    const server = new Server((zone) => [...zone].some(({ rdatas }) => rdatas.length > 100));
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
    reconciler.want(printers(upTo(103)));
    server.serve(reconciler, 0);
    assert.equal(listed(server), 100);
    reconciler.want(printers(upTo(103).slice(2)));
    server.serve(reconciler, 1000);
    assert.equal(listed(server), 100);
    reconciler.want(printers(upTo(103).slice(5)));
    server.serve(reconciler, 2000);
    assert.equal(listed(server), 98);
    assert.deepEqual(lines(server.zone), lines(printers(upTo(103).slice(5))));
  });

  test("sets of more than a hundred gets a new TTL all the same", () => {
    const server = new Server((zone) => [...zone].some(({ rdatas }) => rdatas.length > 100));
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
    const sets = printers(upTo(103));
    reconciler.want(sets);
    server.serve(reconciler, 0);
    const isList = ({ type }: { readonly type: number }) => type === Type.PTR;
    reconciler.want(
      RecordSets.of([...sets].map((set) => (isList(set) ? { ...set, ttl: 5 } : set))),
    );
    server.serve(reconciler, 1);
    assert.equal(listed(server), 100);
    assert.equal(server.zone.get(BROWSE.key, Type.PTR)?.ttl, 5);
  });

  test("sets of more than a hundred gets all in the round after this limit is lifted", () => {
    let most = 100;
    const server = new Server((zone) => [...zone].some(({ rdatas }) => rdatas.length > most));
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
    reconciler.want(printers(upTo(150)));
    server.serve(reconciler, 0);
    most = 1000;
    server.serve(reconciler, reconciler.due()!);
    assert.equal(listed(server), 150);
  });

  test("one record of five hundred gets all others, and the one is found soon", () => {
    const refused = ZONE.child("p77")!.key;
    const server = new Server((zone) => zone.get(refused, Type.SRV) !== undefined);
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
    reconciler.want(printers(upTo(250)));
    const refusals = server.serve(reconciler, 0);
    assert.deepEqual(
      refusals.map(({ name }) => name.key),
      [refused],
    );
    assert.equal([...server.zone].length, 1 + 249 + 250);
    assert.ok(server.updates < 40, `${server.updates} updates`);
  });

  test("many records, as BIND odd names of hosts, gets the others once those are found", () => {
    for (const first of [0, 150]) {
      const odd = upTo(40).map((i) => first + i);
      const refused = odd.map((i) => ZONE.child(`h${i}`)!.key);
      const server = new Server((zone) => refused.some((host) => zone.get(host, Type.A)));
      const reconciler = new Reconciler({ zone: ZONE, random: seeded(first + 1), lease: 300 });
      reconciler.want(printers(upTo(250)));
      let now = 0;
      for (; listed(server) < 210; now = reconciler.due()!) server.serve(reconciler, now);
      assert.ok(now < 2000, `listed after ${now} ms`);
      assert.ok(server.updates < 500, `${server.updates} updates`);
    }
  });

  test("all records of a site gets another site's after no more than a moment", () => {
    const site = (label: string) =>
      upTo(60)
        .map(
          (i) =>
            `_ipp._tcp PTR p${i}.${label}\np${i}.${label} SRV 0 0 1 h.${label}\nh.${label} A 10.0.0.1`,
        )
        .join("\n");
    const lyon = ZONE.child("lyon")!;
    const server = new Server((zone) => [...zone].some(({ name }) => name.isUnder(lyon)));
    const make = () => {
      const reconciler = new Reconciler({ zone: ZONE, random: seeded(1), lease: 300 });
      reconciler.want(setsOf(`${site("lyon")}\n${site("paris")}`));
      return reconciler;
    };
    const forbidden = make();
    for (let now = 0; now < 5000; now = forbidden.due()!) server.serve(forbidden, now);
    assert.deepEqual(lines(server.zone), lines(setsOf(site("paris"))));

    // If renewing that site is refused, the other one is renewed.
    const reconciler = make();
    settle(reconciler, new RecordSets());
    const renewed = new Set<string>();
    for (let now = reconciler.due()!; now < 160_000; now = reconciler.due()!) {
      for (let update = reconciler.poll(now); update !== undefined; update = reconciler.poll(now)) {
        const isRefused = update.updates.some(({ name }) => name.isUnder(lyon));
        if (!isRefused) for (const { name } of update.updates) renewed.add(name.key);
        reconciler.settle(isRefused ? Rcode.REFUSED : Rcode.NOERROR, now);
      }
    }
    for (const { name } of setsOf(site("paris"))) assert.ok(renewed.has(name.key), `${name}`);
  });

  test("a record of a service does not get the service listed until it accepts the record", () => {
    const old = '_ipp._tcp PTR x\nx SRV 0 0 1 h\nx TXT "one"\nh A 10.0.0.1';
    // The target is not ours to publish, so none of its records is missing.
    const other = '_ipp._tcp PTR y\ny SRV 0 0 1 far.example.\ny TXT "one"';
    const fresh = `_ipp._tcp PTR x\nx SRV 0 0 2 g\nx TXT "two"\ng A 10.0.0.2\ng AAAA fd00::2`;
    for (const [refused, wanted] of [
      ["x SRV 0 0 2 h", old.replace("0 0 1", "0 0 2")],
      ['x TXT "two"', old.replace("one", "two")],
      ["g A 10.0.0.2\ng AAAA fd00::2", fresh],
    ] as const) {
      for (const before of ["", old]) {
        let takes = false;
        const data = [...setsOf(refused)].flatMap(({ rdatas }) => rdatas);
        const server = new Server((zone) => {
          const all = [...zone].flatMap(({ rdatas }) => rdatas);
          return !takes && data.some((each) => all.some((rdata) => rdata.equals(each)));
        });
        const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
        reconciler.want(setsOf(`${before}\n${other}`));
        server.serve(reconciler, 0);
        reconciler.want(setsOf(`${wanted}\n${other}`));
        const refusals = server.serve(reconciler, 1000);
        assert.ok(refusals.length > 0, refused);
        // Everything may be refused, as far as is known, until something else is accepted.
        if (before !== "" && wanted !== fresh) {
          assert.deepEqual(lines(server.zone), lines(setsOf(`${old}\n${other}`)), refused);
        }
        reconciler.want(setsOf(`${wanted}\n${other}\nz A 10.0.0.9`));
        server.serve(reconciler, 1100);
        reconciler.want(setsOf(`${wanted}\n${other}`));
        for (let round = 0; round < 3; round++) server.serve(reconciler, reconciler.due()!);
        assert.deepEqual(
          server.zone.get(BROWSE.key, Type.PTR)?.rdatas.map((rdata) => `${targetOf(rdata)}`),
          ["y.z.example."],
          refused,
        );
        takes = true;
        for (let round = 0; round < 3; round++) server.serve(reconciler, reconciler.due()!);
        assert.deepEqual(lines(server.zone), lines(setsOf(`${wanted}\n${other}`)));
      }
    }
  });

  test("to remove a record is asked again, and the record is not renewed", () => {
    let isHeld = true;
    const host = ZONE.child("h1")!.key;
    const server = new Server((zone) => isHeld && zone.get(host, Type.A) === undefined);
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
    server.zone = printers([1]);
    reconciler.inherit(server.zone, server.zone, () => 0);
    const [refusal, ...more] = server.serve(reconciler, 0);
    assert.deepEqual([refusal?.isRemoval, refusal?.name.key, more], [true, host, []]);
    assert.deepEqual(server.serve(reconciler, reconciler.due()!), []);
    assert.equal([...server.zone].length, 1);
    isHeld = false;
    server.serve(reconciler, reconciler.due()!);
    assert.equal([...server.zone].length, 0);
  });

  test("to remove a service from a list keeps what the service needs", () => {
    const gone = `_ipp._tcp PTR x\nx SRV 0 0 1 h\nx TXT "t"\nh A 10.0.0.1`;
    for (const stays of ["", 'x SRV 0 0 2 h\nx TXT "u"']) {
      let isHeld = true;
      const server = new Server((zone) => isHeld && zone.get(BROWSE.key, Type.PTR) === undefined);
      const reconciler = new Reconciler({ zone: ZONE, random, lease: 1200 });
      reconciler.want(setsOf(gone));
      server.serve(reconciler, 0);
      reconciler.want(setsOf(stays));
      let now = 1000;
      for (; now < 60_000; now = reconciler.due()!) server.serve(reconciler, now);
      const listed = `_ipp._tcp PTR x\nh A 10.0.0.1\n${stays || 'x SRV 0 0 1 h\nx TXT "t"'}`;
      assert.deepEqual(lines(server.zone), lines(setsOf(listed)));
      isHeld = false;
      server.serve(reconciler, now);
      assert.deepEqual(lines(server.zone), lines(setsOf(stays)));
    }
  });

  test("to remove a service from a list keeps no alias that new records of its host replace", () => {
    const server = new Server((zone) => zone.get(BROWSE.key, Type.PTR) === undefined);
    const reconciler = new Reconciler({ zone: ZONE, random });
    reconciler.want(setsOf("_ipp._tcp PTR x\nx SRV 0 0 1 h\nh CNAME a\na A 10.0.0.1"));
    // Published without the rule, which refuses a zone without the list.
    server.zone = settle(reconciler, new RecordSets());
    reconciler.want(setsOf("h A 10.0.0.2"));
    server.serve(reconciler, 0);
    const left = "_ipp._tcp PTR x\nx SRV 0 0 1 h\nh A 10.0.0.2";
    assert.deepEqual(lines(server.zone), lines(setsOf(left)));
  });

  test("two records gets each of them soon after it accepts it", () => {
    const odd = ["a", "b"].map((label) => ZONE.child(label)!.key);
    let refused = odd;
    const server = new Server((zone) => refused.some((host) => zone.get(host, Type.A)));
    const reconciler = new Reconciler({ zone: ZONE, random });
    reconciler.want(setsOf("a A 10.0.0.1\nb A 10.0.0.2"));
    let now = 0;
    const until = (end: number) => {
      for (; now < end; now = reconciler.due()!) server.serve(reconciler, now);
    };
    until(600_000);
    assert.deepEqual(lines(server.zone), []);
    refused = odd.slice(1);
    let taken = now;
    for (; server.zone.isEmpty; now = reconciler.due()!) {
      taken = now;
      server.serve(reconciler, now);
    }
    refused = [];
    until(taken + 10_000);
    assert.deepEqual(lines(server.zone), lines(setsOf("a A 10.0.0.1\nb A 10.0.0.2")));
  });

  test("everything for a while, as with a full disk, has all within a minute after", () => {
    for (const outage of [500, 5000, 600_000]) {
      let isFailing = false;
      const server = new Server(() => isFailing);
      const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
      const until = (end: number, from: number) => {
        let now = from;
        for (; now < end; now = reconciler.due() ?? end) server.serve(reconciler, now);
        return now;
      };
      // First while nothing is published yet, then during a renewal of everything.
      reconciler.want(printers(upTo(3)));
      isFailing = true;
      let now = until(outage, 0);
      isFailing = false;
      now = until(now + 60_000, now);
      assert.deepEqual(lines(server.zone), lines(printers(upTo(3))), `${outage} ms`);
      server.zone = new RecordSets();
      isFailing = true;
      now = until(now + 150_000 + outage, now);
      isFailing = false;
      until(now + 60_000, now);
      assert.deepEqual(lines(server.zone), lines(printers(upTo(3))), `${outage} ms`);
    }
  });

  test("every change, as for a frozen zone, gets all soon after", () => {
    for (const [frozen, soon] of [
      [2000, 4000],
      [30_000, 33_000],
      [600_000, 60_000],
    ] as const) {
      let isFrozen = false;
      const server = new Server(() => isFrozen);
      const reconciler = new Reconciler({ zone: ZONE, random, lease: 1200 });
      const until = (end: number, from: number) => {
        let now = from;
        for (; now < end; now = reconciler.due() ?? end) server.serve(reconciler, now);
        return now;
      };
      const text = (word: string, hosts: string) =>
        `_ipp._tcp PTR p\np SRV 0 0 1 h\np TXT "${word}"\nh A 10.0.0.1\n${hosts}`;
      reconciler.want(setsOf(text("one", "left A 10.0.0.2\nleft A 10.0.0.3")));
      server.serve(reconciler, 0);
      isFrozen = true;
      const after = setsOf(text("two", "left A 10.0.0.3"));
      reconciler.want(after);
      const end = 1000 + frozen;
      let now = until(end, 1000);
      assert.ok(server.refusals < 80, `${server.refusals} refusals in ${frozen} ms`);
      isFrozen = false;
      now = until(end + soon, now);
      assert.deepEqual(lines(server.zone), lines(after), `${frozen} ms`);
      // The next change is neither refused nor delayed.
      reconciler.want(setsOf(text("three", "")));
      server.serve(reconciler, Math.max(now, reconciler.due()!));
      assert.deepEqual(lines(server.zone), lines(setsOf(text("three", ""))));
    }
  });

  test("every change, as for a frozen zone, loses no service from its lists", () => {
    const text = (word: string) =>
      upTo(12)
        .map((i) => {
          const [port, address] = word === "one" ? [1, i] : [i % 2, 100 + (i % 3)];
          return `_ipp._tcp PTR p${i}\np${i} SRV 0 0 ${port} h${i}\np${i} TXT ${word}\nh${i} A 10.0.0.${address}`;
        })
        .join("\n");
    const times = Array.from({ length: 18 }, (_, i) => 100 * 1.6 ** i);
    // Once with a change during the freeze, and once with a renewal.
    for (const [frozen, word, at] of times.flatMap((time) => [
      [time, "two", 1000] as const,
      [time, "one", 700_000] as const,
    ])) {
      let isFrozen = false;
      const server = new Server((zone) => {
        const list = zone.get(BROWSE.key, Type.PTR);
        if (!isFrozen) assert.equal(list?.rdatas.length, 12, `${word}, ${frozen} ms`);
        return isFrozen;
      });
      const reconciler = new Reconciler({ zone: ZONE, random: seeded(1), lease: 1200 });
      const until = (end: number, from: number) => {
        let now = from;
        for (; now < end; now = reconciler.due() ?? end) server.serve(reconciler, now);
        return now;
      };
      reconciler.want(setsOf(text("one")));
      const start = until(at, 0);
      isFrozen = true;
      reconciler.want(setsOf(text(word)));
      const now = until(start + frozen, start);
      isFrozen = false;
      until(now + 60_000, now);
      assert.deepEqual(lines(server.zone), lines(setsOf(text(word))), `${frozen} ms`);
    }
  });

  test("to shrink a set is asked now and then, and reported with the record", () => {
    for (const data of ["SRV 0 0 # h", 'TXT "#"']) {
      for (const count of [2, 3]) {
        const text = (upTo: number) =>
          Array.from({ length: upTo }, (_, i) => `x ${data.replace("#", `${i}`)}`).join("\n");
        let isFrozen = false;
        const server = new Server(() => isFrozen);
        const reconciler = new Reconciler({ zone: ZONE, random, lease: 1200 });
        reconciler.want(setsOf(text(count)));
        server.serve(reconciler, 0);
        isFrozen = true;
        reconciler.want(setsOf(text(1)));
        let now = 1000;
        for (; now < 600_000; now = reconciler.due()!) {
          for (const refusal of server.serve(reconciler, now)) assert.ok(refusal.record);
        }
        assert.ok(server.refusals < 80, `${server.refusals} refusals in ten minutes`);
        isFrozen = false;
        server.serve(reconciler, now);
        server.serve(reconciler, reconciler.due()!);
        assert.deepEqual(lines(server.zone), lines(setsOf(text(1))));
      }
    }
  });

  test("some records for ever gets all others soon after a freeze of an hour", () => {
    const hosts = Array.from({ length: 60 }, (_, i) => `odd-${i}`);
    const odd = hosts.map((host) => ZONE.child(host)!.key);
    let isFrozen = false;
    const server = new Server(
      (zone) => isFrozen || odd.some((host) => zone.get(host, Type.A) !== undefined),
    );
    const reconciler = new Reconciler({ zone: ZONE, random });
    const good = (port: number) =>
      upTo(30)
        .map((i) => `_ipp._tcp PTR p${i}\np${i} SRV 0 0 ${port} h\nh A 10.0.0.1`)
        .join("\n");
    const bad = hosts.map((host) => `${host} A 10.0.0.1`).join("\n");
    let now = 0;
    const until = (end: number) => {
      for (; now < end; now = reconciler.due() ?? end) {
        server.updates = 0;
        server.serve(reconciler, now);
      }
    };
    reconciler.want(setsOf(`${bad}\n${good(1)}`));
    until(3 * 3_600_000);
    isFrozen = true;
    reconciler.want(setsOf(`${bad}\n${good(2)}`));
    until(4 * 3_600_000);
    isFrozen = false;
    until(now + 60_000);
    assert.deepEqual(lines(server.zone), lines(setsOf(good(2))));
  });

  test("some records for ever is not searched for them again after an outage", () => {
    const hosts = Array.from({ length: 60 }, (_, i) => `odd-${i}`);
    const odd = hosts.map((host) => ZONE.child(host)!.key);
    const server = new Server((zone) => odd.some((host) => zone.get(host, Type.A) !== undefined));
    const reconciler = new Reconciler({ zone: ZONE, random });
    const all = (status: string) =>
      setsOf([...hosts.map((host) => `${host} A 10.0.0.1`), `x TXT "${status}"`].join("\n"));
    reconciler.want(all("one"));
    let now = 0;
    for (; now < 3 * 3_600_000; now = reconciler.due()!) {
      server.updates = 0;
      server.serve(reconciler, now);
    }
    reconciler.want(all("two"));
    for (const end = now + 15_000; now < end; now = reconciler.due()!) {
      assert.ok(reconciler.poll(now));
      reconciler.settle(undefined, now);
    }
    server.updates = 0;
    assert.deepEqual(server.serve(reconciler, now), []);
    assert.deepEqual(lines(server.zone), ['x.z.example. 10 IN TXT "two"']);
    assert.ok(server.updates < 20, `${server.updates} updates`);
  });

  test("some records for ever gets changes hours later without delay", () => {
    const hosts = Array.from({ length: 20 }, (_, i) => `odd-${i}`);
    const odd = hosts.map((host) => ZONE.child(host)!.key);
    const server = new Server((zone) => odd.some((host) => zone.get(host, Type.A) !== undefined));
    const reconciler = new Reconciler({ zone: ZONE, random });
    const all = (status: string) =>
      setsOf([...hosts.map((host) => `${host} A 10.0.0.1`), `x TXT "${status}"`].join("\n"));
    let now = 0;
    for (let turn = 0; turn < 200; turn++) {
      reconciler.want(all(`${turn}`));
      server.serve(reconciler, now);
      // At first the twenty are searched for.
      const isThere = server.zone.get(ZONE.child("x")!.key, Type.TXT) !== undefined;
      assert.ok(isThere || turn === 0);
      if (isThere) assert.deepEqual(lines(server.zone), [`x.z.example. 10 IN TXT "${turn}"`]);
      // Changes are rare, and come at any moment.
      const next = now + 600_000 + turn * 1234;
      for (; now < next; now = Math.min(reconciler.due() ?? next, next))
        server.serve(reconciler, now);
      assert.ok(server.updates < 150, `${server.updates} updates in ten minutes`);
      server.updates = 0;
    }
  });

  test("to renew a large set is recognised with few updates, and gets all of it back", () => {
    const server = new Server(() => false);
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
    const sets = printers(upTo(250));
    reconciler.want(sets);
    server.serve(reconciler, 0);
    const began = reconciler.due()!;
    let updates = 0;
    let now = began;
    const isOfList = (names: readonly { readonly name: Name }[]) =>
      names.some(({ name }) => name.equals(BROWSE));
    for (; now < began + 1000; now = reconciler.due()!) {
      for (let update = reconciler.poll(now); update !== undefined; update = reconciler.poll(now)) {
        const isRefused = isOfList(update.updates);
        reconciler.settle(isRefused ? Rcode.REFUSED : Rcode.NOERROR, now);
        updates++;
      }
    }
    assert.ok(updates < 30, `${updates} updates`);
    server.zone = RecordSets.of([...sets].filter(({ name }) => !name.equals(BROWSE)));
    for (const end = now + 60_000; now < end; now = reconciler.due()!)
      server.serve(reconciler, now);
    assert.deepEqual(lines(server.zone), lines(sets));
  });

  test("everything is asked ever more seldom", () => {
    const server = new Server(() => true);
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
    reconciler.want(printers(upTo(200)));
    for (let now = 0; now < 600_000; now = reconciler.due()!) server.serve(reconciler, now);
    assert.ok(server.updates < 100, `${server.updates} updates in ten minutes`);
  });

  test("to remove anything is asked ever more seldom", () => {
    const server = new Server(() => true);
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 86_400 });
    server.zone = printers(upTo(200));
    reconciler.inherit(server.zone, server.zone, () => 0);
    for (let now = 0; now < 600_000; now = reconciler.due()!) server.serve(reconciler, now);
    assert.ok(server.updates < 100, `${server.updates} updates in ten minutes`);
  });
});

suite("a set with one owner", () => {
  const before = 'x SRV 0 0 1 a\nx TXT "one"\na A 10.0.0.1\n_ipp._tcp PTR x';
  const changed = 'x SRV 0 0 1 a\nx TXT "two"\na A 10.0.0.2\n_ipp._tcp PTR x';

  test("is replaced in one update, whoever published what was there", () => {
    const reconciler = new Reconciler({ zone: ZONE, random });
    reconciler.want(setsOf(before));
    const others = 'x TXT "three"\na A 10.0.0.3\n_ipp._tcp PTR y\n';
    const zone = settle(reconciler, setsOf(others));
    assert.deepEqual(lines(zone), lines(setsOf(`${others}${before}`)));
    // For a second both are known (RFC 6762 §10.2).
    reconciler.want(setsOf(`${changed}\nx TXT "one"`));
    const both = settle(reconciler, zone);
    reconciler.want(setsOf(changed));
    const after = others.replace('x TXT "three"\n', "");
    assert.deepEqual(lines(settle(reconciler, both)), lines(setsOf(`${after}${changed}`)));
    assert.equal(reconciler.counters.updates, 3);
  });

  test("is not replaced when first published, withdrawn or renewed", () => {
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
    const others = 'x TXT "three"';
    reconciler.want(setsOf(before));
    let zone = settle(reconciler, setsOf(others));
    zone = settle(reconciler, zone, reconciler.due());
    assert.deepEqual(lines(zone), lines(setsOf(`${others}\n${before}`)));
    reconciler.withdraw();
    assert.deepEqual(lines(settle(reconciler, zone)), lines(setsOf(others)));
  });

  test("is replaced whole if it fits in an update, or else record by record", () => {
    const texts = (word: string, count: number) =>
      setsOf(Array.from({ length: count }, (_, i) => `x TXT "${word} ${i}"`).join("\n"));
    for (const [count, limit] of [
      [40, 3000],
      [400, 3000],
    ] as const) {
      const reconciler = new Reconciler({ zone: ZONE, random, limit });
      reconciler.want(texts("before", count));
      const zone = settle(reconciler, new RecordSets());
      const { updates } = reconciler.counters;
      reconciler.want(texts("after", count));
      assert.deepEqual(lines(settle(reconciler, zone)), lines(texts("after", count)));
      assert.equal(reconciler.counters.updates - updates > 1, count === 400);
    }
  });

  test("is changed record by record if the server refuses to replace it", () => {
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
    reconciler.want(setsOf(before));
    let zone = settle(reconciler, new RecordSets());
    reconciler.want(setsOf(changed));
    for (let update = reconciler.poll(0); update !== undefined; update = reconciler.poll(0)) {
      const isRefused = update.updates.some((record) => record.class === Class.ANY);
      if (!isRefused) zone = applied(zone, update);
      const text = zone.get(ZONE.child("x")!.key, Type.TXT);
      assert.ok(text, "it is complete all the while");
      assert.equal(reconciler.settle(isRefused ? Rcode.REFUSED : Rcode.NOERROR, 0), undefined);
    }
    assert.deepEqual(lines(zone), lines(setsOf(changed)));
    assert.ok(reconciler.isHindered);
    assert.equal(reconciler.poll(reconciler.due()!), undefined);
    assert.ok(!reconciler.isHindered, "and replaced again from then on");
  });
});

suite("a lease", () => {
  const sets = setsOf("a A 10.0.0.1\n_ipp._tcp PTR x\nx SRV 0 0 1 a");

  test("is requested in every update, and everything is renewed before half of it is over", () => {
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
    reconciler.want(sets);
    assert.equal(reconciler.poll(0)?.lease, 300);
    reconciler.settle(Rcode.NOERROR, 0);
    const due = reconciler.due()!;
    assert.ok(due > 100_000 && due <= 150_000, `${due}`);
    const refresh = reconciler.poll(due)!;
    assert.equal(refresh.lease, 300);
    assert.deepEqual(lines(applied(new RecordSets(), refresh)), lines(sets));
    reconciler.settle(Rcode.NOERROR, due);
    assert.equal(reconciler.poll(due), undefined);
    assert.deepEqual(reconciler.counters, { updates: 2, refreshes: 1, failures: 0, refusals: 0 });
  });

  test("that is granted shorter is respected", () => {
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
    reconciler.grant(60, 0);
    reconciler.want(sets);
    settle(reconciler, new RecordSets());
    assert.ok(reconciler.due()! <= 30_000);
  });

  test("that is granted shorter later is respected from then on", () => {
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 3600 });
    reconciler.want(sets);
    const zone = settle(reconciler, new RecordSets());
    reconciler.grant(60, 0);
    assert.ok(reconciler.due()! <= 30_000);
    settle(reconciler, zone, reconciler.due());
    reconciler.grant(60, 30_000);
    assert.ok(reconciler.due()! > 30_000);
    // After a withdrawal nothing is renewed.
    reconciler.withdraw();
    reconciler.grant(30, 30_000);
    assert.deepEqual(lines(settle(reconciler, zone, 100_000)), []);
  });

  test("of next to no time is renewed like one of half a minute, any other before its end", () => {
    for (const [lease, least, most] of [
      [0, 10_000, 15_000],
      [1, 10_000, 15_000],
      [2, 700, 1000],
      [10, 3000, 5000],
      [29, 10_000, 14_500],
    ] as const) {
      const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
      reconciler.want(sets);
      settle(reconciler, new RecordSets());
      reconciler.grant(lease, 0);
      const due = reconciler.due()!;
      assert.ok(due > least && due <= most, `${lease} s: ${due} ms`);
      reconciler.poll(due);
      reconciler.settle(Rcode.NOERROR, due);
      assert.equal(reconciler.poll(due), undefined);
    }
  });

  test("that cannot be renewed is retried until it can, and restores what was lost", () => {
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
    reconciler.want(sets);
    settle(reconciler, new RecordSets());
    let now = reconciler.due()!;
    for (let tries = 0; now < 600_000; now = reconciler.due()!) {
      assert.ok(reconciler.poll(now) !== undefined && tries++ < 1000);
      reconciler.settle(undefined, now);
      assert.ok(reconciler.due()! - now <= 1000);
    }
    assert.deepEqual(lines(settle(reconciler, new RecordSets(), now)), lines(sets));
  });

  test("is renewed even after a shorter outage, since the server may be another one", () => {
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
    reconciler.want(sets);
    settle(reconciler, new RecordSets());
    const more = setsOf("a A 10.0.0.1\n_ipp._tcp PTR x\nx SRV 0 0 1 a\nb A 10.0.0.2");
    reconciler.want(more);
    reconciler.poll(5000);
    reconciler.settle(undefined, 5000);
    assert.deepEqual(lines(settle(reconciler, new RecordSets(), 7000)), lines(more));
  });

  test("is renewed in a lull, but not put off for ever by changes", () => {
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
    reconciler.want(sets);
    settle(reconciler, new RecordSets());
    const began = reconciler.due()!;
    let renewed: number | undefined;
    for (let i = 0; renewed === undefined; i++) {
      const now = began + i * 1000;
      reconciler.want(
        setsOf(`a A 10.0.0.1\n_ipp._tcp PTR x\nx SRV 0 0 1 a\nb A 10.0.1.${i % 200}`),
      );
      const update = reconciler.poll(now)!;
      if (update.updates.some(({ name }) => name.key === ZONE.child("a")!.key)) renewed = now;
      reconciler.settle(Rcode.NOERROR, now);
    }
    assert.ok(renewed > began && renewed < 200_000, `${renewed}`);
  });

  /** Wants something else while a round of many messages is in flight; gives the resulting zone. */
  function wantWithinRound(many: readonly string[], wanted: RecordSets): RecordSets {
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300, limit: 5000 });
    reconciler.want(setsOf(many.join("\n")));
    const zone = settle(reconciler, new RecordSets());
    const now = reconciler.due()!;
    const renewed = applied(zone, reconciler.poll(now)!);
    reconciler.want(wanted);
    reconciler.settle(Rcode.NOERROR, now);
    return settle(reconciler, renewed, now);
  }

  test("does not bring back what was removed while the round was in flight", () => {
    const many = upToText(2000);
    const wanted = setsOf(many.slice(1500).join("\n"));
    assert.deepEqual(lines(wantWithinRound(many, wanted)), lines(wanted));
  });

  test("does not bring back the TTL that a set had when the round began", () => {
    const many = upToText(2000);
    const wanted = setsOf(many.map((line) => line.replace(" A ", " 5 A ")).join("\n"));
    assert.deepEqual(lines(wantWithinRound(many, wanted)), lines(wanted));
  });

  test("of a thousand services is renewed with few messages", () => {
    const site = new Site(ZONE.child("s")!, OPEN);
    const text = upToText(1000).map((_, i) =>
      service(`Printer on floor ${i}`, "_ipp._tcp", `printer-${i}`, `10.0.${i >> 8}.${i & 255}`),
    );
    site.caches.add(cacheOf(text.join("\n")));
    const { sets } = project([site], ZONE, 5000);
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
    reconciler.want(sets);
    const zone = settle(reconciler, new RecordSets());
    const { updates } = reconciler.counters;
    assert.deepEqual(lines(settle(reconciler, zone, reconciler.due()!)), lines(zone));
    const messages = reconciler.counters.updates - updates;
    assert.ok(messages <= 12, `${messages} messages`);
  });
});

function upToText(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `h${i} A 10.0.${i >> 8}.${i & 255}`);
}

suite("the inheritance", () => {
  const there = setsOf(
    "_ipp._tcp PTR x\n_ipp._tcp PTR y\nx SRV 0 0 1 a\ny SRV 0 0 2 a\na A 10.0.0.1",
  );

  test("is renewed at once, without a change", () => {
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
    reconciler.inherit(there, there, () => 15_000);
    const update = reconciler.poll(0)!;
    assert.ok(update.updates.every((record) => record.class === Class.IN));
    assert.deepEqual(lines(applied(there, update)), lines(there));
    reconciler.settle(Rcode.NOERROR, 0);
    assert.equal(reconciler.poll(0), undefined);
  });

  test("stays while it is heard bit by bit, and goes in the end if it was not heard", () => {
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
    reconciler.inherit(there, there, () => 15_000);
    let zone = settle(reconciler, there);
    for (const [now, text] of [
      [1000, "a A 10.0.0.1"],
      [2000, "a A 10.0.0.1\nx SRV 0 0 1 a"],
      [3000, "a A 10.0.0.1\nx SRV 0 0 1 a\n_ipp._tcp PTR x"],
    ] as const) {
      reconciler.want(setsOf(text));
      zone = settle(reconciler, zone, now);
      assert.deepEqual(lines(zone), lines(there));
    }
    assert.equal(reconciler.due(), 15_000);
    zone = settle(reconciler, zone, 15_000);
    assert.deepEqual(lines(zone), lines(setsOf("a A 10.0.0.1\nx SRV 0 0 1 a\n_ipp._tcp PTR x")));
  });

  test("gives way to a service's new data, but lists and addresses stay beside the new ones", () => {
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
    reconciler.inherit(there, there, () => 15_000);
    reconciler.want(setsOf("x SRV 0 0 9 a\n_ipp._tcp PTR z\na A 10.0.0.7"));
    assert.deepEqual(
      lines(settle(reconciler, there)),
      lines(
        setsOf(
          "x SRV 0 0 9 a\ny SRV 0 0 2 a\na A 10.0.0.1\na A 10.0.0.7\n_ipp._tcp PTR x\n_ipp._tcp PTR y\n_ipp._tcp PTR z",
        ),
      ),
    );
  });

  test("gives way to an alias, and an alias to all else, as a server takes nothing beside one", () => {
    const cname = "web CNAME nas\nnas A 10.0.0.9";
    const address = "web A 10.0.0.1\nnas A 10.0.0.9";
    for (const [before, after] of [
      [cname, address],
      [address, cname],
    ] as const) {
      const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
      reconciler.inherit(setsOf(before), setsOf(before), () => 15_000);
      const zone = settle(reconciler, setsOf(before));
      reconciler.want(setsOf(after));
      const sent: string[] = [];
      for (let update = reconciler.poll(0); update !== undefined; update = reconciler.poll(0)) {
        sent.push(...update.updates.map((each) => `${each.class} ${each.type}`));
        reconciler.settle(Rcode.NOERROR, 0);
      }
      const [old, young] = before === cname ? [Type.CNAME, Type.A] : [Type.A, Type.CNAME];
      assert.deepEqual(sent, [`${Class.NONE} ${old}`, `${Class.IN} ${young}`]);
      assert.equal(lines(zone).length, 2);
    }
  });

  test("goes at once if it is heard and then not wanted any more, before the rest is settled", () => {
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
    const heard = "a A 10.0.0.1\nx SRV 0 0 1 a\n_ipp._tcp PTR x";
    for (const isHeardFirst of [true, false]) {
      if (isHeardFirst) reconciler.want(setsOf(heard));
      reconciler.inherit(there, there, () => 15_000);
      if (!isHeardFirst) reconciler.want(setsOf(heard));
      const zone = settle(reconciler, there);
      assert.deepEqual(lines(zone), lines(there));
      reconciler.want(new RecordSets());
      const rest = "y SRV 0 0 2 a\n_ipp._tcp PTR y";
      assert.deepEqual(lines(settle(reconciler, zone, 1000)), lines(setsOf(rest)));
    }
  });

  test("excludes what this collector put there and removes, even if the removal may be lost", () => {
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
    reconciler.want(setsOf("_ipp._tcp PTR x\nx SRV 0 0 1 h\nh A 10.0.0.1"));
    const zone = settle(reconciler, new RecordSets());
    reconciler.want(new RecordSets());
    reconciler.poll(0);
    reconciler.settle(undefined, 0);
    reconciler.inherit(zone, zone, () => 15_000);
    assert.deepEqual(lines(settle(reconciler, zone, 1000)), []);
  });

  test("need not include an own record for its lost removal to be repeated, if it is there", () => {
    for (const hasGone of [false, true]) {
      const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
      reconciler.want(setsOf("a A 10.0.0.1"));
      const before = settle(reconciler, new RecordSets());
      reconciler.want(new RecordSets());
      reconciler.poll(0);
      reconciler.settle(undefined, 0);
      const zone = hasGone ? new RecordSets() : before;
      reconciler.inherit(zone, [], () => 15_000);
      if (hasGone) assert.equal(reconciler.poll(1000), undefined, "what is gone is not removed");
      assert.deepEqual(lines(settle(reconciler, zone, 1000)), []);
    }
  });

  test("goes at once when everything is withdrawn", () => {
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300 });
    reconciler.inherit(there, there, () => 15_000);
    const zone = settle(reconciler, there);
    reconciler.withdraw();
    assert.deepEqual(lines(settle(reconciler, zone, 1)), []);
    assert.equal(reconciler.due(), undefined);
  });
});

suite("a withdrawal", () => {
  const text = Array.from({ length: 20 }, (_, i) => `h${i} A 10.0.0.${i}`).join("\n");
  const start = (limit?: number) => {
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300, ...(limit && { limit }) });
    reconciler.want(setsOf(`${text}\n_ipp._tcp PTR x\nx SRV 0 0 1 h0`));
    return { reconciler, zone: settle(reconciler, new RecordSets()) };
  };

  test("waits for nothing, and is one update even if few records were sent at a time", () => {
    const { reconciler, zone } = start();
    reconciler.want(setsOf(`${text}\nodd A 10.0.0.1`));
    // A refused record is being searched for, and then a zone that is loading is waited for.
    const [one, rest] = [reconciler.poll(0)!, Rcode.REFUSED];
    assert.ok(one.updates.length > 1);
    reconciler.settle(rest, 0);
    assert.ok(reconciler.poll(0)!.updates.length < one.updates.length);
    reconciler.settle(Rcode.NOTAUTH, 0);
    assert.equal(reconciler.poll(0), undefined);
    reconciler.withdraw();
    const update = reconciler.poll(0)!;
    assert.deepEqual(lines(applied(zone, update)), []);
  });

  test("renews nothing, not even what cannot be removed", () => {
    for (const isBegun of [true, false]) {
      const { reconciler } = start(100);
      reconciler.renewAll();
      if (isBegun) {
        reconciler.poll(0);
        reconciler.settle(Rcode.NOERROR, 0);
      }
      reconciler.withdraw();
      reconciler.grant(60, 0);
      const isStuck = ({ type }: { readonly type: number }) => type === Type.PTR;
      for (const now of [0, 200_000]) {
        for (let update = reconciler.poll(now); update; update = reconciler.poll(now)) {
          assert.ok(update.updates.every((record) => record.class === Class.NONE));
          reconciler.settle(update.updates.some(isStuck) ? Rcode.REFUSED : Rcode.NOERROR, now);
        }
      }
      assert.ok(reconciler.counters.refusals > 1);
      const left = "_ipp._tcp PTR x\nx SRV 0 0 1 h0\nh0 A 10.0.0.0";
      assert.deepEqual(lines(RecordSets.of(reconciler.left)), lines(setsOf(left)));
    }
  });
});

suite("records shared by sites, on a server without leases", () => {
  // Not in the order in which they can go: a site recommends the zone while that has types.
  const paris = `
    lb._dns-sd._udp PTR @
    lb._dns-sd._udp.paris PTR paris
    _services._dns-sd._udp PTR _ipp._tcp
    _ipp._tcp PTR p._ipp._tcp.paris`.replace(/^ +/gm, "");
  const lyon =
    "lb._dns-sd._udp PTR @\n_services._dns-sd._udp PTR _ipp._tcp\n_ipp._tcp PTR p._ipp._tcp.lyon";

  /** Applies updates whose prerequisites hold (RFC 2136 §3.2). */
  function serve(reconciler: Reconciler, zone: RecordSets, now = 0): RecordSets {
    let result = zone;
    for (let update = reconciler.poll(now); update !== undefined; update = reconciler.poll(now)) {
      const isThere = update.prerequisites.some(({ name, type, class: klass, rdata }) => {
        assert.deepEqual([klass, rdata.isEmpty], [Class.NONE, true]);
        return result.get(name.key, type) !== undefined;
      });
      if (!isThere) result = applied(result, update);
      reconciler.settle(isThere ? Rcode.YXRRSET : Rcode.NOERROR, now);
    }
    return result;
  }

  test("are not taken for those of others because of what is kept of one's own", () => {
    const guard = guardOf(ZONE, "merged");
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300, guard });
    reconciler.grant(undefined, 0);
    const types = "_services._dns-sd._udp PTR _ipp._tcp\n";
    const old = setsOf(`${types}_ipp._tcp PTR old._ipp._tcp.paris`);
    reconciler.inherit(old, old, () => 15_000);
    reconciler.want(setsOf(`${types}_ipp._tcp PTR now._ipp._tcp.paris`));
    let zone = serve(reconciler, old);
    reconciler.want(new RecordSets());
    zone = serve(reconciler, zone, 1000);
    assert.deepEqual(lines(zone), lines(old));
    assert.deepEqual(lines(serve(reconciler, zone, 15_000)), []);
  });

  test("are sent again after having only been read, for others may have removed them", () => {
    const guard = guardOf(ZONE, "merged");
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300, guard });
    reconciler.grant(undefined, 0);
    const types = setsOf("_services._dns-sd._udp PTR _ipp._tcp");
    reconciler.inherit(types, types, () => 15_000);
    assert.deepEqual(lines(serve(reconciler, types)), lines(types));
    // The last printer of the other site has left.
    reconciler.want(setsOf(paris));
    assert.deepEqual(lines(serve(reconciler, new RecordSets(), 1000)), lines(setsOf(paris)));
  });

  test("are not removed before a first answer", () => {
    const guard = guardOf(ZONE, "merged");
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300, guard });
    const types = "_services._dns-sd._udp PTR _ipp._tcp\n_ipp._tcp PTR";
    const old = setsOf(`${types} p._ipp._tcp.paris`);
    reconciler.inherit(old, old, () => 15_000);
    reconciler.poll(0);
    reconciler.settle(undefined, 0);
    const others = setsOf(`${types} p._ipp._tcp.lyon`);
    const both = setsOf(`${types} p._ipp._tcp.lyon\n_ipp._tcp PTR p._ipp._tcp.paris`);
    assert.deepEqual(lines(serve(reconciler, both, 20_000)), lines(others));
  });

  test("go with the last site that wants them, and not before", () => {
    const make = () => {
      const reconciler = new Reconciler({
        zone: ZONE,
        random,
        lease: 300,
        guard: guardOf(ZONE, "merged"),
      });
      reconciler.grant(undefined, 0);
      return reconciler;
    };
    const [inParis, inLyon] = [make(), make()];
    inParis.want(setsOf(paris));
    inLyon.want(setsOf(lyon));
    let zone = serve(inLyon, serve(inParis, new RecordSets()));
    const both = lines(zone);
    inParis.withdraw();
    zone = serve(inParis, zone);
    assert.deepEqual(lines(zone), lines(setsOf(lyon)));
    assert.equal(inParis.counters.refusals, 0, "what others have still is no refusal");
    inParis.want(setsOf(paris));
    zone = serve(inParis, zone);
    assert.deepEqual(lines(zone), both);
    inLyon.withdraw();
    zone = serve(inLyon, zone);
    assert.deepEqual(lines(zone), lines(setsOf(paris)));
    inParis.withdraw();
    assert.deepEqual(lines(serve(inParis, zone)), []);
  });

  test("do not show, if others still have them, that the server takes changes again", () => {
    const guard = guardOf(ZONE, "merged");
    const reconciler = new Reconciler({ zone: ZONE, random, lease: 300, guard, limit: 1 });
    reconciler.grant(undefined, 0);
    const text = (port: number, more: string) => `
_services._dns-sd._udp PTR _ipp._tcp
_ipp._tcp PTR p
p SRV 0 0 ${port} h
h A 10.0.0.1
${more}`;
    const types = "_services._dns-sd._udp PTR _http._tcp\n_http._tcp PTR";
    reconciler.want(setsOf(text(1, `${types} w`)));
    let zone = serve(reconciler, setsOf(`${types} others`));
    reconciler.want(setsOf(text(2, "")));
    // The first change, that a service has left, is accepted; then the disk is full.
    zone = applied(zone, reconciler.poll(0)!);
    reconciler.settle(Rcode.NOERROR, 0);
    const list = ZONE.child("_tcp")!.child("_ipp")!.key;
    for (let now = 0; now < 120_000; now = reconciler.due()!) {
      for (let update = reconciler.poll(now); update !== undefined; update = reconciler.poll(now)) {
        const isOthers = update.prerequisites.length > 0;
        if (now > 60_000) zone = isOthers ? zone : applied(zone, update);
        assert.ok(zone.get(list, Type.PTR), "it is listed all the while");
        const rcode = isOthers ? Rcode.YXRRSET : now > 60_000 ? Rcode.NOERROR : Rcode.SERVFAIL;
        reconciler.settle(rcode, now);
      }
    }
    assert.deepEqual(lines(zone), lines(setsOf(text(2, `${types} others`))));
  });

  test("are left to the server if it grants leases", () => {
    const reconciler = new Reconciler({
      zone: ZONE,
      random,
      lease: 300,
      guard: guardOf(ZONE, "merged"),
    });
    reconciler.grant(300, 0);
    const there = setsOf(paris);
    reconciler.inherit(there, there, () => 15_000);
    const zone = serve(reconciler, there);
    reconciler.want(setsOf(paris));
    assert.equal(reconciler.poll(0), undefined, "what was read is said once");
    reconciler.withdraw();
    const update = reconciler.poll(0)!;
    assert.deepEqual(update.prerequisites, []);
    assert.deepEqual(lines(applied(zone, update)), []);
  });
});

/** Wanted states made of a few names and types. */
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

/** The fate of an update: done, refused, lost on the way there, or on the way back. */
const fate = fc.constantFrom("done", "refused", "lost", "unanswered");
/** Milliseconds: some fall within a round of renewals, some reach the next. */
const pause = fc.constantFrom(1000, 10_000, 100_000, 600_000);

test("whatever becomes of updates, the zone is as wanted once later rounds come through", () => {
  const step = fc.record({ wanted: fc.option(wanted), fate, pause });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 20 }),
      fc.constantFrom(40, 150, 10_000),
      fc.constantFrom(0, 0.5, 0.99),
      (steps, limit, chance) => {
        const reconciler = new Reconciler({ zone: ZONE, random: () => chance, limit });
        let zone = new RecordSets();
        let target = new RecordSets();
        let now = 0;
        for (const { wanted, fate, pause } of steps) {
          now += pause;
          if (wanted !== null) {
            target = wanted;
            reconciler.want(wanted);
          }
          const update = reconciler.poll(now);
          if (update === undefined) continue;
          assert.ok(update.updates.every(({ ttl }) => ttl >= 0));
          if (fate === "done" || fate === "unanswered") zone = applied(zone, update);
          const rcode =
            fate === "done" ? Rcode.NOERROR : fate === "refused" ? Rcode.REFUSED : undefined;
          reconciler.settle(rcode, now);
        }
        // Records refused on their own are retried now and then: first one, then the rest.
        for (let round = 1; round <= 3; round++) {
          zone = settle(reconciler, zone, now + round * 700_000);
        }
        assert.deepEqual(lines(zone), lines(target));
      },
    ),
    { numRuns: 500 },
  );
});

test("after each of many updates every listed service is complete", () => {
  const services = (numbers: readonly number[], host: (i: number) => string) => {
    const site = new Site(ZONE.child("s")!, OPEN);
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
