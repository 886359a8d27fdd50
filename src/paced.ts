/**
 * Long work in small pieces, beside which all else goes on: after each piece comes a rest four times
 * as long as the piece took, its writing included. So a zone of any size is written while updates and
 * questions have four fifths of the time, and none of them waits for more than a piece.
 */
import type { Clock } from "./clock.ts";

export interface Pace {
  readonly clock: Clock;
  /** Somebody waits for the end of it: no more rests. */
  readonly isHurried: () => boolean;
}

/** A piece has been dealt with when the next is asked for. */
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
/** Milliseconds: a piece that took so long was not kept by itself alone. */
const LONGEST = 100;
