/**
 * TSIG, RFC 8945: a message authenticated by a shared secret. Works on octets, because the digest
 * covers the message as it was sent: with the original id and without the TSIG record (§4.3.2).
 *
 * Order of checks (§5.2): key, MAC, time, truncation. Each failure is a value, not an exception; a
 * TSIG in the wrong place is a FormatError.
 */
import { timingSafeEqual } from "node:crypto";
import { Class, Rcode, Type } from "./constants.ts";
import { FormatError } from "./format.ts";
import { type HashAlgorithm, Hmac, hashLength } from "./hmac.ts";
import { Name } from "./name.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

/** By algorithm (§6). MD5 is left out. */
const hashes = {
  "hmac-sha1": "sha1",
  "hmac-sha224": "sha224",
  "hmac-sha256": "sha256",
  "hmac-sha384": "sha384",
  "hmac-sha512": "sha512",
} as const satisfies Readonly<Record<string, HashAlgorithm>>;

export type TsigAlgorithm = keyof typeof hashes;
export const tsigAlgorithms = Object.keys(hashes) as TsigAlgorithm[];

/** Octets of the algorithm's digest, and so of a good secret. */
export function digestLength(algorithm: TsigAlgorithm): number {
  return hashLength(hashes[algorithm]);
}

export interface TsigKey {
  readonly name: Name;
  readonly algorithm: TsigAlgorithm;
  readonly secret: Uint8Array;
}

/** A MAC that does not exist yet, and usually the other data. */
const NONE = new Uint8Array();

/** Seconds a clock may be off (§10 "a value of 300"). */
export const FUDGE = 300;

interface TsigFields {
  readonly key: Name;
  readonly algorithm: Name;
  /** Seconds since 1970. */
  readonly time: number;
  readonly fudge: number;
  readonly mac: Uint8Array;
  readonly originalId: number;
  readonly error: Rcode;
  readonly other: Uint8Array;
}

/** A message separated from its TSIG. */
export interface SignedMessage {
  /** As it was digested: original id, ARCOUNT without the TSIG. */
  readonly body: Uint8Array;
  readonly tsig: TsigFields;
}

/** The message and its TSIG; undefined when it has none. Throws FormatError for a misplaced one (§5.1). */
export function splitTsig(bytes: Uint8Array): SignedMessage | undefined {
  const reader = new Reader(bytes, 4);
  const questions = reader.u16();
  const others = reader.u16() + reader.u16();
  const additionals = reader.u16();
  for (let i = 0; i < questions; i++) {
    reader.skipName();
    reader.skip(4);
  }
  const total = others + additionals;
  for (let i = 1; i <= total; i++) {
    const start = reader.offset;
    reader.skipName();
    const type = reader.u16();
    const klass = reader.u16();
    const ttl = reader.u32();
    const length = reader.u16();
    if (type !== Type.TSIG) {
      reader.skip(length);
      continue;
    }
    if (i !== total || additionals === 0 || klass !== Class.ANY || ttl !== 0) {
      throw new FormatError(
        "a TSIG record must be the last of the additional section, class ANY, TTL 0",
      );
    }
    const at = reader.offset;
    reader.offset = start;
    const key = reader.name();
    reader.offset = at;
    const fields = reader.within(length, readFields, key);
    const body = Buffer.from(bytes.subarray(0, start));
    body.writeUInt16BE(fields.originalId, 0);
    body.writeUInt16BE(additionals - 1, 10);
    return { body, tsig: fields };
  }
  return undefined;
}

/** RFC 8945 §4.2. */
function readFields(reader: Reader, key: Name): TsigFields {
  const [algorithm, time, fudge] = [reader.name(), reader.u48(), reader.u16()];
  const mac = reader.take(reader.u16());
  const [originalId, error] = [reader.u16(), reader.u16()];
  return { key, algorithm, time, fudge, mac, originalId, error, other: reader.take(reader.u16()) };
}

/** The result of a check. `error` is the TSIG error code, except for FORMERR, which is an rcode. */
export type TsigVerdict =
  | {
      readonly isValid: true;
      readonly key: TsigKey;
      readonly mac: Uint8Array;
      readonly time: number;
    }
  | { readonly isValid: false; readonly error: Rcode; readonly key?: TsigKey };

/** What was signed before, and goes into the digest of a message. */
interface Context {
  /** For a response: the MAC of its request, or of the message before it in a stream (§5.3). */
  readonly priorMac?: Uint8Array;
  /** For the second and later messages of a stream: unsigned ones since the last signed (§5.3.1). */
  readonly unsigned?: readonly Uint8Array[];
  readonly isContinuation?: boolean;
}

export interface VerifyOptions extends Context {
  readonly find: (name: Name) => TsigKey | undefined;
  /** Seconds since 1970. */
  readonly now: number;
}

export function verifyTsig(signed: SignedMessage, options: VerifyOptions): TsigVerdict {
  const { tsig } = signed;
  const key = options.find(tsig.key);
  // §5.2.1: an algorithm that is not the key's counts as an unknown key.
  if (key === undefined || !tsig.algorithm.equals(algorithmName(key.algorithm))) {
    return { isValid: false, error: Rcode.BADKEY };
  }
  const full = digestLength(key.algorithm);
  // §5.2.2.1: shorter than half the digest, which is ten octets and more, or longer than it.
  if (tsig.mac.length > full || tsig.mac.length < full / 2) {
    return { isValid: false, error: Rcode.FORMERR, key };
  }
  const expected = digest(key, signed.body, tsig, options).subarray(0, tsig.mac.length);
  if (!timingSafeEqual(expected, tsig.mac)) return { isValid: false, error: Rcode.BADSIG, key };
  if (Math.abs(options.now - tsig.time) > tsig.fudge) {
    return { isValid: false, error: Rcode.BADTIME, key };
  }
  // §5.2.4, local policy: whole MACs only.
  if (tsig.mac.length < full) return { isValid: false, error: Rcode.BADTRUNC, key };
  return { isValid: true, key, mac: tsig.mac, time: tsig.time };
}

