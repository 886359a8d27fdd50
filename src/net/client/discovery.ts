/**
 * Finds out from DNS who serves a zone: which zone a name lies in, and the servers of a service in the
 * order in which to try them (RFC 2782).
 */
import { Type } from "../../dns/constants.ts";
import type { Message } from "../../dns/message.ts";
import type { Name } from "../../dns/name.ts";
import { type Srv, soaOf, srvOf } from "../../dns/rdata.ts";
import type { Resolve } from "./resolver.ts";

/** Servers considered per service: an answer may name thousands, and an unknown one costs seconds. */
export const MAX_SERVERS = 8;

/** The SRV records, without a target of ".", which means that the service does not exist here (RFC 2782). */
export function servicesIn(answer: Message | undefined): Srv[] {
  return (answer?.answers ?? [])
    .filter(({ type, rdata }) => type === Type.SRV && !rdata.isEmpty)
    .map(({ rdata }) => srvOf(rdata))
    .filter(({ target }) => !target.isRoot);
}

/** Lowest priority value first; among equals a random order, by weight (RFC 2782). */
export function byPriority(services: readonly Srv[], random: () => number): Srv[] {
  const ordered: Srv[] = [];
  // Those of weight 0 come first, which gives them a small chance of being chosen.
  const left = services.toSorted((a, b) => a.priority - b.priority || a.weight - b.weight);
  while (left.length > 0) {
    const equals = left.filter(({ priority }) => priority === left[0]!.priority);
    ordered.push(...left.splice(draw(equals, random()), 1));
  }
  return ordered;
}

/** The first whose running sum of weights reaches a number drawn from 0 to the total. */
function draw(equals: readonly Srv[], chance: number): number {
  const total = equals.reduce((sum, { weight }) => sum + weight, 0);
  let mark = Math.floor(chance * (total + 1));
  for (const [i, { weight }] of equals.entries()) {
    mark -= weight;
    if (mark <= 0) return i;
  }
  return 0;
}

export interface Apex {
  readonly origin: Name;
  /** MNAME. */
  readonly primary: Name;
}

/** The zone that `name` lies in, from the SOA record of a response (RFC 2308 §3, RFC 8765 §6.1). */
export async function apexOf(
  name: Name,
  resolve: Resolve,
  signal?: AbortSignal,
): Promise<Apex | undefined> {
  for (let asked: Name | undefined = name; asked !== undefined; asked = asked.parent) {
    const answer = await resolve(asked, Type.SOA, signal);
    const found = [...(answer?.answers ?? []), ...(answer?.authorities ?? [])].find(
      ({ type, name: origin, rdata }) =>
        type === Type.SOA && name.isUnder(origin) && !rdata.isEmpty,
    );
    if (found !== undefined) return { origin: found.name, primary: soaOf(found.rdata).mname };
    if (answer === undefined) return undefined;
  }
  return undefined;
}
