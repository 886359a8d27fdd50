/** How many responses of each code went each way: for who measures. */
import type { Layer, Transport } from "../net/server/handler.ts";
import { mapResponses } from "./layers.ts";

export class Tally {
  /** By response code; the last place is for all beyond. */
  readonly #counts: ReadonlyMap<Transport, Float64Array> = new Map(
    (["udp", "tcp", "tls", "https"] as const).map((each) => [each, new Float64Array(CODES + 1)]),
  );

  /** The outermost, so that it counts what clients get. Of a transfer each message is a response. */
  readonly layer: Layer = (next) => (request) => {
    const counts = this.#counts.get(request.transport)!;
    return mapResponses(next(request), (response) => {
      counts[Math.min(response.rcode, CODES)]!++;
      return response;
    });
  };

  *[Symbol.iterator](): Generator<{
    readonly transport: Transport;
    readonly rcode: number;
    readonly count: number;
  }> {
    for (const [transport, counts] of this.#counts) {
      for (const [rcode, count] of counts.entries()) {
        if (count > 0) yield { transport, rcode, count };
      }
    }
  }
}

/** Those of four bits, and of the extended ones all that DNS itself has (RFC 6895 §2.3). */
const CODES = 24;
