/**
 * The edge between octets and the Handler, the same for every listener: the octets of a request come
 * in, those of its responses go out. Malformed requests become FORMERR here, and an error in a Handler
 * becomes SERVFAIL.
 *
 * Invariant: whatever the octets, nothing is thrown. A message of at least twelve octets that is not
 * itself a response is answered unless the Handler chooses silence (RFC 8906 §3); a response is never
 * answered, so that two servers do not go on answering each other (RFC 1035 §7.3).
 */
import { type Clock, rationed } from "../../clock.ts";
import { Opcode, OptionCode, Rcode, Type } from "../../dns/constants.ts";
import { type Edns, ednsReply, optionOf, PADDED_BLOCK, udpLimit } from "../../dns/edns.ts";
import { encode } from "../../dns/encode.ts";
import { FormatError } from "../../dns/format.ts";
import {
  decode,
  decodeHeader,
  HEADER_LENGTH,
  type Message,
  makeMessage,
  makeResponse,
  type Question,
} from "../../dns/message.ts";
import { Reader } from "../../dns/reader.ts";
import { SealedError } from "../../dns/seal.ts";
import type { Log } from "../../log.ts";
import type { Handler, Ready, Request, Responses } from "./handler.ts";

/** A request before it is decoded and before any layer has examined it. */
export type Received = Omit<Request, "message" | "key" | "signedAt" | "hasCookie">;

/** The octets of the responses, in the form in which the Handler returned these. */
export type Octets = readonly Buffer[] | Promise<readonly Buffer[]> | AsyncIterable<Buffer>;

export type Edge = (received: Received) => Octets;

export interface EdgeOptions {
  readonly handler: Handler;
  readonly clock: Clock;
  readonly log: Log;
  /** Is offered each response that was made without waiting. */
  readonly ready?: Pick<Ready, "offer"> | undefined;
}

export function makeEdge({ handler, clock, log, ready }: EdgeOptions): Edge {
  const report = failureReport(clock, log);
  let first = 0;

  const encodeFor = (request: Request, response: Message, isPart = false): Buffer => {
    const limit = request.transport === "udp" ? udpLimit(request.message.edns) : 0xffff;
    const block = blockFor(request);
    const { seal } = response;
    const octets = encode(response, { limit, first, reserve: seal?.length ?? 0, block });
    if (!isTruncated(octets)) return seal?.close(octets) ?? octets;
    if (isPart) throw misfit(response);
    if (seal !== undefined) {
      return seal.close(encode(cut(response), { limit, reserve: seal.length, block }));
    }
    // The next truncated answer starts where this one stopped.
    first = (first + octets.readUInt16BE(ANCOUNT)) >>> 0;
    return octets;
  };
  /** Nobody waits for an answer once the request's signal has ended. */
  const fail = (request: Request, error: unknown): Buffer[] => {
    if (request.signal.aborted) return [];
    const { cause, seal } = error instanceof SealedError ? error : { cause: error };
    report(cause);
    return [encodeFor(request, { ...makeError(request.message, Rcode.SERVFAIL), seal })];
  };
  const respond = (request: Request, responses: readonly Message[], isReady: boolean): Buffer[] => {
    const all: Buffer[] = [];
    try {
      for (const response of responses) {
        const octets = encodeFor(request, response);
        if (isReady) ready?.offer(request, octets);
        all.push(octets);
      }
    } catch (error) {
      all.push(...fail(request, error));
    }
    return all;
  };
  async function* respondEach(request: Request, responses: AsyncIterable<Message>) {
    try {
      for await (const response of responses) yield encodeFor(request, response, true);
    } catch (error) {
      yield* fail(request, error);
    }
  }

  return (received) => {
    const { bytes } = received;
    if (bytes.length < HEADER_LENGTH || isResponse(bytes)) return [];
    let message: Message;
    try {
      message = decodeRequest(bytes);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      return [encode(makeError(salvage(bytes), Rcode.FORMERR))];
    }
    const request = makeRequest(received, message);
    let responses: Responses;
    try {
      responses = handler(request);
    } catch (error) {
      // A Handler that examines the request's octets may find them malformed.
      if (!(error instanceof FormatError)) return fail(request, error);
      return [encodeFor(request, makeError(message, Rcode.FORMERR))];
    }
    if (Symbol.asyncIterator in responses) return respondEach(request, responses);
    if (responses instanceof Promise) {
      return responses.then(
        (all) => respond(request, all, false),
        (error) => fail(request, error),
      );
    }
    return respond(request, responses, true);
  };
}

