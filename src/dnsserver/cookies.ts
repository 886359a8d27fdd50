/**
 * DNS Cookies (RFC 7873 §5.2): a client that sends one gets one back, which proves next time that its
 * source address is genuine. Cookies are not required: with one that is missing, not ours or expired, a
 * client loses only the exemption that `limits.ts` grants to those who have one.
 *
 * Invariant: `request.hasCookie` is set only if this layer has found the cookie to be ours.
 */
import type { Clock } from "../clock.ts";
import { addressOctets } from "../dns/address.ts";
import { Opcode, OptionCode, Rcode } from "../dns/constants.ts";
import { CLIENT_COOKIE_LENGTH, isMalformedCookie, judgeCookie, makeCookie } from "../dns/cookie.ts";
import { optionOf } from "../dns/edns.ts";
import { type Message, makeResponse } from "../dns/message.ts";
import type { Layer } from "../net/server/handler.ts";
import { addOption, layered } from "./layers.ts";

/** Returns the current secrets: the first makes cookies, and those of any of them are accepted. */
export type CookieSecrets = () => readonly Uint8Array[];

export interface CookieOptions {
  readonly secrets: CookieSecrets;
  readonly clock: Clock;
  /** Limits the responses, those of this layer too: to a forged source they are as unwelcome as others. */
  readonly limit?: Layer | undefined;
}

export function cookies({ secrets, clock, limit }: CookieOptions): Layer {
  const layers = [judged({ secrets, clock }), ...(limit ? [limit] : []), answered];
  return (next) => layered(layers, next);
}

function judged({ secrets, clock }: Pick<CookieOptions, "secrets" | "clock">): Layer {
  return (next) => (request) => {
    const { message, source } = request;
    // If there are several, the first counts (RFC 7873 §5.2).
    const sent = optionOf(message.edns, OptionCode.COOKIE);
    if (sent === undefined) return next(request);
    const context = {
      secrets: secrets(),
      address: addressOctets(source.address),
      now: Math.floor(clock.wall() / 1000),
    };
    const verdict = judgeCookie(sent, context);
    if (verdict === "malformed") return next(request);
    const data = verdict === "valid" ? sent : makeCookie(sent, context);
    const hasCookie = verdict !== "client";
    const responses = next(hasCookie ? { ...request, hasCookie } : request);
    return addOption(responses, { code: OptionCode.COOKIE, data });
  };
}

/** Answers what the cookie alone decides. */
const answered: Layer = (next) => (request) => {
  const { message, hasCookie } = request;
  const sent = optionOf(message.edns, OptionCode.COOKIE);
  if (sent === undefined) return next(request);
  if (isMalformedCookie(sent)) return [makeResponse(message, { rcode: Rcode.FORMERR })];
  if (!isForCookie(message)) return next(request);
  const isWrong = hasCookie !== true && sent.length > CLIENT_COOKIE_LENGTH;
  return [makeResponse(message, { rcode: isWrong ? Rcode.BADCOOKIE : Rcode.NOERROR })];
};

/** A query for a cookie and nothing else (RFC 7873 §5.4). */
function isForCookie({ opcode, questions }: Message): boolean {
  return opcode === Opcode.QUERY && questions.length === 0;
}

/** Milliseconds for which a secret makes cookies: a day; they are accepted for one more. */
const SECRET_LIFE = 24 * 3600 * 1000;

/** Secrets of one server, rolled over daily; clients with a cookie do not notice (RFC 9018 §5). */
export function rollingSecrets(make: () => Uint8Array, clock: Clock): CookieSecrets {
  let secrets = [make()];
  let end = clock.now() + SECRET_LIFE;
  return () => {
    if (clock.now() >= end) {
      secrets = [make(), ...secrets.slice(0, 1)];
      end = clock.now() + SECRET_LIFE;
    }
    return secrets;
  };
}
