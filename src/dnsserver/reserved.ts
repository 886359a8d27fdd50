/**
 * A zone for those alone who may copy it, such as a catalog zone (RFC 9432 §7): to others it is not
 * there, and their questions are REFUSED as those outside of every zone are.
 */
import { Opcode, Rcode } from "../dns/constants.ts";
import { makeResponse } from "../dns/message.ts";
import type { Name } from "../dns/name.ts";
import type { Layer, Request } from "../net/handler.ts";

export function reserved(
  origin: Name,
  isAllowed: (request: Request, origin: Name) => boolean,
): Layer {
  return (next) => (request) => {
    const { opcode, questions } = request.message;
    const isWithin = opcode === Opcode.QUERY && questions.some(({ name }) => name.isUnder(origin));
    if (!isWithin || isAllowed(request, origin)) return next(request);
    return [makeResponse(request.message, { rcode: Rcode.REFUSED })];
  };
}
