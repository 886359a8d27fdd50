/**
 * The client's end: one query to one server, by UDP and, if the answer is truncated, by TCP
 * (RFC 1035 §4.2, RFC 7766 §5).
 *
 * Invariant: a response is accepted only from the server asked, at the port asked from, with the id and
 * the question asked (RFC 5452 §9.1). The kernel picks the port and a cryptographic generator the id,
 * anew for each exchange, because whoever could guess them could answer in the server's place.
 */
import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, isIPv4 } from "node:net";
import type { Cancel, Clock } from "../../clock.ts";
import { Rcode } from "../../dns/constants.ts";
import { encode } from "../../dns/encode.ts";
import type { Endpoint } from "../../dns/endpoint.ts";
import { FormatError } from "../../dns/format.ts";
import { decode, HEADER_LENGTH, type Message } from "../../dns/message.ts";
import type { Name } from "../../dns/name.ts";
import { signTsig, splitTsig, type TsigKey, verifyTsig } from "../../dns/tsig.ts";
import { Frames, frame } from "../framing.ts";

export interface ExchangeOptions {
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  /** Milliseconds by UDP, and the same again by TCP; 5 s by default, as in dig. */
  readonly timeout?: number;
  /** Signs the query; only a response signed with it is accepted (RFC 8945 §5.3). */
  readonly key?: TsigKey | undefined;
  /** The only transport to use; a response by UDP may then be truncated. */
  readonly transport?: "udp" | "tcp" | undefined;
}

/** There was no answer; the message says why, worded to follow the server's name. */
export class ExchangeError extends Error {
  override readonly name = "ExchangeError";
  readonly server: Endpoint;
  /** "timeout", "unreachable", "closed", or the system's code, such as "ECONNREFUSED". */
  readonly code: string;

  constructor(server: Endpoint, code: string, options?: ErrorOptions) {
    super(reasons[code] ?? certificateReason(code, options?.cause) ?? code, options);
    this.server = { address: server.address, port: server.port };
    this.code = code;
  }
}

const reasons: Readonly<Record<string, string>> = {
  timeout: "no answer in time",
  unreachable: "no connection in time",
  closed: "the connection was closed without an answer",
  ECONNREFUSED: "nothing is listening there",
  ECONNRESET: "the connection was reset",
  ENETUNREACH: "no route to this network",
  EADDRNOTAVAIL: "this host has no address to ask from",
  EAFNOSUPPORT: "this host does not support IPv6",
  EINVAL:
    "this host has no such interface, or the address is link-local and names none (fe80::1%eth0)",
  EMFILE: "no file descriptor is left here (ulimit -n)",
  EHOSTUNREACH: "no route to this host",
  ERR_SSL_WRONG_VERSION_NUMBER: "the server does not speak TLS on this port",
  BADKEY: "the server does not know the key, or knows it with another algorithm (BADKEY)",
  BADSIG: "the server has a different secret for the key (BADSIG)",
  CERT_HAS_EXPIRED: "the server's certificate has expired, by this host's clock",
  CERT_NOT_YET_VALID: "the server's certificate is not valid yet, by this host's clock",
};

/** Why TLS rejects a server's certificate (RFC 8310 §8), by the codes of OpenSSL and Node. */
function certificateReason(code: string, cause: unknown): string | undefined {
  if (UNTRUSTED.has(code)) {
    return `the server's certificate is not trusted (${code}); is the authority named in NODE_EXTRA_CA_CERTS?`;
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    const { host = "this name" } = cause as { readonly host?: string };
    return `the server's certificate is not valid for ${host} (${code})`;
  }
  return undefined;
}

const UNTRUSTED: ReadonlySet<string> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** Rejects with an ExchangeError, or with the signal's reason if the signal ends first. */
export async function ask(
  server: Endpoint,
  message: Message,
  options: ExchangeOptions,
): Promise<Message> {
  const { key, clock, transport } = options;
  let refusal: string | undefined;
  const refused = (why: string) => {
    refusal = why;
  };
  const query = () =>
    key === undefined
      ? makeQuery(message)
      : signedQuery(makeQuery(message), { key, clock, refused });
  try {
    if (transport === "tcp") return await askTcp(server, query(), options);
    const response = await askUdp(server, query(), options);
    const isEnough = !response.isTruncated || transport === "udp";
    return isEnough ? response : await askTcp(server, query(), options);
  } catch (error) {
    if (refusal === undefined || !(error instanceof ExchangeError)) throw error;
    throw new ExchangeError(server, refusal, { cause: error });
  }
}

async function askTcp(server: Endpoint, query: Query, options: ExchangeOptions): Promise<Message> {
  const deadline = new Deadline(server, options);
  const socket = connect({ host: server.address, port: server.port, signal: deadline.signal });
  try {
    await once(socket, "connect");
    socket.write(frame(query.octets));
    const frames = new Frames();
    for await (const piece of socket) {
      frames.push(piece);
      for (let bytes = frames.next(); bytes !== undefined; bytes = frames.next()) {
        const response = query.accept(bytes);
        if (response !== undefined) return response;
      }
    }
    throw new ExchangeError(server, "closed");
  } catch (error) {
    throw deadline.explain(error);
  } finally {
    socket.destroy();
    deadline.end();
  }
}

/** How often the same query is sent, since datagrams get lost. */
const UDP_TRIES = 3;

