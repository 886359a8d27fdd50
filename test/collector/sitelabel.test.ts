import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SiteLabels } from "../../src/collector/sitelabel.ts";
import { Name } from "../../src/dns/name.ts";
import { silentLog } from "../../src/log.ts";
import type { LinkWatch } from "../../src/net/link.ts";
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
  /** What was told of the link, in turn: that it is there, and that it has moved. */
  readonly sites: string[];
  readonly end: AbortController;
}

interface Situation {
  readonly addresses?: readonly string[];
  readonly clock?: FakeClock;
  readonly isThere?: boolean;
  readonly given?: string;
}

async function follow(text: string, situation: Situation = {}): Promise<Followed> {
  const { addresses = ["203.0.113.7"], clock = new FakeClock(), isThere = true } = situation;
  const answers = new Answers(text);
  answers.isThere = isThere;
  const link = new Lan(clock).host("eth0", ...addresses);
  const sites: string[] = [];
  const end = new AbortController();
  const labels = new SiteLabels({
    ...{ zone: ZONE, resolve: answers.resolve, clock, log: silentLog },
    given: () => situation.given,
    moved: () => void sites.push(`moved to ${labels.of(link)}`),
  });
  const links: LinkWatch = { follow: (open, signal) => open(link, signal) };
  labels.follow(links).follow((opened) => void sites.push(labels.of(opened)), end.signal);
  await clock.elapse(0);
  return { clock, answers, link, sites, end };
}

describe("a link whose site nobody configured", () => {
  it("is at the site that its network's names lead to, in the order dr, r, db, b, lb", async () => {
    const kinds = ["dr", "r", "db", "b", "lb"];
    for (const [i, kind] of kinds.entries()) {
      const text = kinds.slice(i).map((each) => `${each}.${NETWORK} PTR ${each}-site.z.example.`);
      const { sites, answers } = await follow(text.join("\n"));
      assert.deepEqual(sites, [`${kind}-site`]);
      const asked = kinds.slice(0, i + 1).map((each) => `${each}.${NETWORK} 12`);
      assert.deepEqual(answers.asked, asked, "and asks no more than it must");
    }
  });

  it("asks for the network of every address, IPv4 first, and for none that is link-local", async () => {
    const nibbles = `${"0.".repeat(24)}8.b.d.0.1.0.0.2.ip6.arpa.`;
    const { sites, answers } = await follow(`b._dns-sd._udp.${nibbles} PTR paris.z.example.`, {
      addresses: ["fe80::7", "169.254.1.1", "2001:db8::7", "203.0.113.7"],
    });
    assert.deepEqual(sites, ["paris"]);
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
      assert.deepEqual(sites, ["cb007100"], target);
    }
    const { sites } = await follow("", { addresses: ["2001:db8::7"] });
    assert.deepEqual(sites, ["20010db8000000000000000000000000"]);
  });

  it("takes one of several, the same as everybody", async () => {
    const text = (...names: string[]) =>
      names.map((each) => `b.${NETWORK} PTR ${each}.z.example.`).join("\n");
    for (const names of [text("paris", "lyon", "_x"), text("_x", "lyon", "paris")]) {
      assert.deepEqual((await follow(names)).sites, ["lyon"]);
    }
  });

  it("moves when the names lead elsewhere, within about five minutes", async () => {
    const { sites, answers, clock } = await follow(`b.${NETWORK} PTR paris.z.example.`);
    await clock.elapse(20 * MINUTE);
    assert.deepEqual(sites, ["paris"], "what stays the same is not said again");
    const looks = answers.asked.filter((question) => question.startsWith("dr")).length;
    assert.ok(looks >= 4 && looks <= 6, `${looks} looks in twenty minutes`);
    answers.say(`b.${NETWORK} PTR lyon.z.example.`);
    await clock.elapse(6 * MINUTE);
    answers.say("");
    await clock.elapse(6 * MINUTE);
    assert.deepEqual(sites, ["paris", "moved to lyon", "moved to cb007100"]);
  });

  it("does not look at the same time as every other link", async () => {
    const times = new Set<number | undefined>();
    for (const chance of [0, 0.25, 0.5, 0.99]) {
      const { clock } = await follow("", { clock: new FakeClock({ chance: [chance] }) });
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
    assert.deepEqual(sites, ["paris"]);
  });

  it("is called after its network until somebody can be asked, which is tried soon", async () => {
    const text = `dr.${NETWORK} PTR paris.z.example.`;
    const { sites, answers, clock } = await follow(text, { isThere: false });
    assert.deepEqual(sites, ["cb007100"]);
    assert.equal(answers.asked.length, 1, "who does not answer once is not asked more");
    await clock.elapse(MINUTE);
    answers.isThere = true;
    await clock.elapse(MINUTE / 4);
    assert.deepEqual(sites, ["cb007100", "moved to paris"]);
  });

  it("is not there before it has an address, and follows it to another network", async () => {
    const { sites, link, clock } = await follow("", { addresses: ["fe80::7"] });
    assert.deepEqual(sites, []);
    link.addresses = [{ family: 4, address: "203.0.113.7", prefix: 24 }];
    await clock.elapse(MINUTE);
    assert.deepEqual(sites, ["cb007100"]);
    link.addresses = [{ family: 4, address: "10.77.6.9", prefix: 22 }];
    await clock.elapse(6 * MINUTE);
    assert.deepEqual(sites, ["cb007100", "moved to 0a4d0400"]);
  });

  it("has a label in any text", async () => {
    const { sites } = await follow(`b.${NETWORK} PTR B\\195\\162timent\\0321.z.example.`);
    assert.deepEqual(sites, ["Bâtiment 1"]);
    assert.deepEqual((await follow(`b.${NETWORK} PTR \\255.z.example.`)).sites, ["cb007100"]);
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

it("A link whose site is configured is there at once, and nobody is asked", async () => {
  const { sites, answers, clock } = await follow(`b.${NETWORK} PTR paris.z.example.`, {
    given: "lyon",
  });
  await clock.elapse(20 * MINUTE);
  assert.deepEqual(sites, ["lyon"]);
  assert.deepEqual(answers.asked, []);
});
