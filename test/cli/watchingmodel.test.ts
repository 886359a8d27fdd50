/**
 * Whatever changes, whoever goes away and comes back, and whether changes are pushed or asked for: the lines
 * printed add up to the current list, each entry comes before it changes or goes, and nothing known is
 * printed again. The seed determines the run.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { instancesOf } from "../../src/cli/browse/listing.ts";
import { Class } from "../../src/dns/constants.ts";
import { lookup } from "../../src/zone/lookup/lookup.ts";
import { Chance } from "../fuzz/mutation.ts";
import { operator, origin, updateOf } from "../zone/fixture.ts";
import { SERVER, Watched } from "./watched.ts";

const LABELS = ["one", "two", "three", "four"];
/** Two of each kind: a name has one SRV and one TXT record as a rule, but may have more. */
const POOL = LABELS.flatMap((label) => [
  `_ipp._tcp PTR ${label}._ipp._tcp`,
  `${label}._ipp._tcp SRV 0 0 631 ${label}`,
  `${label}._ipp._tcp SRV 0 0 631 shared`,
  `${label}._ipp._tcp TXT "rp=a"`,
  `${label}._ipp._tcp TXT "rp=b"`,
  `${label} A 10.1.0.1`,
  `${label} A 10.1.0.2`,
  `${label} AAAA fd00::1`,
]).concat("shared A 10.1.0.3", "shared A 10.1.0.4");
const STEPS = 60;

for (let seed = 1; seed <= 12; seed++) {
  test(`the lines printed add up to the current list, seed ${seed}`, async () => {
    const chance = new Chance(seed);
    const limits = { total: 99, perNetwork: 99, perSession: 4 + chance.below(40), sessions: 9 };
    await using watched = await Watched.start({ records: `${POOL[0]}\n${POOL[9]}`, limits });
    for (let step = 0; step < STEPS; step++) {
      const act = chance.below(20);
      if (act === 0) watched.session.cut();
      else if (act === 1) watched.session.retire();
      else if (act === 2) watched.offered = watched.offered === "nobody" ? [SERVER] : "nobody";
      else if (act === 3) watched.isMute = !watched.isMute;
      else if (act === 5 && watched.isUnread) watched.read();
      else if (act === 5) watched.isUnread = true;
      else if (act === 4) watched.obstacle = watched.obstacle ? undefined : "ECONNREFUSED";
      else {
        const update = `${chance.below(2) === 0 ? "-" : "+"} ${POOL[chance.below(POOL.length)]}`;
        await watched.zone.apply(updateOf(update), operator);
      }
      await watched.pass([0, 1, 5, 100, 5000][chance.below(5)]!);
    }
    watched.isMute = false;
    watched.read();
    await watched.pass(200_000);
    const blocks = blocksIn(watched.printed);
    const shown = new Map<string, string>();
    for (const { sign, title, details } of blocks) {
      const before = shown.get(title);
      assert.equal(before === undefined, sign === "+", `${sign} ${title}`);
      if (sign === "-") shown.delete(title);
      else shown.set(title, details);
      if (sign === "~") assert.notEqual(details, before, title);
    }
    const { current } = watched.zone;
    const listing = instancesOf("_ipp._tcp", origin);
    const items = listing.items((name, type) => {
      const found = lookup(current, { name, type, class: Class.IN }).answers;
      return found.flatMap(({ rdatas }) => rdatas);
    });
    const expected = (items ?? []).map(({ title, lines }) => [title, lines!.slice(1).join("\n")]);
    assert.deepEqual([...shown].sort(), expected.map(([a, b]) => [a!, b!]).sort());
  });
}

/** The entries of the list at the start, as additions, and of the changes after it. */
function blocksIn(printed: readonly string[]) {
  const blocks: { sign: string; title: string; details: string }[] = [];
  for (const line of printed) {
    if (line.startsWith(" ")) {
      const last = blocks.at(-1)!;
      last.details = last.details === "" ? line : `${last.details}\n${line}`;
      continue;
    }
    const [, sign = "+", title = ""] = /^(?:([-+~]) )?(.*)$/.exec(line)!;
    blocks.push({ sign, title, details: "" });
  }
  return blocks;
}
