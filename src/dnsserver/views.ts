/**
 * Who asks decides what there is: each client has a view, a catalog of its own with the answers ready
 * in it, or none and is REFUSED (RFC 8914 §4.19). A view knows nothing of what it does not show, so
 * nothing of that can be in its answers.
 *
 * Invariant: an answer made for one view is never given to a client of another.
 */
import { Rcode } from "../dns/constants.ts";
import { ExtendedError, extendedError, UDP_SIZE, withOption } from "../dns/edns.ts";
import type { Endpoint } from "../dns/endpoint.ts";
import { makeResponse } from "../dns/message.ts";
import type { Handler, Ready, Request } from "../net/server/handler.ts";
import type { Limits } from "./limits.ts";
import { type FollowedZone, type ReadyAnswers, respond } from "./ready.ts";

export interface View {
  /** Of QUERY. */
  readonly handler: Handler;
  readonly ready: ReadyAnswers;
  /** What it shows. */
  readonly zones: readonly FollowedZone[];
}

/** What there is for an address. */
export interface Client {
  readonly view: View | undefined;
  /** Whose share of responses is counted; undefined where it is not. */
  readonly network: number | undefined;
}

/** QUERY, as the view of its client has it. */
export function viewed(handlerOf: (request: Request) => Handler | undefined): Handler {
  return (request) => {
    const handler = handlerOf(request);
    if (handler !== undefined) return handler(request);
    const edns = withOption(undefined, extendedError(ExtendedError.PROHIBITED));
    return [makeResponse(request.message, { rcode: Rcode.REFUSED, edns })];
  };
}

export interface ReadyViewsOptions {
  readonly clientOf: (address: string) => Client;
  readonly limits: Limits | undefined;
}

/** The answers ready for the client that asks, as many as it may have. */
export class ReadyViews implements Ready {
  readonly #options: ReadyViewsOptions;

  constructor(options: ReadyViewsOptions) {
    this.#options = options;
  }

  answer(query: Buffer, source: Endpoint): Buffer | undefined {
    const { clientOf, limits } = this.#options;
    const { view, network } = clientOf(source.address);
    const found = view?.ready.find(query);
    if (found === undefined) return undefined;
    if (network !== undefined && limits !== undefined) {
      const verdict = limits.charge(network, found.account);
      if (verdict !== "pass") return verdict === "slip" ? truncated(query) : NOTHING;
    }
    return respond(found, query);
  }

  offer(request: Request, response: Uint8Array): void {
    this.#options.clientOf(request.source.address).view?.ready.offer(request, response);
  }
}

const NOTHING = Buffer.alloc(0);
/** Octets (RFC 6891 §6.1.2). */
const OPT_LENGTH = 11;

/**
 * QR, TC and RD (RFC 1035 §4.1.1), the question, and our OPT record where there is one: what has a
 * ready answer is a question and at most an OPT record without options, the last octets.
 */
function truncated(query: Buffer): Buffer {
  const response = Buffer.from(query);
  response[2] = 0x82 | (query[2]! & 0x01);
  response[3] = 0;
  const isExtended = query[11] === 1;
  if (isExtended) {
    const opt = query.length - OPT_LENGTH;
    response.writeUInt16BE(UDP_SIZE, opt + 3);
    // Of the flags DO comes back, and no other (RFC 6891 §6.1.4).
    response.writeUInt32BE(query.readUInt32BE(opt + 5) & 0x8000, opt + 5);
  }
  return response;
}
