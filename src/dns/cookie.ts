/**
 * DNS Cookies as a server makes them (RFC 7873, the interoperable form of RFC 9018 §4): the client's
 * eight octets, then version, reserved octets, the time and a hash of all that and the client's
 * address. Servers that share a secret accept each other's cookies; none keeps state for a client.
 */
import { timingSafeEqual } from "node:crypto";
import { compareSerials } from "./serial.ts";
import { sipHash24 } from "./siphash.ts";

/** Octets of the client's part, which is a cookie by itself (RFC 7873 §4.1). */
export const CLIENT_COOKIE_LENGTH = 8;
/** Octets of a secret. */
export const COOKIE_SECRET_LENGTH = 16;

export interface CookieContext {
  /** The first makes cookies; those made with any of them are accepted (RFC 9018 §5). */
  readonly secrets: readonly Uint8Array[];
  /** The octets of the client's address. */
  readonly address: Uint8Array;
  /** Seconds since 1970. */
  readonly now: number;
}

/**
 * The verdict on a COOKIE option: `malformed` by its length (RFC 7873 §5.2.2), `client` if its server's
 * part is missing, expired or not ours, `valid`, or `stale`, which is valid but due for renewal.
 */
export type CookieVerdict = "malformed" | "client" | "valid" | "stale";

export function judgeCookie(option: Uint8Array, context: CookieContext): CookieVerdict {
  const { length } = option;
  if (length === CLIENT_COOKIE_LENGTH) return "client";
  if (isMalformedCookie(option)) return "malformed";
  // Other lengths and versions are other servers' (RFC 9018 §4).
  if (length !== COOKIE_LENGTH || option[8] !== VERSION) return "client";
  const time = Buffer.from(option.buffer, option.byteOffset, length).readUInt32BE(12);
  const age = compareSerials(context.now, time);
  if (age > MAX_AGE || age < -MAX_AHEAD) return "client";
  const isOurs = context.secrets.some((secret) =>
    timingSafeEqual(hashOf(secret, option, context.address), option.subarray(16)),
  );
  if (!isOurs) return "client";
  return age > RENEWAL_AGE ? "stale" : "valid";
}

/** True by its length (RFC 7873 §5.2.2). */
export function isMalformedCookie({ length }: Uint8Array): boolean {
  if (length === CLIENT_COOKIE_LENGTH) return false;
  return length < CLIENT_COOKIE_LENGTH + 8 || length > CLIENT_COOKIE_LENGTH + 32;
}

/** A whole cookie for the client that sent this option, of which only the client's part is used. */
export function makeCookie(option: Uint8Array, context: CookieContext): Uint8Array {
  const cookie = Buffer.alloc(COOKIE_LENGTH);
  cookie.set(option.subarray(0, CLIENT_COOKIE_LENGTH));
  cookie[8] = VERSION;
  cookie.writeUInt32BE(context.now >>> 0, 12);
  cookie.set(hashOf(context.secrets[0]!, cookie, context.address), 16);
  return cookie;
}

const COOKIE_LENGTH = 24;
const VERSION = 1;
/** Seconds (RFC 9018 §4.3). */
const MAX_AGE = 3600;
const MAX_AHEAD = 300;
const RENEWAL_AGE = 1800;

/** RFC 9018 §4.4: client cookie, version, reserved, timestamp, client IP. */
function hashOf(secret: Uint8Array, cookie: Uint8Array, address: Uint8Array): Uint8Array {
  return sipHash24(secret, Buffer.concat([cookie.subarray(0, 16), address]));
}
