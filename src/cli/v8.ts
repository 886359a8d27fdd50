/**
 * Keeps V8 from guessing where long-lived objects are made. It judges a place in the code by a few hundred
 * objects that some early collection finds alive, and never thinks again. Requests that wait together for the
 * disk are all alive at once. Judged permanent, they were from then on allocated where nothing is collected
 * soon, and kept what they refer to: an update took 50 µs or 80, by chance of how the process had started.
 */
import { setFlagsFromString } from "node:v8";

/** To be called before anything else. */
export function settleHeap(): void {
  setFlagsFromString("--no-allocation-site-pretenuring");
}
