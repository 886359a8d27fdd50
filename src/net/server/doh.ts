/**
 * DNS queries as HTTP requests (RFC 8484), in any version of HTTP: extracts the message from a request,
 * and says for how long its answer may be cached.
 *
 * Invariant: a status other than 200 means that the body holds no DNS message; a DNS response has status
 * 200 whatever its RCODE (§4.2.1).
 */
import type { Readable } from "node:stream";
import { Opcode, Type } from "../../dns/constants.ts";
import { decodeHeader, HEADER_LENGTH, type Message } from "../../dns/message.ts";
import { Gathered } from "../gathered.ts";

export const MEDIA_TYPE = "application/dns-message";
export const PATH = "/dns-query";

/** Octets of the path with its query; RFC 9110 §4.1 recommends at least 8,000. */
const MAX_TARGET = 8192;

/** Octets of a DNS message (RFC 8484 §6). */
const MAX_MESSAGE = 65_535;

export interface HttpRequest extends Readable {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** Accounts for that many more octets held for a request; false if there is no room for them. */
type Reserve = (octets: number) => boolean;

/**
 * The message that a request carries, or the status with which it is refused; undefined if the request
 * ends before it is complete.
 */
export async function messageIn(
  request: HttpRequest,
  reserve: Reserve,
): Promise<Buffer | number | undefined> {
  const { method = "", url = "", headers } = request;
  if (url.length > MAX_TARGET) return 414;
  // Servers must accept the absolute form too, as sent to proxies (RFC 9112 §3.2.2).
  const [path, query = ""] = url.replace(/^https?:\/\/[^/?]*/i, "").split("?", 2);
  if (path !== PATH) return 404;
  if (method === "POST") {
    const { "content-type": type, "content-encoding": coding = "identity" } = headers;
    if (mediaTypeOf(`${type}`) !== MEDIA_TYPE || coding !== "identity") return 415;
    if (!isAccepted(headers.accept)) return 406;
    return checked(await readBody(request, reserve));
  }
  if (method !== "GET" && method !== "HEAD") return 405;
  if (!isAccepted(headers.accept)) return 406;
  const message = checked(decodeParameter(new URLSearchParams(query).get("dns") ?? ""));
  // GET and HEAD change nothing (RFC 9110 §9.2.1): anybody may follow a link at any time.
  return typeof message === "object" && isUpdate(message) ? 400 : message;
}

function isUpdate(message: Buffer): boolean {
  return decodeHeader(message).opcode === Opcode.UPDATE;
}

/** Status 400 for what is no query at all, to which the edge would give no answer. */
function checked(message: Buffer | number | undefined): Buffer | number | undefined {
  if (typeof message !== "object") return message;
  return message.length < HEADER_LENGTH || (message[2]! & 0x80) !== 0 ? 400 : message;
}

/** base64url without padding (RFC 8484 §6); anything else is a bad request. */
function decodeParameter(text: string): Buffer | number {
  return /^[\w-]+$/.test(text) ? Buffer.from(text, "base64url") : 400;
}

/** Goes on reading a body that it has refused, but keeps none of it. */
function readBody(request: HttpRequest, reserve: Reserve): Promise<Buffer | number | undefined> {
  if (Number(request.headers["content-length"]) > MAX_MESSAGE) return Promise.resolve(413);
  return new Promise((resolve) => {
    let body = new Gathered();
    let length = 0;
    const refuse = (status: number) => {
      body = new Gathered();
      resolve(status);
    };
    request.on("data", (piece: Uint8Array) => {
      length += piece.length;
      if (length > MAX_MESSAGE) refuse(413);
      else if (!reserve(piece.length)) refuse(503);
      else body.push(piece);
    });
    request.once("end", () => resolve(body.octets));
    request.once("close", () => resolve(undefined));
  });
}

function mediaTypeOf(text: string): string {
  return text.split(";", 1)[0]!.trim().toLowerCase();
}

/** True if the client accepts DNS messages, or names no media types (RFC 9110 §12.5.1). */
function isAccepted(accept: string | readonly string[] | undefined): boolean {
  if (accept === undefined) return true;
  return `${accept}`
    .split(",")
    .map(mediaTypeOf)
    .some((each) => each === MEDIA_TYPE || each === "application/*" || each === "*/*");
}

/**
 * Seconds for which an answer is fresh (RFC 8484 §5.1): the smallest TTL of its answer records; for a
 * negative answer the TTL of its SOA (RFC 2308 §5); 0 if it has neither.
 */
export function freshnessOf({ answers, authorities }: Message): number {
  if (answers.length > 0) return Math.min(...answers.map(({ ttl }) => ttl));
  return authorities.find(({ type }) => type === Type.SOA)?.ttl ?? 0;
}
