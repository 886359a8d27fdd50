/** Counts the responses by transport and RCODE, for metrics. */
import type { Layer, Transport } from "../net/server/handler.ts";
import { mapResponses } from "./layers.ts";

export class Tally {
  /** By RCODE; the last place is for all higher ones. */
  readonly #counts: Readonly<Record<Transport, Float64Array>> = {
    udp: new Float64Array(CODES + 1),
    tcp: new Float64Array(CODES + 1),
    tls: new Float64Array(CODES + 1),
    https: new Float64Array(CODES + 1),
  };

  /** The outermost layer, so that it counts what clients get; of a transfer it counts each message. */
  readonly layer: Layer = (next) => (request) => {
    const counts = this.#counts[request.transport];
    return mapResponses(next(request), (response) => {
      counts[Math.min(response.rcode, CODES)]!++;
      return response;
    });
  };

  *[Symbol.iterator](): Generator<{
    readonly transport: string;
    readonly rcode: number;
    readonly count: number;
  }> {
    for (const [transport, counts] of Object.entries(this.#counts)) {
      for (const [rcode, count] of counts.entries()) {
        if (count > 0) yield { transport, rcode, count };
      }
    }
  }
}

/** The four-bit codes, and all extended ones of DNS itself (RFC 6895 §2.3). */
const CODES = 24;
