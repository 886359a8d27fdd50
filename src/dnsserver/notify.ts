/**
 * Incoming NOTIFY (RFC 1996). This server is the primary of all its zones, so no sender is a known
 * primary: for a zone that is served the answer is REFUSED, for any other NOTAUTH (§3.10). The zone data
 * in the message are not examined (§3.8).
 */
import { type Clock, rationed } from "../clock.ts";
import { Rcode } from "../dns/constants.ts";
import { makeResponse } from "../dns/message.ts";
import type { Name } from "../dns/name.ts";
import type { Log } from "../log.ts";
import type { Handler, Request } from "../net/server/handler.ts";

export interface NotifyOptions {
  readonly isServed: (origin: Name) => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

export function notifyHandler({ isServed, clock, log }: NotifyOptions): Handler {
  const report = strangerReport(clock, log);
  return (request) => {
    const { message } = request;
    const [question, ...more] = message.questions;
    if (question === undefined || more.length > 0) {
      return [makeResponse(message, { rcode: Rcode.FORMERR })];
    }
    report(request, question.name);
    const rcode = isServed(question.name) ? Rcode.REFUSED : Rcode.NOTAUTH;
    return [makeResponse(message, { rcode })];
  };
}

/** Milliseconds between log lines: a mistake should be seen, but a flood must not fill a disk. */
const REPORT_INTERVAL = 60_000;

function strangerReport(clock: Clock, log: Log) {
  const ration = rationed(clock, REPORT_INTERVAL);
  return ({ source }: Request, zone: Name): void => {
    if (ration() === 0) return;
    log.warn(
      { zone: `${zone}`, from: source.address },
      "NOTIFY was received, but this server is not a secondary",
    );
  };
}
