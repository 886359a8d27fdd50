import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { PublishError } from "../../src/collector/publishing/farzone.ts";
import { Publication, type PublishedZone } from "../../src/collector/publishing/publication.ts";
import { RecordSets } from "../../src/collector/recordsets.ts";
import { Rcode } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { ExchangeError } from "../../src/net/client/exchange.ts";
import { FakeClock, START } from "../support/clock.ts";
import { applied, lines, setsOf, ZONE } from "./fixture.ts";

const away = (code: string) => new ExchangeError({ address: "192.0.2.53", port: 53 }, code);

/** A server whose behaviour a test changes, a publication into it, and what that logs. */
class Scene {
  readonly clock = new FakeClock();
  readonly publication: Publication;
  readonly log: string[] = [];
  readonly reasons: unknown[] = [];
  zone = new RecordSets();
  updates = 0;
  reads = 0;
  /** How updates fail, and readings, while set. */
  fails: Rcode | Error | undefined;
  unreadable: Error | undefined;

  constructor(options: Partial<PublishedZone> = {}) {
    const tell =
      (level: string) =>
      (fields: object, fact: string): void => {
        if (level !== "debug") this.log.push(`${level}: ${fact}`);
        if ("reason" in fields) this.reasons.push(fields.reason);
      };
    const log = {
      debug: tell("debug"),
      info: tell("info"),
      warn: tell("warn"),
      error: tell("error"),
    };
    this.publication = new Publication({
      clock: this.clock,
      log,
      guard: () => undefined,
      sites: () => [ZONE.child("paris")!],
      settles: () => START + 15_000,
      ours: (there) => there.sets(),
      left: (ours) => ours,
      zone: {
        origin: ZONE,
        key: "paris",
        withdraw: true,
        publish: async (update) => {
          this.updates++;
          if (this.fails instanceof Error) throw this.fails;
          if (this.fails !== undefined) return this.fails;
          this.zone = applied(this.zone, update);
          return Rcode.NOERROR;
        },
        readBack: async () => {
          this.reads++;
          if (this.unreadable !== undefined) throw this.unreadable;
          return this.zone;
        },
        ...options,
      },
    });
  }

  /** Publishes, then removes a record; gives the zone from before the removal. */
  async left(): Promise<RecordSets> {
    this.publication.inherit();
    this.want("h A 10.0.0.1\ngone A 10.0.0.7");
    await this.clock.elapse(20_000);
    const older = this.zone;
    this.want("h A 10.0.0.1");
    await this.clock.elapse(1000);
    return older;
  }

  want(text: string): void {
    this.publication.want(setsOf(text));
  }
}