export interface SignOptions extends Context {
  /** Seconds since 1970. */
  readonly now: number;
  readonly error?: Rcode;
  /** For BADTIME: the client's values are signed, the server's time goes into Other Data (§5.2.3). */
  readonly client?: Pick<TsigFields, "time" | "fudge">;
}

/** The message with a TSIG appended, and the MAC for what follows. */
export function signTsig(
  message: Uint8Array,
  key: TsigKey,
  options: SignOptions,
): { bytes: Buffer; mac: Uint8Array } {
  const { now, error = Rcode.NOERROR, client } = options;
  const unsignedFields: TsigFields = {
    key: key.name,
    algorithm: algorithmName(key.algorithm),
    time: client?.time ?? now,
    fudge: client?.fudge ?? FUDGE,
    mac: NONE,
    originalId: (message[0]! << 8) | message[1]!,
    error,
    other: error === Rcode.BADTIME ? timeOctets(now) : NONE,
  };
  const mac = digest(key, message, unsignedFields, options);
  return { bytes: append(message, { ...unsignedFields, mac }), mac };
}

/** BADKEY and BADSIG are sent unsigned: in a TSIG with an empty MAC (§5.2.1, §5.2.2). */
export function refuseTsig(message: Uint8Array, request: SignedMessage, error: Rcode): Buffer {
  const { key, algorithm, time, originalId } = request.tsig;
  return append(message, {
    key,
    algorithm,
    time,
    fudge: FUDGE,
    mac: NONE,
    originalId,
    error,
    other: NONE,
  });
}

/** Octets of a TSIG with this key and error, so that room is kept for it. */
export function tsigLength(key: TsigKey, error: Rcode = Rcode.NOERROR): number {
  const other = error === Rcode.BADTIME ? 6 : 0;
  return lengthOf(key.name, algorithmName(key.algorithm), digestLength(key.algorithm) + other);
}

/** Octets of what `refuseTsig` appends. */
export function refusalLength({ tsig }: SignedMessage): number {
  return lengthOf(tsig.key, tsig.algorithm, 0);
}

/** Octets of a TSIG record with `rest` octets of MAC and other data. */
function lengthOf(key: Name, algorithm: Name, rest: number): number {
  // Type, class, TTL, RDLENGTH; time, fudge, MAC size, id, error, other size.
  return key.wireLength + algorithm.wireLength + 10 + 16 + rest;
}

/** The digest of all components in one piece (§4.3). */
function digest(key: TsigKey, body: Uint8Array, tsig: TsigFields, context: Context): Buffer {
  const { priorMac, unsigned = [], isContinuation = false } = context;
  components.clear();
  if (priorMac !== undefined) {
    components.u16(priorMac.length);
    components.bytes(priorMac);
  }
  for (const message of unsigned) components.bytes(message);
  components.bytes(body);
  const { hmac, names } = prepared(key);
  if (!isContinuation) components.bytes(names);
  components.u48(tsig.time);
  components.u16(tsig.fudge);
  if (!isContinuation) {
    components.u16(tsig.error);
    components.u16(tsig.other.length);
    components.bytes(tsig.other);
  }
  return hmac.digest(components.done());
}

/** The components are assembled here. */
const components = new Writer(1024, { isCompressing: false });
const preparedKeys = new WeakMap<TsigKey, Prepared>();

/** What is the same in all digests with a key. */
interface Prepared {
  readonly hmac: Hmac;
  /** Its name and algorithm with class and TTL between them, uncompressed and in lower case (§4.3.3). */
  readonly names: Uint8Array;
}

function prepared(key: TsigKey): Prepared {
  let known = preparedKeys.get(key);
  if (known === undefined) {
    known = { hmac: new Hmac(hashes[key.algorithm], key.secret), names: namesOf(key) };
    preparedKeys.set(key, known);
  }
  return known;
}

function namesOf({ name, algorithm }: TsigKey): Uint8Array {
  const writer = new Writer(64, { isCompressing: false });
  writer.name(name.toLowerCase());
  writer.u16(Class.ANY);
  writer.u32(0);
  writer.name(algorithmName(algorithm));
  return writer.copy();
}

function append(message: Uint8Array, tsig: TsigFields): Buffer {
  const { key, algorithm, time, fudge, mac, originalId, error, other } = tsig;
  const length = lengthOf(key, algorithm, mac.length + other.length);
  const writer = new Writer(message.length + length, { isCompressing: false });
  writer.bytes(message);
  writer.setU16(10, ((message[10]! << 8) | message[11]!) + 1);
  writer.name(key);
  writer.u16(Type.TSIG);
  writer.u16(Class.ANY);
  writer.u32(0);
  writer.u16(algorithm.wireLength + 16 + mac.length + other.length);
  writer.name(algorithm);
  writer.u48(time);
  writer.u16(fudge);
  writer.u16(mac.length);
  writer.bytes(mac);
  writer.u16(originalId);
  writer.u16(error);
  writer.u16(other.length);
  writer.bytes(other);
  return writer.done();
}

const algorithmNames = new Map(tsigAlgorithms.map((each) => [each, Name.parse(`${each}.`)]));

function algorithmName(algorithm: TsigAlgorithm): Name {
  return algorithmNames.get(algorithm)!;
}

function timeOctets(seconds: number): Uint8Array {
  const writer = new Writer(6);
  writer.u48(seconds);
  return writer.done();
}
