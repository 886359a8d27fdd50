/**
 * A collector that was away: killed, or cut off from the name server; alone in its office, or beside
 * another one that stays; for less than its lease, or for longer. Soon after its return nothing remains
 * of what left meanwhile. What stayed is in every answer and in every version of the zone, unless nobody
 * held it: when the collector was alone, and away for longer than the lease.
 *
 * `ABSENCE_SECONDS=600` plays it at full length, with the default lease.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Avahi } from "../support/avahi.ts";
import { type Branch, NAME_SERVER, WideArea, ZONE } from "../support/branch.ts";
import { dig } from "../support/dig.ts";
import type { Gateway } from "../support/gateway.ts";
import { type Host, Lab, needs } from "../support/lab.ts";
import { Observer, type Question, type Version } from "../support/observer.ts";
import { sleep, waitFor } from "../support/wait.ts";

const SECOND = 1000;
const ABSENCE = Number(process.env.ABSENCE_SECONDS ?? 40);
/** Seconds, a short one and a long one; the minimum is 30 (RFC 9664 §8). */
const LEASES = [Math.max(30, ABSENCE / 2), 2 * ABSENCE] as const;
/** Seconds after the return within which what left has to go. */
const RETURN = 30;
const TYPE = "_ipp._tcp";
const STAYING = ["Laser", "Label", "Plotter", "Photo"];
const LEAVING = ["Guest", "Loan", "Trial"];
/** Matches a record of what leaves. */
const LEFT = /\b(Guest|Loan|Trial|leaving)\./;

interface Absence {
  readonly how: "killed" | "cut off";
  readonly isAlone: boolean;
  readonly lease: number;
}

class Office {
  readonly absence: Absence;
  readonly branch: Branch;
  readonly domain: string;
  readonly #nameServer: Host;
  #collector: Gateway | undefined;
  #leaving: Avahi | undefined;
  /** Times in milliseconds since 1970. */
  leftAt = 0;
  returnedAt = 0;

  constructor(wide: WideArea, absence: Absence) {
    const { how, isAlone, lease } = absence;
    const site = [how.split(" ")[0], isAlone ? "alone" : "beside", lease].join("-");
    this.absence = absence;
    this.branch = wide.branch(site);
    this.domain = `${site}.${ZONE}`;
    this.#nameServer = wide.nameServer;
  }

