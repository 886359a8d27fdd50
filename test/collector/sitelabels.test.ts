import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SiteLabels } from "../../src/collector/sitelabels.ts";
import { Name } from "../../src/dns/name.ts";
import type { LinkAddress } from "../../src/net/links/link.ts";
import { FakeClock } from "../support/clock.ts";
import { Lan, type LanHost, LanWatch } from "../support/lan.ts";
import { silentLog } from "../support/log.ts";
import { Answers } from "./answers.ts";

const ZONE = Name.parse("z.example.");
const MINUTE = 60_000;
const NETWORK = "_dns-sd._udp.0.113.0.203.in-addr.arpa.";

interface Followed {
  readonly clock: FakeClock;
  readonly answers: Answers;
  readonly link: LanHost;
  readonly watch: LanWatch;
  /** The site of the link when it appears, then each move, in order. */
  readonly sites: string[];
  /** The facts logged. */
  readonly facts: string[];
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
  const watch = new LanWatch(link);
  const sites: string[] = [];
  const facts: string[] = [];
  const log = { ...silentLog, info: (_: object, fact: string) => void facts.push(fact) };
  const end = new AbortController();
  const labels = new SiteLabels({
    ...{ zone: ZONE, resolve: answers.resolve, clock, log },
    given: () => situation.given,
    moved: () => void sites.push(`moved to ${labels.of(link)}`),
  });
  labels.follow(watch).follow((opened) => void sites.push(labels.of(opened)), end.signal);
  await clock.elapse(0);
  return { clock, answers, link, watch, sites, facts, end };
}

const v4 = (address: string, prefix = 24): LinkAddress => ({ family: 4, address, prefix });
const v6 = (address: string): LinkAddress => ({ family: 6, address, prefix: 64 });
const HERE = v4("203.0.113.7");
const SLAAC = v6("2001:db8::7");
const LINK_LOCAL = v6("fe80::7");
const SLAAC_LABEL = "20010db8000000000000000000000000";

