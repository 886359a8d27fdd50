/**
 * The server's side of TSIG (RFC 8945 §5.2, §5.3): the outermost layer, except for the tally. A request's
 * signature is verified before any other layer acts on it, and every response to it is signed, including
 * errors and each message of a transfer. Faults of a signature are reported as in the table of §5.2:
 *
 * - misplaced, malformed, a MAC of impossible length: FORMERR, without TSIG;
 * - an unknown key (BADKEY), a wrong MAC (BADSIG): NOTAUTH, with an unsigned TSIG (§5.3.2);
 * - a time out of range (BADTIME), a truncated MAC (BADTRUNC): NOTAUTH, signed.
 *
 * Invariant: `request.key` is set only if this layer has verified it, and a request without TSIG gets a
 * response without TSIG. Such a request costs almost nothing here.
 */
import type { Clock } from "../clock.ts";
import { Opcode, Rcode, rcodeName, Type } from "../dns/constants.ts";
import { ednsReply } from "../dns/edns.ts";
import { type Message, makeResponse } from "../dns/message.ts";
import type { Name, NameKey } from "../dns/name.ts";
import type { ResourceRecord } from "../dns/record.ts";
import { type Seal, SealedError } from "../dns/seal.ts";
import {
  FUDGE,
  refusalLength,
  refuseTsig,
  type SignedMessage,
  type SignOptions,
  signTsig,
  splitTsig,
  type TsigKey,
  tsigLength,
  verifyTsig,
} from "../dns/tsig.ts";
import type { Layer, Request, Responses } from "../net/server/handler.ts";
import type { Complaints } from "./complaints.ts";
import { ReplayGuard } from "./replayguard.ts";

export interface TsigOptions {
  /** By their names in the configuration. */
  readonly keys: ReadonlyMap<string, TsigKey>;
  readonly clock: Clock;
  readonly complaints: Complaints;
  /** When a key's last update before the start was signed, in seconds. */
  readonly signedBefore: (key: string) => number | undefined;
}

export function tsig(options: TsigOptions): Layer {
  const { keys, clock, complaints, signedBefore } = options;
  const known = new Map<NameKey, { identity: string; key: TsigKey }>();
  for (const [identity, key] of keys) known.set(key.name.key, { identity, key });
  const updates = new ReplayGuard<Gathered>(signedBefore);
  const now = () => Math.floor(clock.wall() / 1000);

  const find = (name: Name) => known.get(name.key)?.key;
  const refuse = (
    request: Request,
    signed: SignedMessage,
    error: Rcode,
    key?: TsigKey,
    late?: string,
  ) => {
    const { key: claimed, mac, time } = signed.tsig;
    const fact = `a signed request was refused: ${late ?? reasonOf(error)}`;
    complaints.tell(key && `${key.name}`, fact, () => ({
      key: `${claimed}`,
      from: request.source.address,
      // Seconds; most useful for BADTIME.
      ahead: time - now(),
    }));
    const options = error === Rcode.BADTIME ? { error, client: signed.tsig } : { error };
    const isSaidSigned = key !== undefined && error !== Rcode.BADSIG;
    const seal = isSaidSigned ? responseSeal(key, mac, now, options) : refusalSeal(signed, error);
    return [refusal(request.message, error, seal)];
  };

  return (next) => (request) => {
    if (!isSigned(request.message)) return next(request);
    const signed = splitTsig(request.bytes)!;
    const verdict = verifyTsig(signed, { find, now: now() });
    if (!verdict.isValid) return refuse(request, signed, verdict.error, verdict.key);
    const { key, mac, time } = verdict;
    const { identity } = known.get(key.name.key)!;
    const { id, opcode } = request.message;
    const seal = responseSeal(key, mac, now);
    const answer = () => next({ ...request, key: identity, signedAt: time });
    if (opcode !== Opcode.UPDATE) return sealed(answer, id, seal);
    const at = { time, mac, latest: now() + FUDGE };
    const once = () =>
      updates.once(identity, at, () => gather(answer())) ??
      refuse(request, signed, Rcode.BADTIME, key, LATE);
    return sealed(once, id, seal);
  };
}

const LATE = "it was signed before the latest update of its key";

type Gathered = Exclude<Responses, AsyncIterable<Message>>;

function refusal(request: Message, error: Rcode, seal: Seal): Message {
  const edns = request.edns && ednsReply(request.edns);
  if (error === Rcode.FORMERR) return makeResponse(request, { rcode: error, edns });
  return { ...makeResponse(request, { rcode: Rcode.NOTAUTH, edns }), seal };
}

/** Also true for a misplaced TSIG, which `splitTsig` then refuses. */
function isSigned({ answers, authorities, additionals }: Message): boolean {
  return additionals.some(isTsig) || authorities.some(isTsig) || answers.some(isTsig);
}

function isTsig({ type }: ResourceRecord): boolean {
  return type === Type.TSIG;
}

/** Signs responses; those after the first of a stream with a shorter digest (RFC 8945 §5.3.1). */
function responseSeal(
  key: TsigKey,
  requestMac: Uint8Array,
  now: () => number,
  options: Partial<SignOptions> = {},
): Seal {
  let priorMac = requestMac;
  let isContinuation = false;
  return {
    length: tsigLength(key, options.error),
    close(octets) {
      const context = { ...options, now: now(), priorMac, isContinuation };
      const { bytes, mac } = signTsig(octets, key, context);
      priorMac = mac;
      isContinuation = true;
      return bytes;
    },
  };
}

/** Reports what is wrong, with an empty MAC (RFC 8945 §5.3.2). */
function refusalSeal(signed: SignedMessage, error: Rcode): Seal {
  return {
    length: refusalLength(signed),
    close: (octets) => refuseTsig(octets, signed, error),
  };
}

/**
 * Gives this seal to every response that has none of its own, and to an error on the way to one. The id is
 * the request's, also where the response was made for one sent before.
 */
function sealed(answer: () => Responses, id: number, seal: Seal): Responses {
  const fail = (error: unknown): never => {
    throw new SealedError(error, seal);
  };
  try {
    const responses = answer();
    if (Symbol.iterator in responses) return sealNow(responses, id, seal);
    if (responses instanceof Promise) return responses.then((all) => sealNow(all, id, seal), fail);
    return sealEach(responses, seal, fail);
  } catch (error) {
    return fail(error);
  }
}

type Fail = (error: unknown) => never;

function sealNow(responses: readonly Message[], id: number, seal: Seal): readonly Message[] {
  return responses.map((response) => ({ ...response, id, seal: response.seal ?? seal }));
}

async function* sealEach(responses: AsyncIterable<Message>, seal: Seal, fail: Fail) {
  try {
    for await (const response of responses) yield { ...response, seal: response.seal ?? seal };
  } catch (error) {
    fail(error);
  }
}

/** Collects the responses of a stream, so that they can be returned again. */
function gather(responses: Responses): Gathered {
  return Symbol.asyncIterator in responses ? gatherEach(responses) : responses;
}

async function gatherEach(responses: AsyncIterable<Message>): Promise<readonly Message[]> {
  const all: Message[] = [];
  for await (const response of responses) all.push(response);
  return all;
}

function reasonOf(error: Rcode): string {
  return error === Rcode.BADSIG ? "BADSIG" : rcodeName(error);
}
