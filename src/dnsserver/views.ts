/**
 * What exists depends on who asks: each client has a view, which is a catalog with its own ready answers,
 * or has none and is REFUSED (RFC 8914 §4.19). A view knows nothing of what it does not show, so its
 * answers cannot disclose that.
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
  /** For QUERY. */
  readonly handler: Handler;
  readonly ready: ReadyAnswers;
  /** The zones that it shows. */
  readonly zones: readonly FollowedZone[];
}

/** What applies to the client at an address. */
export interface Client {
  readonly view: View | undefined;
  /** The network to which responses are charged; undefined if they are not. */
  readonly network: number | undefined;
}

/** Answers QUERY from the view of its client; REFUSED if it has none. */
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

/** Ready answers from the view of the client that asks, within its rate limit. */
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
 * A response with QR, TC and RD (RFC 1035 §4.1.1), the question, and our OPT record if the query has one:
 * a query with a ready answer has one question and at most an OPT record without options, at its end.
 */
function truncated(query: Buffer): Buffer {
  const response = Buffer.from(query);
  response[2] = 0x82 | (query[2]! & 0x01);
  response[3] = 0;
  const isExtended = query[11] === 1;
  if (isExtended) {
    const opt = query.length - OPT_LENGTH;
    response.writeUInt16BE(UDP_SIZE, opt + 3);
    // DO is the only flag that is copied (RFC 6891 §6.1.4).
    response.writeUInt32BE(query.readUInt32BE(opt + 5) & 0x8000, opt + 5);
  }
  return response;
}