describe("a link without a configured site", () => {
  it("is at the site that its network's names point to, in the order dr, r, db, b, lb", async () => {
    const kinds = ["dr", "r", "db", "b", "lb"];
    for (const [i, kind] of kinds.entries()) {
      const text = kinds.slice(i).map((each) => `${each}.${NETWORK} PTR ${each}-site.z.example.`);
      const { sites, answers } = await follow(text.join("\n"));
      assert.deepEqual(sites, [`${kind}-site`]);
      const asked = kinds.slice(0, i + 1).map((each) => `${each}.${NETWORK} 12`);
      assert.deepEqual(answers.asked, asked, "and asks no more than it must");
    }
  });

  it("has the networks of all its addresses asked for, IPv4 first, except link-local ones", async () => {
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

  it("is at a site named after its network if nothing points to a site of the zone", async () => {
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

  it("does not appear if it goes before its site is known", async () => {
    const { watch, link, sites, clock } = await follow("");
    watch.unplug(link);
    watch.plug(link);
    watch.unplug(link);
    await clock.elapse(MINUTE);
    assert.deepEqual(sites, ["cb007100"]);
  });

  it("is at the site that an alias leads to, not at the alias", async () => {
    const { sites } = await follow(
      `b.${NETWORK} CNAME alias.z.example.\nalias.z.example. PTR paris.z.example.`,
    );
    assert.deepEqual(sites, ["paris"]);
  });

  it("takes one of several sites, the same everywhere", async () => {
    const text = (...names: string[]) =>
      names.map((each) => `b.${NETWORK} PTR ${each}.z.example.`).join("\n");
    for (const names of [text("paris", "lyon", "_x"), text("_x", "lyon", "paris")]) {
      assert.deepEqual((await follow(names)).sites, ["lyon"]);
    }
  });

  it("moves when the names point elsewhere, within about five minutes", async () => {
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

  it("is not looked up at the same time as every other link", async () => {
    const times = new Set<number>();
    for (const chance of [0, 0.25, 0.5, 0.99]) {
      const { clock, answers } = await follow("", { clock: new FakeClock({ chance: [chance] }) });
      const { length } = answers.asked;
      while (answers.asked.length === length) await clock.elapse(clock.next! - clock.now());
      const time = clock.passed;
      assert.ok(time >= 4.5 * MINUTE && time <= 5.5 * MINUTE, `${time}`);
      times.add(time);
    }
    assert.equal(times.size, 4);
  });

  it("stays where it is while nobody answers", async () => {
    const { sites, answers, clock } = await follow(`b.${NETWORK} PTR paris.z.example.`);
    answers.isThere = false;
    await clock.elapse(20 * MINUTE);
    answers.isThere = true;
    await clock.elapse(6 * MINUTE);
    assert.deepEqual(sites, ["paris"]);
  });

  it("is named after its network until somebody answers, and asks again soon", async () => {
    const text = `dr.${NETWORK} PTR paris.z.example.`;
    const { sites, answers, clock } = await follow(text, { isThere: false });
    assert.deepEqual(sites, ["cb007100"]);
    assert.equal(answers.asked.length, 1, "who does not answer once is not asked more");
    await clock.elapse(MINUTE);
    answers.isThere = true;
    await clock.elapse(MINUTE / 4);
    assert.deepEqual(sites, ["cb007100", "moved to paris"]);
  });

  it("appears when it has an address, and follows it to another network", async () => {
    const { sites, link, clock } = await follow("", { addresses: ["fe80::7"] });
    assert.deepEqual(sites, []);
    link.addresses = [{ family: 4, address: "203.0.113.7", prefix: 24 }];
    await clock.elapse(MINUTE);
    assert.deepEqual(sites, ["cb007100"]);
    link.addresses = [{ family: 4, address: "10.77.6.9", prefix: 22 }];
    await clock.elapse(6 * MINUTE);
    assert.deepEqual(sites, ["cb007100", "moved to 0a4d0400"]);
  });

  it("may have any text as its label", async () => {
    const { sites } = await follow(`b.${NETWORK} PTR B\\195\\162timent\\0321.z.example.`);
    assert.deepEqual(sites, ["Bâtiment 1"]);
    assert.deepEqual((await follow(`b.${NETWORK} PTR \\255.z.example.`)).sites, ["cb007100"]);
  });

  it("is not looked up any more once it has gone", async () => {
    const { answers, clock, end } = await follow("");
    const { length } = answers.asked;
    end.abort();
    await clock.elapse(20 * MINUTE);
    assert.equal(answers.asked.length, length);
    assert.equal(clock.next, undefined);
  });
});

describe("addresses that come one by one", () => {
  it("let a link that starts with IPv6 follow the names of its IPv4 network at once", async () => {
    const { sites, link, clock } = await follow(`dr.${NETWORK} PTR paris.z.example.`, {
      addresses: ["2001:db8::7"],
    });
    await clock.elapse(1500);
    link.addresses = [SLAAC, HERE];
    await clock.elapse(1000);
    assert.deepEqual(sites, [SLAAC_LABEL, "moved to paris"]);
  });

  it("let a link without an address appear as soon as it has one", async () => {
    const { sites, link, clock } = await follow("", { addresses: ["fe80::7"] });
    await clock.elapse(1500);
    link.addresses = [LINK_LOCAL, HERE];
    await clock.elapse(1000);
    assert.deepEqual(sites, ["cb007100"]);
  });

  it("cause at most one look-up a second", async () => {
    const { answers, link, clock } = await follow(`dr.${NETWORK} PTR paris.z.example.`);
    for (let i = 0; i < 100; i++) {
      link.addresses = [...link.addresses];
      await clock.elapse(100);
    }
    assert.ok(answers.asked.length <= 11, `${answers.asked.length}`);
  });

  it("leave a link where it is while IPv4 is missing for a moment", async () => {
    const { sites, link, clock } = await follow(`dr.${NETWORK} PTR paris.z.example.`, {
      addresses: ["203.0.113.7", "2001:db8::7"],
    });
    for (const others of [[SLAAC], [LINK_LOCAL]]) {
      link.addresses = others;
      await clock.elapse(5000);
      link.addresses = [HERE, SLAAC];
      await clock.elapse(MINUTE);
    }
    assert.deepEqual(sites, ["paris"]);
    link.addresses = [SLAAC];
    await clock.elapse(MINUTE / 4);
    assert.deepEqual(sites, ["paris", `moved to ${SLAAC_LABEL}`], "what stays away is not awaited");
  });
});

describe("a link that is back", () => {
  /** The link comes back after two seconds, with these addresses. */
  async function back(situation: Situation & { readonly by: readonly LinkAddress[] }) {
    const followed = await follow(`dr.${NETWORK} PTR paris.z.example.`, situation);
    const { clock, watch, link, answers, sites } = followed;
    await clock.elapse(MINUTE);
    watch.unplug(link);
    await clock.elapse(2000);
    link.addresses = situation.by;
    watch.plug(link);
    await clock.elapse(0);
    assert.equal(sites.shift(), "paris");
    assert.equal(answers.asked[0], `dr.${NETWORK} 12`);
    return followed;
  }

  it("by IPv6 first is where it was as soon as it has its IPv4 address", async () => {
    for (const first of [SLAAC, LINK_LOCAL]) {
      for (const isThere of [true, false]) {
        const { sites, link, clock, answers } = await back({ by: [first] });
        answers.isThere = isThere;
        await clock.elapse(1500);
        assert.deepEqual(sites, [], "meanwhile it is nowhere");
        link.addresses = [first, HERE];
        await clock.elapse(1000);
        answers.isThere = true;
        await clock.elapse(20 * MINUTE);
        assert.deepEqual(sites, ["paris"]);
      }
    }
  });

  it("by IPv4 first is where the names of its IPv6 network pointed", async () => {
    const nibbles = `${"0.".repeat(24)}8.b.d.0.1.0.0.2.ip6.arpa.`;
    const { sites, link, watch, clock } = await follow(
      `dr._dns-sd._udp.${nibbles} PTR paris.z.example.`,
      { addresses: ["203.0.113.7", "2001:db8::7"] },
    );
    watch.unplug(link);
    link.addresses = [HERE];
    watch.plug(link);
    await clock.elapse(2000);
    link.addresses = [HERE, SLAAC];
    await clock.elapse(20 * MINUTE);
    assert.deepEqual(sites, ["paris", "paris"]);
  });

  it("is named after its network if no other address comes", async () => {
    const { sites, clock } = await back({ by: [SLAAC] });
    await clock.elapse(9000);
    assert.deepEqual(sites, []);
    await clock.elapse(2000);
    assert.deepEqual(sites, [SLAAC_LABEL]);
  });

  it("is where it was while nobody answers, and the log does not claim that the network says so", async () => {
    const { sites, facts, answers, clock, link, watch } = await back({ by: [HERE] });
    answers.isThere = false;
    watch.unplug(link);
    watch.plug(link);
    await clock.elapse(MINUTE);
    answers.isThere = true;
    await clock.elapse(20 * MINUTE);
    assert.deepEqual(sites, ["paris", "paris"]);
    answers.isThere = false;
    watch.unplug(link);
    link.addresses = [v4("10.77.6.9", 22)];
    watch.plug(link);
    await clock.elapse(0);
    assert.deepEqual(sites, ["paris", "paris", "0a4d0400"], "but not in another network");
    const says = "the site of the link is known from DNS";
    const nobody = "the site of the link is not known from DNS";
    assert.deepEqual(facts, [
      ...[says, says, `${nobody}: it keeps its previous site`],
      `${nobody}: it is named after its network`,
    ]);
  });

  it("and goes before its site is known is where it was when it returns", async () => {
    const { sites, answers, clock, link, watch } = await back({ by: [LINK_LOCAL] });
    answers.isThere = false;
    watch.unplug(link);
    link.addresses = [HERE];
    watch.plug(link);
    await clock.elapse(0);
    assert.deepEqual(sites, ["paris"]);
  });

  it("in another network appears at once", async () => {
    const { sites, answers, clock, link, watch } = await back({ by: [v4("10.77.6.9", 22)] });
    assert.deepEqual(sites, ["0a4d0400"]);
    answers.say("dr._dns-sd._udp.0.0.78.10.in-addr.arpa. PTR lyon.z.example.");
    watch.unplug(link);
    link.addresses = [LINK_LOCAL];
    watch.plug(link);
    await clock.elapse(1500);
    link.addresses = [LINK_LOCAL, v4("10.78.0.9")];
    await clock.elapse(1000);
    assert.deepEqual(sites, ["0a4d0400", "lyon"]);
  });

  it("is forgotten when a thousand others have gone after it", async () => {
    for (const [others, label] of [
      [999, "paris"],
      [1000, "cb007100"],
    ] as const) {
      const { sites, answers, clock, link, watch } = await back({ by: [HERE] });
      const comeAndGo = async (name: string) => {
        const other = new Lan(clock).host(name, "203.0.113.8");
        watch.plug(other);
        await clock.elapse(0);
        watch.unplug(other);
      };
      await comeAndGo("eth1");
      watch.unplug(link);
      for (let i = 0; i < others; i++) await comeAndGo(`veth${i}`);
      answers.isThere = false;
      watch.plug(link);
      await clock.elapse(0);
      assert.equal(sites.at(-1), label);
    }
  });
});

it("A link with a configured site appears at once, and nobody is asked", async () => {
  const { sites, answers, clock } = await follow(`b.${NETWORK} PTR paris.z.example.`, {
    given: "lyon",
  });
  await clock.elapse(20 * MINUTE);
  assert.deepEqual(sites, ["lyon"]);
  assert.deepEqual(answers.asked, []);
});