suite("publication into a zone", () => {
  test("a server that closes on transfers is reported once, and read ever more seldom", async () => {
    const scene = new Scene();
    scene.unreadable = away("closed");
    scene.publication.inherit();
    const reads: number[] = [];
    for (let i = 0; i < 1200; i++) {
      scene.want(`x TXT "${i}"`);
      await scene.clock.elapse(1000);
      assert.deepEqual(lines(scene.zone), lines(setsOf(`x TXT "${i}"`)));
      reads.push(scene.reads);
    }
    assert.equal(scene.log.length, 1);
    assert.match(scene.log[0]!, /stale records may stay in the zone, which cannot be read/);
    assert.ok(reads[59]! <= 12, `${reads[59]} readings in a minute`);
    assert.ok(reads[1199]! < 50, `${reads[1199]} readings in twenty minutes`);
    scene.unreadable = undefined;
    await scene.clock.elapse(1200 * 100);
    assert.equal(scene.reads, reads[1199]! + 1);
    // What works and then fails again is reported again.
    scene.unreadable = away("closed");
    scene.publication.inherit();
    for (let i = 0; i < 60; i++) {
      scene.want(`x TXT "again ${i}"`);
      await scene.clock.elapse(1000);
    }
    assert.equal(scene.log.length, 2);
    assert.doesNotMatch(scene.log[1]!, /allow-transfer/, "nobody knows that it is not let");
  });

  test("a server away while there was nothing to publish is not reported when it is back", async () => {
    const scene = new Scene();
    scene.unreadable = away("timeout");
    scene.publication.inherit();
    await scene.clock.elapse(12_000);
    const { reads } = scene;
    assert.ok(reads >= 2, `${reads} readings`);
    scene.unreadable = undefined;
    scene.want("h A 10.0.0.1");
    await scene.clock.elapse(1000);
    assert.deepEqual([scene.updates, scene.reads], [1, reads], "an update comes first");
    await scene.clock.elapse(30_000);
    assert.equal(scene.reads, reads + 1);
    assert.deepEqual(scene.log, []);
  });

  test("a server unreadable in ever new ways is reported once a minute", async () => {
    const scene = new Scene();
    scene.publication.inherit();
    for (let i = 0; i < 600; i++) {
      scene.unreadable = new PublishError(`the zone has more than ${i} records`);
      scene.want(`x TXT "${i}"`);
      await scene.clock.elapse(1000);
    }
    assert.ok(scene.log.length > 1 && scene.log.length <= 10, `${scene.log.length} lines`);
    assert.match(scene.log[0]!, /allow-transfer/);
  });

  test("what is there is gone through once, in place, however much it is", async () => {
    const sets = [...setsOf("a A 10.0.0.1\nb A 10.0.0.2\nc A 10.0.0.3")];
    let looked = 0;
    const there = {
      set: () => undefined,
      *sets() {
        for (const set of sets) {
          looked++;
          yield set;
        }
      },
    };
    const scene = new Scene({ readBack: async () => there });
    scene.publication.inherit();
    scene.want("d A 10.0.0.4");
    await scene.clock.elapse(1000);
    assert.equal(looked, sets.length);
  });

  test("a server silent to transfers costs updates at most a fifth of the time", async () => {
    const scene: Scene = new Scene({
      readBack: () =>
        new Promise((_, reject) => {
          scene.reads++;
          scene.clock.at(scene.clock.now() + 5000, () => reject(away("no answer")));
        }),
    });
    scene.publication.inherit();
    let late = 0;
    for (let i = 0; i < 600; i++) {
      scene.want(`x TXT "${i}"`);
      await scene.clock.elapse(1000);
      if (lines(scene.zone).join() !== lines(setsOf(`x TXT "${i}"`)).join()) late++;
    }
    assert.ok(late > 5 && late <= 600 / 5, `late for ${late} of 600 s`);
    assert.ok(scene.reads > 10, `${scene.reads} readings`);
  });

  test("a restarting server is not mistaken for one that lets nobody read", async () => {
    for (const isNoticed of [true, false]) {
      const scene = new Scene();
      scene.unreadable = away("ECONNREFUSED");
      if (isNoticed) scene.fails = scene.unreadable;
      scene.publication.inherit();
      scene.want("x TXT a");
      await scene.clock.elapse(isNoticed ? 30_000 : 4000);
      scene.unreadable = scene.fails = undefined;
      scene.want("x TXT b");
      await scene.clock.elapse(60_000);
      assert.deepEqual(lines(scene.zone), lines(setsOf("x TXT b")));
      const told = [
        "warn: the server of the zone takes no updates",
        "info: the server of the zone takes updates again",
      ];
      assert.deepEqual(scene.log, isNoticed ? told : []);
    }
  });

  test("a server that answers a transfer with something else is reported at once", async () => {
    const scene = new Scene();
    scene.unreadable = new PublishError("the server does not know the key (BADKEY)");
    scene.publication.inherit();
    scene.want("x TXT a");
    await scene.clock.elapse(100);
    assert.equal(scene.log.length, 1);
    assert.match(scene.log[0]!, /stay in the zone.*allow-transfer/);
  });

  test("a server is read once more when all that an earlier process sent has arrived", async () => {
    const scene = new Scene();
    scene.publication.inherit();
    scene.want("x TXT c");
    await scene.clock.elapse(20_000);
    scene.zone = setsOf("x TXT b\nx TXT c");
    await scene.clock.elapse(131_000);
    assert.deepEqual(lines(scene.zone), lines(setsOf("x TXT c")));
    assert.equal(scene.reads, 2);
    await scene.clock.elapse(600_000);
    assert.equal(scene.reads, 2);
  });

  test("what another collector published just before a reading stays", async () => {
    const scene = new Scene();
    scene.publication.inherit();
    scene.want("x A 10.0.0.1");
    await scene.clock.elapse(149_000);
    const both = "x A 10.0.0.1\ny A 10.0.0.2";
    scene.zone = setsOf(`${both}\ngone A 10.0.0.3`);
    await scene.clock.elapse(1500);
    assert.equal(scene.reads, 2);
    scene.want(both);
    await scene.clock.elapse(100);
    assert.equal(lines(scene.zone).length, 3);
    await scene.clock.elapse(1000);
    assert.deepEqual(lines(scene.zone), lines(setsOf(both)));
  });

  test("a server that was away is read again as soon as it accepts an update", async () => {
    const scene = new Scene();
    scene.unreadable = scene.fails = away("ECONNREFUSED");
    scene.publication.inherit();
    scene.want("x TXT a");
    await scene.clock.elapse(300_000);
    assert.deepEqual(scene.log, ["warn: the server of the zone takes no updates"]);
    scene.unreadable = scene.fails = undefined;
    const { reads } = scene;
    await scene.clock.elapse(1000);
    assert.equal(scene.reads, reads + 1);
  });

  test("a server that was away, and still lacks its zone when it is back, is read again too", async () => {
    const scene = new Scene();
    scene.publication.inherit();
    scene.want("x TXT a");
    await scene.clock.elapse(200_000);
    const { reads } = scene;
    for (const fails of [away("ECONNREFUSED"), Rcode.NOTAUTH, undefined]) {
      assert.equal(scene.reads, reads);
      scene.fails = fails;
      scene.want("x TXT b");
      await scene.clock.elapse(10_000);
    }
    assert.equal(scene.reads, reads + 1);
  });

  test("a server that goes back to an older zone unnoticed is read again if it grants no leases", async () => {
    for (const lease of [undefined, 300]) {
      let isOlder = false;
      let asked = 0;
      const scene = new Scene({
        granted: () => lease,
        isOlder: async () => {
          if (++asked === 1) throw away("no answer");
          const said = isOlder;
          isOlder = false;
          return said;
        },
      });
      const older = await scene.left();
      scene.zone = older;
      isOlder = true;
      scene.want("h A 10.0.0.1\nnew A 10.0.0.8");
      await scene.clock.elapse(1000);
      const ghost = lease === undefined ? "" : "gone A 10.0.0.7";
      const expected = setsOf(`h A 10.0.0.1\nnew A 10.0.0.8\n${ghost}`);
      assert.deepEqual(lines(scene.zone), lines(expected));
      assert.equal(asked > 0, lease === undefined);
    }
  });

  test("a server that returns with an older zone and no leases loses what was removed since", async () => {
    for (const lease of [undefined, 300]) {
      const scene = new Scene({ granted: () => lease });
      const older = await scene.left();
      scene.fails = away("ECONNREFUSED");
      scene.zone = older;
      scene.want("h A 10.0.0.1\nnew A 10.0.0.8");
      await scene.clock.elapse(30_000);
      scene.fails = undefined;
      await scene.clock.elapse(2000);
      // With leases, those of removed records expire.
      const ghost = lease === undefined ? "" : "gone A 10.0.0.7";
      const expected = setsOf(`h A 10.0.0.1\nnew A 10.0.0.8\n${ghost}`);
      assert.deepEqual(lines(scene.zone), lines(expected));
      assert.equal(scene.reads, lease === undefined ? 2 : 1);
    }
  });

  test("a key unknown to the server is retried ever more seldom, up to once a minute", async () => {
    const scene = new Scene();
    scene.fails = new PublishError("it does not know the key (BADKEY): paris.");
    scene.want("h A 10.0.0.1");
    await scene.clock.elapse(3_600_000);
    assert.ok(scene.updates > 50 && scene.updates < 120, `${scene.updates} updates in an hour`);
    assert.deepEqual(scene.log, ["warn: the server of the zone takes no updates"]);
    scene.fails = undefined;
    await scene.clock.elapse(60_000);
    assert.deepEqual(lines(scene.zone), lines(setsOf("h A 10.0.0.1")));
  });

  test("a server without the zone or without updates is reported as such, and retried", async () => {
    const scene = new Scene();
    for (const [rcode, reason] of [
      [Rcode.NOTAUTH, "the server has no such zone (NOTAUTH)"],
      [Rcode.NOTIMP, "the server does not support updates (NOTIMP)"],
    ] as const) {
      scene.fails = rcode;
      scene.want(`h TXT ${reason.length}`);
      await scene.clock.elapse(3_600_000);
      assert.deepEqual(scene.reasons, [reason]);
      scene.fails = undefined;
      await scene.clock.elapse(60_000);
      assert.deepEqual(lines(scene.zone), lines(setsOf(`h TXT ${reason.length}`)));
      assert.match(scene.log.at(-1)!, /^info: .* takes updates again$/);
      scene.reasons.length = 0;
      await scene.clock.elapse(60_000);
    }
  });

  test("a path that fails in changing ways is reported once for each", async () => {
    const scene = new Scene();
    const ways = [away("ECONNREFUSED"), new Error("no address is found for this name")];
    scene.want("x TXT a");
    for (let i = 0; i < 100; i++) {
      scene.fails = ways[i % 2]!;
      await scene.clock.elapse(30_000);
    }
    assert.deepEqual(scene.log, Array(2).fill("warn: the server of the zone takes no updates"));
    scene.fails = undefined;
    await scene.clock.elapse(60_000);
    scene.fails = ways[0]!;
    scene.want("x TXT b");
    await scene.clock.elapse(1000);
    assert.equal(scene.log.length, 4);
  });

  test("a drifting clock is reported only a few times", async () => {
    const scene = new Scene();
    scene.want("x TXT a");
    for (let i = 0; i < 100; i++) {
      scene.fails = new PublishError(`this host's clock is ${i} s behind the server's (BADTIME)`);
      await scene.clock.elapse(120_000);
    }
    assert.equal(scene.log.length, 20);
  });

  test("a path that comes and goes is reported once a minute, even if it then stays away", async () => {
    const scene = new Scene();
    scene.unreadable = away("timeout");
    scene.publication.inherit();
    for (let i = 0; i < 360; i++) {
      scene.fails = i % 2 === 0 ? away("timeout") : undefined;
      scene.want(`x TXT "${i}"`);
      await scene.clock.elapse(5000);
    }
    assert.ok(scene.log.length <= 30 * 3, `${scene.log.length} lines in half an hour`);
    const advice = scene.log.filter((line) => line.includes("transfer"));
    assert.deepEqual(advice, [], "who does not answer does not refuse");
    scene.log.splice(0);
    scene.fails = away("timeout");
    scene.want("x TXT b");
    await scene.clock.elapse(120_000);
    assert.deepEqual(scene.log, ["warn: the server of the zone takes no updates"]);
  });

  test("each freeze is reported, and its end", async () => {
    const scene = new Scene();
    scene.want("x TXT a");
    await scene.clock.elapse(1000);
    for (const word of ["b", "c"]) {
      scene.fails = Rcode.REFUSED;
      scene.want(`x TXT ${word}`);
      await scene.clock.elapse(120_000);
      scene.fails = undefined;
      await scene.clock.elapse(120_000);
      assert.deepEqual(scene.log.splice(0), [
        "warn: the server refuses what it let the key write before; is its zone frozen?",
        "info: the server no longer refuses anything",
      ]);
    }
  });

  test("the end of refusals is reported only when nothing is refused any more", async () => {
    let odd = ["odd_1.paris", "odd_2.paris"];
    const scene: Scene = new Scene({
      publish: async (update) => {
        const isRefused = update.updates.some(({ name }) =>
          odd.some((other) => name.equals(Name.parse(other, ZONE))),
        );
        if (!isRefused) scene.zone = applied(scene.zone, update);
        return isRefused ? Rcode.REFUSED : Rcode.NOERROR;
      },
    });
    scene.want("odd_1.paris A 10.0.0.1\nodd_2.paris A 10.0.0.2");
    const isOver = () => scene.log.some((line) => line.includes("no longer refuses anything"));
    for (const rest of [["odd_2.paris"], []]) {
      await scene.clock.elapse(300_000);
      assert.ok(!isOver());
      odd = rest;
    }
    await scene.clock.elapse(300_000);
    assert.ok(isOver());
  });

  test("a failing server is distinguished from a list that other sites have filled", async () => {
    const list = Name.parse("_http._tcp", ZONE);
    const takesNoMore = /takes no more records in this set/;
    const [listed, site] = ["_http._tcp PTR h", "h.paris A 10.0.0.1\nh.paris TXT a"];
    for (const isFull of [true, false]) {
      const scene: Scene = new Scene({
        publish: async (update) => {
          const isRefused = !isFull || update.updates.some(({ name }) => name.equals(list));
          if (!isRefused) scene.zone = applied(scene.zone, update);
          return isRefused ? Rcode.SERVFAIL : Rcode.NOERROR;
        },
      });
      scene.want(`${listed}\n${site}`);
      await scene.clock.elapse(60_000);
      const [first, ...others] = scene.log;
      assert.match(
        first!,
        isFull ? takesNoMore : /^warn: the server of the zone takes no updates$/,
      );
      assert.deepEqual(others, []);
      assert.deepEqual(lines(scene.zone), isFull ? lines(setsOf(site)) : []);
    }
  });

  test("a server that begins to fail is not said to have full sets, which are long", async () => {
    const list = (length: number) =>
      Array.from({ length }, (_, i) => `_http._tcp.paris PTR h${i}\n_http._tcp PTR h${i}`);
    const host = ["h.paris A 10.0.0.1"];
    const more = [...host, "h.paris A 10.0.0.2"];
    for (const [before, after, isLong] of [
      [host, more, false],
      [[...list(3), ...host], [...list(4), ...more], false],
      [list(100), list(101), true],
    ] as const) {
      const scene = new Scene();
      scene.want(before.join("\n"));
      await scene.clock.elapse(1000);
      scene.fails = Rcode.SERVFAIL;
      scene.want(after.join("\n"));
      await scene.clock.elapse(60_000);
      const isOfSet = (line: string) => line.includes("takes no more records in this set");
      assert.equal(scene.log.some(isOfSet), isLong, scene.log.join("\n"));
      if (!isLong) assert.deepEqual(scene.log, ["warn: the server of the zone takes no updates"]);
    }
  });

  test("a refused record that comes and goes without end does not fill the log", async () => {
    const scene: Scene = new Scene({
      publish: async (update) => {
        const isRefused = update.updates.some(({ name }) => name.equals(ZONE.child("odd_1")!));
        if (!isRefused) scene.zone = applied(scene.zone, update);
        return isRefused ? Rcode.REFUSED : Rcode.NOERROR;
      },
    });
    for (let i = 0; i < 600; i++) {
      scene.want(`x TXT ${i}\n${i % 10 === 0 ? "odd_1 A 10.0.0.1" : ""}`);
      await scene.clock.elapse(1000);
    }
    assert.ok(scene.log.length > 2 && scene.log.length <= 20, `${scene.log.length} lines`);
  });
});

