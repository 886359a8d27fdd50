/**
 * Messages signed with a key that the gateway knows, so that their mutations get past the check of the
 * signature; and some whose signature itself is wrong (RFC 8945).
 */
import { Rcode } from "../../src/dns/constants.ts";
import { HEADER_LENGTH } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { FUDGE, signTsig, type TsigKey } from "../../src/dns/tsig.ts";
import { append, type Tsig } from "../support/tsig.ts";
import { SITE, unicastCorpus, updateCorpus } from "./corpus.ts";
import { Mutator } from "./mutation.ts";

/** The key of the site's collector. */
export const key: TsigKey = {
  name: Name.parse(`${SITE}.`),
  algorithm: "hmac-sha256",
  secret: Buffer.alloc(32, "the secret of the site"),
};

/** One body in so many is no update; one message in so many is damaged once signed, one has a wrong TSIG. */
const KINDS = 4;

export class SignedMutator {
  readonly #updates: Mutator;
  readonly #others: Mutator;

  constructor(seed: number) {
    this.#updates = new Mutator(seed, updateCorpus());
    this.#others = new Mutator(seed + 1, unicastCorpus());
  }

  /** The next message, signed at `now`, seconds since 1970. */
  next(now: number): Buffer {
    const { chance } = this.#updates;
    const body = (chance.below(KINDS) > 0 ? this.#updates : this.#others).next();
    // Without a header there is nothing to sign, and a full count has no room.
    if (body.length < HEADER_LENGTH || body.readUInt16BE(10) === 0xffff) return body;
    const { bytes, mac } = signTsig(body, key, { now });
    switch (chance.below(KINDS)) {
      case 0:
        return this.#updates.damaged(bytes);
      case 1:
        return append(body, { ...tsigOf(body, mac, now), ...chance.one(wrongFields(mac, now)) });
      default:
        return bytes;
    }
  }
}

function tsigOf(body: Buffer, mac: Uint8Array, time: number): Tsig {
  const algorithm = Name.parse(`${key.algorithm}.`);
  const [originalId, error, other] = [body.readUInt16BE(0), Rcode.NOERROR, new Uint8Array()];
  return { key: key.name, algorithm, time, fudge: FUDGE, mac, originalId, error, other };
}

function wrongFields(mac: Uint8Array, now: number): Partial<Tsig>[] {
  return [
    { key: Name.root },
    { key: Name.parse("nobody.") },
    { algorithm: Name.parse("hmac-md5.sig-alg.reg.int.") },
    { algorithm: Name.parse("hmac-sha512.") },
    { time: 0 },
    { time: now + 2 * FUDGE },
    { time: 2 ** 48 - 1 },
    { fudge: 0 },
    { fudge: 0xffff },
    { mac: new Uint8Array() },
    { mac: mac.subarray(0, 9) },
    { mac: mac.subarray(0, 16) },
    { mac: Buffer.alloc(2000, 1) },
    { originalId: 0xffff },
    { error: Rcode.BADTIME },
    { other: Buffer.alloc(6) },
    { other: Buffer.alloc(3000) },
  ];
}
