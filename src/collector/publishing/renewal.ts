/** Sends all that is published again, so that leases continue and what was lost is restored. */
import type { Name } from "../../dns/name.ts";
import type { Rdata } from "../../dns/rdata.ts";
import { keysOf, type RecordSets } from "../recordsets.ts";
import { UNKNOWN_TTL } from "./holdings.ts";
import { shuffled } from "./shuffled.ts";
import { inOrder, type Step, takeSome, type UpdateSize } from "./step.ts";

export class Renewal {
  #steps: Step[] = [];

  get isOver(): boolean {
    return this.#steps.length === 0;
  }

  /** In an order in which it could have been published. */
  begin(published: RecordSets, random: () => number): void {
    const steps: Step[] = [];
    for (const { name, type, ttl, rdatas } of shuffled(published, random))
      steps.push({ name, type, ttl, gone: [], come: rdatas });
    this.#steps = inOrder(steps);
  }

  end(): void {
    this.#steps = [];
  }

  /** Puts back what was taken, to be taken again. */
  putBack(steps: readonly Step[]): void {
    this.#steps.unshift(...steps);
  }

  /** The next part of what is still published, without what is deferred. */
  take(
    published: RecordSets,
    room: UpdateSize,
    isDeferred?: (name: Name, rdata: Rdata) => boolean,
  ): Step[] {
    while (this.#steps.length > 0) {
      const steps = takeSome(this.#steps, room).flatMap((step) => {
        const set = published.get(step.name.key, step.type);
        // What is in doubt is sent again as part of a difference.
        if (set === undefined || set.ttl === UNKNOWN_TTL) return [];
        if (set.rdatas === step.come && isDeferred === undefined) return [step];
        const there = keysOf(set.rdatas);
        const come = step.come.filter(
          (rdata) => there.has(rdata.key) && isDeferred?.(step.name, rdata) !== true,
        );
        return come.length === 0 ? [] : [{ ...step, ttl: set.ttl, come }];
      });
      if (steps.length > 0) return steps;
    }
    return [];
  }
}

/**
 * Milliseconds from one renewal to the next, at most: half the lease (RFC 9664 §5.2: renew early). A server
 * whose leases are too short for that is not sent everything without a pause.
 */
export function periodOf(lease = UNLEASED): number {
  return ((lease < SHORTEST ? LEAST : lease) * 1000) / 2;
}

/** Seconds: the shortest lease renewed in time, and the least that servers should grant (RFC 9664 §8). */
const SHORTEST = 2;
const LEAST = 30;
/** Seconds, as if there were a lease: what is there for ever is made sure of too. */
const UNLEASED = 1200;
