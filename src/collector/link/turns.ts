/** The order in which questions leave, which of them leave together, and by which families. */
import type { Family } from "../../net/links/link.ts";
import { obtain } from "../obtain.ts";
import type { Ask } from "./ask.ts";
import type { Owner } from "./owner.ts";

/** One question of each source in turn, each source's in the order given. */
export function inTurns(asks: readonly Ask[]): Ask[] {
  const bySource = new Map<string, Ask[]>();
  for (const ask of asks) obtain(bySource, ask.source, () => []).push(ask);
  const turns: Ask[] = [];
  for (let round = 0; turns.length < asks.length; round++) {
    for (const [source, own] of bySource) {
      const ask = own[round];
      if (ask === undefined) bySource.delete(source);
      else turns.push(ask);
    }
  }
  return turns;
}

/** Questions grouped by whom they are for; those for all come first. */
export function byOwner(asks: readonly Ask[]): Iterable<[Owner | undefined, Ask[]]> {
  const groups = new Map<string, [Owner | undefined, Ask[]]>([["", [undefined, []]]]);
  for (const ask of asks) {
    obtain(groups, ask.to?.address ?? "", (): [Owner | undefined, Ask[]] => [ask.to, []])[1].push(
      ask,
    );
  }
  return groups.values();
}

/**
 * Long series alternate between the families of the link: hosts that speak both hear each question once,
 * and those that speak one hear every second question (RFC 6762 §20). Undefined if both are due.
 */
export function turnOf(
  asks: readonly Ask[],
  families: readonly Family[],
): { readonly family: Family } | undefined {
  if (families.length < 2 || !asks.every(({ takesTurns }) => takesTurns)) return undefined;
  const family = asks[0]?.nextOf(families)[0];
  if (family === undefined) return undefined;
  for (const ask of asks) ask.family = family;
  return { family };
}
