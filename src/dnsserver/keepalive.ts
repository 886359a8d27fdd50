/**
 * edns-tcp-keepalive (RFC 7828): a client that sends the option is told for how long its connection may
 * be idle, 0 when places are scarce (§3.3.2). Without a connection the option means nothing and is ignored
 * (§3.3.1); within a session it is forbidden, and ends it (RFC 8490 §7.1.2).
 */
import { OptionCode } from "../dns/constants.ts";
import { type EdnsOption, optionOf } from "../dns/edns.ts";
import type { Layer } from "../net/server/handler.ts";
import { addOption } from "./layers.ts";

export const keepalive: Layer = (next) => (request) => {
  const { idleTimeout, session, message } = request;
  if (idleTimeout === undefined || optionOf(message.edns, OptionCode.TCP_KEEPALIVE) === undefined)
    return next(request);
  if (session !== undefined) {
    session.abort();
    return [];
  }
  return addOption(next(request), timeoutOption(idleTimeout));
};

/** In units of 100 ms (RFC 7828 §3.1). */
function timeoutOption(milliseconds: number): EdnsOption {
  const data = Buffer.alloc(2);
  data.writeUInt16BE(Math.min(Math.floor(milliseconds / 100), 0xffff));
  return { code: OptionCode.TCP_KEEPALIVE, data };
}
