import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { discoveredSites } from "../../src/collector/sitelabel.ts";
import { Name } from "../../src/dns/name.ts";
import { silentLog } from "../../src/log.ts";
import { FakeClock } from "../support/clock.ts";
import { Lan, type LanHost } from "../support/lan.ts";
import { Answers } from "./answers.ts";

const ZONE = Name.parse("z.example.");
const MINUTE = 60_000;
const NETWORK = "_dns-sd._udp.0.113.0.203.in-addr.arpa.";

interface Followed {
  readonly clock: FakeClock;
  readonly answers: Answers;
  readonly link: LanHost;
  /** What the link was told, in turn. */
  readonly sites: string[];
  readonly end: AbortController;
}

async function follow(text: string, addresses = ["203.0.113.7"]): Promise<Followed> {
  const clock = new FakeClock();
  const answers = new Answers(text);
  const link = new Lan(clock).host("eth0", ...addresses);
  const sites: string[] = [];
  const end = new AbortController();
  const site = discoveredSites({ zone: ZONE, resolve: answers.resolve, clock, log: silentLog });
  site(link, (name) => sites.push(String(name)), end.signal);
  await clock.elapse(0);
  return { clock, answers, link, sites, end };
}

describe("a link whose site nobody configured", () => {
  it("is at the site that its network's names lead to, in the order dr, r, db, b, lb", async () => {
    const kinds = ["dr", "r", "db", "b", "lb"];
    for (const [i, kind] of kinds.entries()) {
      const text = kinds.slice(i).map((each) => `${each}.${NETWORK} PTR ${each}-site.z.example.`);
      const { sites, answers } = await follow(text.join("\n"));
      assert.deepEqual(sites, [`${kind}-site.z.example.`]);
      const asked = kinds.slice(0, i + 1).map((each) => `${each}.${NETWORK} 12`);
      assert.deepEqual(answers.asked, asked, "and asks no more than it must");
    }
  });

  it("asks for the network of every address, IPv4 first, and for none that is link-local", async () => {
    const nibbles = `${"0.".repeat(24)}8.b.d.0.1.0.0.2.ip6.arpa.`;
    const { sites, answers } = await follow(`b._dns-sd._udp.${nibbles} PTR paris.z.example.`, [
      ...["fe80::7", "169.254.1.1", "2001:db8::7", "203.0.113.7"],
    ]);
    assert.deepEqual(sites, ["paris.z.example."]);
    const kinds = (network: string, ...of: string[]) =>
      of.map((kind) => `${kind}._dns-sd._udp.${network} 12`);
    assert.deepEqual(answers.asked, [
      ...kinds("0.113.0.203.in-addr.arpa.", "dr", "r", "db", "b", "lb"),
      ...kinds(nibbles, "dr", "r", "db", "b"),
    ]);
  });

  it("is at a site called after its network where nothing leads to one of the zone", async () => {
    for (const target of [
      "",
      "z.example.",
      "a.b.z.example.",
      "paris.other.",
      "_x.z.example.",
      "*.z.example.",
    ]) {
      const { sites } = await follow(target === "" ? "" : `b.${NETWORK} PTR ${target}`);
      assert.deepEqual(sites, ["cb007100.z.example."], target);
    }
    const { sites } = await follow("", ["2001:db8::7"]);
    assert.deepEqual(sites, ["20010db8000000000000000000000000.z.example."]);
  });

  it("takes one of several, the same as everybody", async () => {
    const text = (...names: string[]) =>
      names.map((each) => `b.${NETWORK} PTR ${each}.z.example.`).join("\n");
    for (const names of [text("paris", "lyon", "_x"), text("_x", "lyon", "paris")]) {
      assert.deepEqual((await follow(names)).sites, ["lyon.z.example."]);
    }
  });

  it("moves when the names lead elsewhere, within about five minutes", async () => {
    const { sites, answers, clock } = await follow(`b.${NETWORK} PTR paris.z.example.`);
    await clock.elapse(20 * MINUTE);
    assert.deepEqual(sites, ["paris.z.example."], "what stays the same is not said again");
    const looks = answers.asked.filter((question) => question.startsWith("dr")).length;
    assert.ok(looks >= 4 && looks <= 6, `${looks} looks in twenty minutes`);
    answers.say(`b.${NETWORK} PTR lyon.z.example.`);
    await clock.elapse(6 * MINUTE);
    answers.say("");
    await clock.elapse(6 * MINUTE);
    assert.deepEqual(sites, ["paris.z.example.", "lyon.z.example.", "cb007100.z.example."]);
  });

  it("does not look at the same time as every other link", async () => {
    const times = new Set<number | undefined>();
    for (const chance of [0, 0.25, 0.5, 0.99]) {
      const clock = new FakeClock({ chance: [chance] });
      const { resolve } = new Answers();
      const link = new Lan(clock).host("eth0", "203.0.113.7");
      const { signal } = new AbortController();
      discoveredSites({ zone: ZONE, resolve, clock, log: silentLog })(link, () => {}, signal);
      await clock.elapse(0);
      assert.ok(clock.next! >= 4.5 * MINUTE && clock.next! <= 5.5 * MINUTE, `${clock.next}`);
      times.add(clock.next);
    }
    assert.equal(times.size, 4);
  });

  it("stays where it is while nobody can be asked", async () => {
    const { sites, answers, clock } = await follow(`b.${NETWORK} PTR paris.z.example.`);
    answers.isThere = false;
    await clock.elapse(20 * MINUTE);
    answers.isThere = true;
    await clock.elapse(6 * MINUTE);
    assert.deepEqual(sites, ["paris.z.example."]);
  });

  it("is called after its network until somebody can be asked", async () => {
    const { sites, answers, clock } = await follow("");
    assert.deepEqual(sites, ["cb007100.z.example."]);
    const late = await follow("");
    late.answers.isThere = false;
    answers.isThere = false;
    answers.say(`dr.${NETWORK} PTR paris.z.example.`);
    await clock.elapse(6 * MINUTE);
    answers.isThere = true;
    await clock.elapse(MINUTE);
    assert.deepEqual(sites, ["cb007100.z.example.", "paris.z.example."]);
  });

  it("is nowhere before it has an address, and follows it to another network", async () => {
    const { sites, link, clock } = await follow("", ["fe80::7"]);
    assert.deepEqual(sites, []);
    link.addresses = [{ family: 4, address: "203.0.113.7", prefix: 24 }];
    await clock.elapse(MINUTE);
    assert.deepEqual(sites, ["cb007100.z.example."]);
    link.addresses = [{ family: 4, address: "10.77.6.9", prefix: 22 }];
    await clock.elapse(6 * MINUTE);
    assert.deepEqual(sites, ["cb007100.z.example.", "0a4d0400.z.example."]);
  });

  it("is not looked for any more once it is gone", async () => {
    const { answers, clock, end } = await follow("");
    const { length } = answers.asked;
    end.abort();
    await clock.elapse(20 * MINUTE);
    assert.equal(answers.asked.length, length);
    assert.equal(clock.next, undefined);
  });
});