  /** Starts all devices, and the collectors that publish them. */
  async start(): Promise<void> {
    const { branch, absence } = this;
    const { lease } = absence;
    const place = async (name: string, last: number, names: readonly string[]) =>
      Avahi.start(branch.host(name, last), {
        hostName: name,
        services: names.map((each) => ({ name: each, type: TYPE, port: 631, txt: [`ty=${each}`] })),
      });
    const [, leaving] = await Promise.all([
      place("staying", 10, STAYING),
      place("leaving", 11, LEAVING),
    ]);
    this.#leaving = leaving;
    const [collector] = await Promise.all([
      branch.collect(branch.host("collector", 2), { lease }),
      !absence.isAlone &&
        branch.collect(branch.hostApart("other", 3, this.#nameServer), { lease, key: 1 }),
    ]);
    this.#collector = collector;
  }

  async goAway(): Promise<void> {
    this.leftAt = Date.now();
    if (this.absence.how === "killed") await this.#collector!.program.stop("SIGKILL");
    else this.branch.router.cable("wan", "down");
  }

  /** With a goodbye, as devices leave when their owners switch them off. */
  async leave(): Promise<void> {
    await this.#leaving!.stop();
  }

  async comeBack(): Promise<void> {
    this.returnedAt = Date.now();
    if (this.absence.how === "killed") await this.#collector!.restart();
    else this.branch.router.cable("wan", "up");
  }

  get list(): Question {
    return { name: `${TYPE}.${this.domain}.`, type: "PTR" };
  }

  /** What a client that uses the staying devices asks. */
  get questions(): Question[] {
    return [
      { name: `staying.${this.domain}.`, type: "A" },
      ...STAYING.flatMap((name) =>
        ["SRV", "TXT"].map((type) => ({ name: `${name}.${TYPE}.${this.domain}.`, type })),
      ),
    ];
  }
}

const PLAYED: readonly Absence[] = (["killed", "cut off"] as const).flatMap((how) =>
  [true, false].flatMap((isAlone) => LEASES.map((lease) => ({ how, isAlone, lease }))),
);

describe(`Collectors that are away for ${ABSENCE} s`, {
  skip: needs("avahi-daemon", "dig"),
}, () => {
  let lab: Lab;
  let observer: Observer;
  let offices: readonly Office[];

  before(async () => {
    lab = new Lab();
    const wide = new WideArea(lab);
    offices = PLAYED.map((absence) => new Office(wide, absence));
    await wide.serve({ transfer: { allow: [`${NAME_SERVER}/32`] } });
    // Not more programs at once than a small machine can start in time.
    for (let i = 0; i < offices.length; i += 2) {
      await Promise.all(offices.slice(i, i + 2).map((office) => office.start()));
    }
    const place = { host: wide.nameServer, server: NAME_SERVER, zone: ZONE };
    const isThere = async ({ list }: Office) => {
      const { answers } = await dig(wide.nameServer, { server: NAME_SERVER, ...list });
      return answers.length === STAYING.length + LEAVING.length;
    };
    for (const office of offices) {
      await waitFor(`all of ${office.domain}`, () => isThere(office), 30 * SECOND);
    }
    // So that both of two collectors have heard, and hold, everything.
    await sleep(5 * SECOND);
    observer = await Observer.start(
      place,
      offices.flatMap((office) => [office.list, ...office.questions]),
    );
    await sleep(SECOND);
    await Promise.all(offices.map((office) => office.goAway()));
    const end = Date.now() + ABSENCE * SECOND;
    await Promise.all(offices.map((office) => office.leave()));
    await sleep(end - Date.now());
    await Promise.all(offices.map((office) => office.comeBack()));
    await sleep((RETURN + 10) * SECOND);
    await observer.stop();
  });

  after(async () => {
    await lab?.[Symbol.asyncDispose]();
  });

  /** The records of an office, of what stays or of what leaves. */
  const recordsOf = ({ domain }: Office, { records }: Version, isStaying: boolean) =>
    [...records].filter((line) => line.includes(`.${domain}.`) && LEFT.test(line) !== isStaying);

  it("Every version of the zone has been seen", (t) => {
    t.diagnostic(`${observer.versions.length - 1} changes`);
    assert.deepEqual(observer.gaps, []);
  });

  for (const [i, { how, isAlone, lease }] of PLAYED.entries()) {
    const isHeld = !isAlone || lease > ABSENCE;
    const who = `${isAlone ? "Alone" : "Beside another"}, ${how}, with a lease of ${lease} s`;
    it(`${who}: what stays ${isHeld ? "is always there" : "goes with the lease, and is back"}`, (t) => {
      const office = offices[i]!;
      const { leftAt, returnedAt } = office;
      const seconds = (from: number, to: number) => (to - from) / SECOND;
      const staying = recordsOf(office, observer.versions[0]!, true);
      assert.ok(staying.length > 3 * STAYING.length, "lists, SRV and TXT records and addresses");
      const lacking = observer.versions.filter(({ records }) =>
        staying.some((line) => !records.has(line)),
      );
      const empty = office.questions
        .flatMap((question) => observer.answers(question))
        .filter(({ rcode, count }) => rcode !== 0 || count === 0);

      const last = observer.versions.findLast(
        (version) => recordsOf(office, version, false).length > 0,
      )!;
      const cleared = observer.versions[observer.versions.indexOf(last) + 1];
      assert.ok(cleared, "what left has gone");
      const clear = seconds(returnedAt, cleared.at);
      t.diagnostic(`what left is out ${clear.toFixed(1)} s after the return`);
      assert.ok(clear < RETURN);

      if (isHeld) {
        assert.deepEqual(
          lacking.map(({ serial }) => serial),
          [],
        );
        assert.deepEqual(empty, []);
        return;
      }
      const [first] = lacking;
      const back = observer.versions[observer.versions.indexOf(lacking.at(-1)!) + 1];
      assert.ok(first && back, "it goes, and it is back");
      const [went, came] = [seconds(leftAt, first.at), seconds(returnedAt, back.at)];
      t.diagnostic(
        `what stays went ${went.toFixed(1)} s after the collector and was all there ` +
          `${came.toFixed(1)} s after its return`,
      );
      // It is renewed at half of the lease at the latest; a busy machine may be late.
      assert.ok(went > lease / 2 - 5 && went < lease + 5);
      assert.ok(came < RETURN);
      const [gone, there] = [observer.versions.indexOf(first), observer.versions.indexOf(back)];
      assert.equal(lacking.length, there - gone, "only once");
      assert.equal(empty.length, office.questions.length, "and so in the answers");
    });
  }
});
