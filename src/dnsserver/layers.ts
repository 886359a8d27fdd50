/**
 * Combines the layers that each request passes before the Handler of its opcode, the first outermost;
 * and the layer for EDNS(0) (RFC 6891). That one lies outside all layers that put options into responses,
 * so that a response has an OPT record exactly when its request had one.
 */
import { Rcode } from "../dns/constants.ts";
import { type EdnsOption, ednsReply, withOption } from "../dns/edns.ts";
import { type Message, makeResponse } from "../dns/message.ts";
import type { Handler, Layer, Responses } from "../net/server/handler.ts";

/** `handler` behind these layers; the first is the outermost. */
export function layered(layers: readonly Layer[], handler: Handler): Handler {
  return layers.reduceRight((next, layer) => layer(next), handler);
}

/**
 * OPT in, OPT out, in errors too (RFC 6891 §6.1.1, §7). An inner Handler may put options and the CO flag
 * (RFC 9824 §5.1) into the `edns` of its response, and nothing else; a request without an OPT record gets
 * none. Unknown options and flags are ignored (§6.1.2, §6.1.4), an unknown version is BADVERS (§6.1.3).
 */
export const edns: Layer = (next) => (request) => {
  const asked = request.message.edns;
  if (asked === undefined) {
    return mapResponses(next(request), (response) =>
      response.edns === undefined ? response : { ...response, edns: undefined },
    );
  }
  if (asked.version > 0) {
    return [makeResponse(request.message, { rcode: Rcode.BADVERS, edns: ednsReply(asked) })];
  }
  return mapResponses(next(request), (response) => {
    const reply = ednsReply(asked, response.edns?.options);
    return { ...response, edns: response.edns?.compactOk ? { ...reply, compactOk: true } : reply };
  });
};

/** The Handler of the request's opcode; NOTIMP where there is none (RFC 8906 §3.1.4). */
export function byOpcode(handlers: Readonly<Record<number, Handler>>): Handler {
  const known = new Map(Object.entries(handlers).map(([opcode, one]) => [Number(opcode), one]));
  return (request) => {
    const handler = known.get(request.message.opcode);
    return handler?.(request) ?? [makeResponse(request.message, { rcode: Rcode.NOTIMP })];
  };
}

/** Adds an option to each response. */
export function addOption(responses: Responses, option: EdnsOption): Responses {
  return mapResponses(responses, (response) => ({
    ...response,
    edns: withOption(response.edns, option),
  }));
}

/**
 * Applies `change` to each response, and drops those for which it returns undefined. Responses that were
 * available without waiting stay so.
 */
export function mapResponses(
  responses: Responses,
  change: (response: Message) => Message | undefined,
): Responses {
  if (Symbol.iterator in responses) return mapNow(responses, change);
  if (responses instanceof Promise) return responses.then((all) => mapNow(all, change));
  return mapEach(responses, change);
}

function mapNow(
  responses: readonly Message[],
  change: (response: Message) => Message | undefined,
): readonly Message[] {
  const all = responses.map(change);
  return all.every(isThere) ? all : all.filter(isThere);
}

function isThere(response: Message | undefined): response is Message {
  return response !== undefined;
}

async function* mapEach(
  responses: AsyncIterable<Message>,
  change: (response: Message) => Message | undefined,
) {
  for await (const response of responses) {
    const changed = change(response);
    if (changed !== undefined) yield changed;
  }
}
