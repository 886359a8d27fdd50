/**
 * What V8 is told of our memory. It guesses by where objects are made whether they will live long, from
 * a few hundred that it finds alive in some early collection, and does not think again. Requests that
 * wait together for the disk are all alive in one. Taken for permanent, they were from then on made where
 * nothing is collected soon, and what they lead to stayed with them: an update took 50 µs or 80, by
 * chance of how the process had started.
 */
import { setFlagsFromString } from "node:v8";

/** To be called before anything else is done. */
export function settleHeap(): void {
  setFlagsFromString("--no-allocation-site-pretenuring");
}