/**
 * Sets all properties at once: in the V8 of Node 20, a literal that spreads an object and adds a property
 * gives each result a shape of its own, which slows down everything that reads it.
 */
function makeRequest(received: Received, message: Message): Request {
  return {
    message,
    bytes: received.bytes,
    transport: received.transport,
    source: received.source,
    idleTimeout: received.idleTimeout,
    session: received.session,
    tls: received.tls,
    key: undefined,
    signedAt: undefined,
    hasCookie: undefined,
    signal: received.signal,
  };
}

/** A transfer must be complete, and no part of it can be asked for again (RFC 5936 §2.2). */
function misfit({ seal }: Message): Error {
  const error = new Error("a message of a stream does not fit");
  return seal === undefined ? error : new SealedError(error, seal);
}

/** A signed response that does not fit is reduced to its question, TC and the seal (RFC 8945 §5.3). */
function cut(response: Message): Message {
  const { questions, edns } = response;
  return makeResponse(response, { questions, edns, isTruncated: true });
}

/** A padded request gets a padded response (RFC 7830 §4), if the transport is encrypted. */
function blockFor({ transport, message: { edns } }: Request): number | undefined {
  if (transport === "udp" || transport === "tcp") return undefined;
  return optionOf(edns, OptionCode.PADDING) === undefined ? undefined : PADDED_BLOCK;
}

const ANCOUNT = 6;

function isResponse(bytes: Uint8Array): boolean {
  return (bytes[2]! & 0x80) !== 0;
}

function isTruncated(bytes: Uint8Array): boolean {
  return (bytes[2]! & 0x02) !== 0;
}

/** Opcodes whose messages have the four sections of RFC 1035 §4.1. */
const sectioned: ReadonlySet<number> = new Set([Opcode.QUERY, Opcode.NOTIFY, Opcode.UPDATE]);

/**
 * The message; for any other opcode only its header, because what follows is unknown (RFC 8906 §3.1.4;
 * RFC 8490 §5.4 puts TLVs there). A Handler that knows the opcode reads the rest from the octets.
 */
function decodeRequest(bytes: Uint8Array): Message {
  return sectioned.has((bytes[2]! >> 3) & 0xf) ? decode(bytes) : makeMessage(decodeHeader(bytes));
}

function makeError(query: Message, rcode: Rcode): Message {
  const edns = query.edns === undefined ? undefined : ednsReply(query.edns);
  return makeResponse(query, { rcode, edns });
}

/**
 * The parts of a malformed message that its response needs: the header, the question if there is exactly
 * one, and the presence of an OPT record, because then the response has one too (RFC 6891 §7).
 */
function salvage(bytes: Uint8Array): Message {
  const reader = new Reader(bytes, 4);
  const questions: Question[] = [];
  let edns: Edns | undefined;
  try {
    const questionCount = reader.u16();
    const recordCount = reader.u16() + reader.u16() + reader.u16();
    for (let i = 0; i < questionCount; i++) {
      questions.push({ name: reader.name(), type: reader.u16(), class: reader.u16() });
    }
    for (let i = 0; i < recordCount && edns === undefined; i++) {
      reader.name();
      const type = reader.u16();
      const udpSize = reader.u16();
      const flags = reader.u32();
      if (type === Type.OPT) {
        edns = { udpSize, version: 0, dnssecOk: (flags & 0x8000) !== 0, options: [] };
      } else {
        reader.take(reader.u16());
      }
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
  const header = decodeHeader(bytes);
  return makeMessage({ ...header, questions: questions.length === 1 ? questions : [], edns });
}

/** Milliseconds between log lines about failures: what strangers can provoke must not fill a disk. */
const REPORT_INTERVAL = 1000;

function failureReport(clock: Clock, log: Log): (error: unknown) => void {
  const ration = rationed(clock, REPORT_INTERVAL);
  return (error) => {
    const failures = ration();
    if (failures > 0) log.error({ err: error, failures }, "a request could not be answered");
  };
}
