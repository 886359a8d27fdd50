/** The order in which questions leave, and which of them leave together. */
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