async function askUdp(
  server: Endpoint,
  { octets, accept, acceptCut }: Query,
  options: ExchangeOptions,
): Promise<Message> {
  const { clock, timeout = TIMEOUT } = options;
  const deadline = new Deadline(server, options);
  const socket = createSocket(isIPv4(server.address) ? "udp4" : "udp6");
  let cancelResend = () => {};
  try {
    return await new Promise((resolve, reject) => {
      deadline.signal.addEventListener("abort", () => reject(deadline.signal.reason));
      socket.on("error", reject);
      socket.on("message", (bytes) => {
        const response = accept(bytes) ?? acceptCut(bytes);
        if (response !== undefined) resolve(response);
      });
      const send = () => {
        socket.send(octets);
        cancelResend = clock.at(clock.now() + timeout / UDP_TRIES, send);
      };
      // Connected, so the kernel drops what others send and reports when nothing is listening there. The
      // lack of a route to the server is reported to this callback and not by an event.
      socket.connect(server.port, server.address, (error?: Error) => {
        if (error) reject(error);
        else send();
      });
    });
  } catch (error) {
    throw deadline.explain(error);
  } finally {
    cancelResend();
    socket.close();
    deadline.end();
  }
}

/** Milliseconds. */
const TIMEOUT = 5000;

/** Limits the time of one exchange, and explains its failure. */
class Deadline {
  readonly signal: AbortSignal;
  readonly end: Cancel;
  readonly #server: Endpoint;

  constructor(server: Endpoint, { clock, signal, timeout = TIMEOUT }: ExchangeOptions) {
    signal?.throwIfAborted();
    const over = new AbortController();
    const cancel = clock.at(clock.now() + timeout, () => {
      over.abort(new ExchangeError(server, "timeout"));
    });
    // Not AbortSignal.any: a long-lived signal remembers every signal ever derived from it.
    const forward = () => over.abort(signal?.reason);
    signal?.addEventListener("abort", forward, { once: true });
    this.end = () => {
      cancel();
      signal?.removeEventListener("abort", forward);
    };
    this.signal = over.signal;
    this.#server = server;
  }

  explain(error: unknown): unknown {
    if (this.signal.aborted) return this.signal.reason;
    const { code } = error as NodeJS.ErrnoException;
    return code === undefined ? error : new ExchangeError(this.#server, code, { cause: error });
  }
}

/** A query as it is sent, and the check for a response to it. */
interface Query {
  readonly octets: Buffer;
  readonly accept: Accept;
  /**
   * For a response that is malformed behind its question: just that, as truncated. Some home routers cut a
   * long one off after 512 octets, with TC or without.
   */
  readonly acceptCut: Accept;
}

/** The decoded response; undefined for anything else that arrives. */
type Accept = (bytes: Uint8Array) => Message | undefined;

function makeQuery(message: Message): Query {
  const query = { ...message, id: randomInt(0x10000) };
  return {
    octets: encode(query),
    accept: wellFormed((bytes) => {
      const response = decode(bytes, { isLenient: true });
      return isResponseTo(query, response) ? response : undefined;
    }),
    acceptCut: wellFormed((bytes) => {
      if (bytes.length < HEADER_LENGTH) return undefined;
      const head = Buffer.from(bytes).fill(0, ANCOUNT, HEADER_LENGTH);
      const response = decode(head, { isLenient: true });
      return isResponseTo(query, response) ? { ...response, isTruncated: true } : undefined;
    }),
  };
}

/** Its place in the header; the numbers of the other sections' records follow. */
const ANCOUNT = 6;

interface Signing {
  readonly key: TsigKey;
  readonly clock: Clock;
  /** Called if a response, which does not count, says why the key is refused. */
  readonly refused: (why: string) => void;
}

/** These two errors come unsigned (RFC 8945 §5.3.2): anybody may have sent them, but nobody else has reason to. */
const refusals: Readonly<Record<Rcode, string>> = {
  [Rcode.BADKEY]: "BADKEY",
  [Rcode.BADSIG]: "BADSIG",
};

function signedQuery({ octets, accept }: Query, { key, clock, refused }: Signing): Query {
  const now = () => Math.floor(clock.wall() / 1000);
  const { bytes, mac } = signTsig(octets, key, { now: now() });
  const find = (name: Name) => (name.equals(key.name) ? key : undefined);
  return {
    octets: bytes,
    // It has no signature.
    acceptCut: () => undefined,
    accept: wellFormed((bytes) => {
      const response = accept(bytes);
      const signed = response && splitTsig(bytes);
      if (signed === undefined) return undefined;
      const verdict = verifyTsig(signed, { find, now: now(), priorMac: mac });
      if (verdict.isValid) return response;
      const why = refusals[signed.tsig.error];
      if (why !== undefined) refused(why);
      return undefined;
    }),
  };
}

function wellFormed(accept: Accept): Accept {
  return (bytes) => {
    try {
      return accept(bytes);
    } catch (error) {
      if (error instanceof FormatError) return undefined;
      throw error;
    }
  };
}

/**
 * True for the same question, or an error without one (RFC 1035 §4.1.1). Letter case is left aside (RFC 4343
 * §3): some forwarders change it, and it is no secret that would tell a forged response.
 */
function isResponseTo(query: Message, response: Message): boolean {
  const { isResponse, id, opcode, questions, rcode } = response;
  if (!isResponse || id !== query.id || opcode !== query.opcode) return false;
  if (questions.length === 0) return rcode !== 0;
  return (
    questions.length === query.questions.length &&
    query.questions.every((asked, i) => {
      const { name, type, class: klass } = questions[i]!;
      return name.equals(asked.name) && type === asked.type && klass === asked.class;
    })
  );
}
