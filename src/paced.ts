/**
 * Long work in small pieces, so that everything else goes on: each piece is followed by a rest four times
 * as long as the piece took, its writing included. While a zone of any size is written, updates and
 * questions keep four fifths of the time, and none of them waits longer than one piece takes.
 */
import type { Clock } from "./clock.ts";

export interface Pace {
  readonly clock: Clock;
  /** True once somebody waits for the work to end: there are no more rests. */
  readonly isHurried: () => boolean;
}

/** Passes `pieces` on. A piece counts as finished when the next one is requested. */
export async function* paced<T>(
  pieces: Iterable<T>,
  { clock, isHurried }: Pace,
): AsyncGenerator<T> {
  let began = clock.now();
  for (const piece of pieces) {
    yield piece;
    const rest = Math.min(RESTS * (clock.now() - began), LONGEST);
    if (rest > 0 && !isHurried()) {
      await new Promise<void>((resolve) => clock.at(clock.now() + rest, resolve));
    }
    began = clock.now();
  }
}

const RESTS = 4;
/** Milliseconds, the longest rest: a piece that took so long was delayed by other work too. */
const LONGEST = 100;