suite("leaving a zone", () => {
  test("right after a thaw removes everything", async () => {
    const scene = new Scene();
    scene.want("h A 10.0.0.1\nleft A 10.0.0.2\nleft TXT a");
    await scene.clock.elapse(1000);
    scene.fails = Rcode.REFUSED;
    scene.want("h A 10.0.0.1");
    await scene.clock.elapse(120_000);
    scene.fails = undefined;
    await scene.publication.end();
    assert.deepEqual(lines(scene.zone), []);
  });

  test("after the server failed on new records removes the rest", async () => {
    const scene = new Scene();
    scene.want("h.paris A 10.0.0.1");
    await scene.clock.elapse(1000);
    scene.fails = Rcode.SERVFAIL;
    scene.want("h.paris A 10.0.0.1\nnew.paris A 10.0.0.2");
    await scene.clock.elapse(1000);
    assert.deepEqual(scene.log, ["warn: the server of the zone takes no updates"]);
    scene.fails = undefined;
    await scene.publication.end();
    assert.deepEqual(lines(scene.zone), []);
    assert.equal(scene.log.length, 1);
  });

  test("during a reading does not wait for it, and does nothing when it ends", async () => {
    for (const isSilent of [false, true]) {
      let read = (_: RecordSets) => {};
      const scene: Scene = new Scene({
        readBack: () => new Promise((resolve) => (read = resolve)),
      });
      scene.want("h A 10.0.0.1");
      await scene.clock.elapse(1000);
      scene.publication.inherit();
      await scene.clock.elapse(10);
      const there = scene.zone;
      if (isSilent) scene.fails = away("timeout");
      const publish = scene.updates;
      await scene.publication.end();
      assert.deepEqual(lines(scene.zone), isSilent ? lines(there) : []);
      const { updates } = scene;
      assert.equal(updates, publish + 1);
      read(there);
      await scene.clock.elapse(100_000);
      assert.equal(scene.updates, updates);
      assert.equal(scene.log.length, isSilent ? 1 : 0);
    }
  });

  test("without an answer changes nothing more, even if the answer comes later", async () => {
    let answer = () => {};
    const scene: Scene = new Scene({
      publish: (update) => {
        scene.updates++;
        if (scene.updates === 1) {
          scene.zone = applied(scene.zone, update);
          return Promise.resolve(Rcode.NOERROR);
        }
        return new Promise((resolve) => {
          answer = () => resolve(Rcode.NOERROR);
        });
      },
    });
    scene.want("h A 10.0.0.1");
    await scene.clock.elapse(1000);
    scene.want("h A 10.0.0.1\nnew A 10.0.0.2");
    await scene.clock.elapse(10);
    const end = scene.publication.end();
    await scene.clock.elapse(2500);
    await end;
    answer();
    await scene.clock.elapse(100_000);
    assert.equal(scene.updates, 2);
    assert.equal(scene.log.length, 1);
  });

  test("while its server is away is reported, unless nothing was published", async () => {
    for (const text of ["h A 10.0.0.1\nx SRV 0 0 1 h\n_ipp._tcp PTR x", ""]) {
      const scene = new Scene();
      scene.want(text);
      await scene.clock.elapse(1000);
      scene.fails = away("ECONNREFUSED");
      scene.want(`${text}\nnew A 10.0.0.2`);
      await scene.clock.elapse(1000);
      const before = scene.log.length;
      // The update in flight may have arrived.
      scene.want(text);
      await scene.publication.end();
      const fact = "warn: the server takes no updates: what was published stays";
      assert.deepEqual(scene.log.slice(before), [fact]);
    }
    const scene = new Scene();
    scene.fails = away("ECONNREFUSED");
    await scene.publication.end();
    assert.deepEqual(scene.log, []);
  });

  test("while it is frozen is reported in one line", async () => {
    const scene = new Scene();
    scene.want("h A 10.0.0.1\nx SRV 0 0 1 h\n_ipp._tcp PTR x");
    await scene.clock.elapse(1000);
    scene.fails = Rcode.REFUSED;
    await scene.publication.end();
    assert.deepEqual(scene.log, ["warn: the server refuses to remove some of what was published"]);
  });
});
