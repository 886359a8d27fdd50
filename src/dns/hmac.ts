/**
 * HMAC (RFC 2104) with a key that is prepared once: two hashes, one call each. Making and collecting a
 * `createHmac` object for each message would take three times as long as the hashing.
 */
import { hash } from "node:crypto";

/** Octets of a block (RFC 2104 §2) and of a digest (FIPS 180-4 §1). */
const lengths = {
  sha1: { block: 64, digest: 20 },
  sha224: { block: 64, digest: 28 },
  sha256: { block: 64, digest: 32 },
  sha384: { block: 128, digest: 48 },
  sha512: { block: 128, digest: 64 },
} as const;

export type HashAlgorithm = keyof typeof lengths;

/** Octets of a digest. */
export function hashLength(algorithm: HashAlgorithm): number {
  return lengths[algorithm].digest;
}

/** Octets of a block and a usual message. */
const USUAL = 1024;

export class Hmac {
  readonly #algorithm: HashAlgorithm;
  /** K XOR ipad, and room for a usual message. */
  readonly #inner: Buffer;
  /** K XOR opad, and room for the inner digest. */
  readonly #outer: Buffer;
  readonly #block: number;

  constructor(algorithm: HashAlgorithm, key: Uint8Array) {
    const { block, digest } = lengths[algorithm];
    const used = key.length > block ? hash(algorithm, key, "buffer") : key;
    this.#algorithm = algorithm;
    this.#block = block;
    this.#inner = Buffer.alloc(USUAL, 0x36);
    this.#outer = Buffer.alloc(block + digest, 0x5c);
    for (const [i, octet] of used.entries()) {
      this.#inner[i]! ^= octet;
      this.#outer[i]! ^= octet;
    }
  }

  digest(message: Uint8Array): Buffer {
    const end = this.#block + message.length;
    let inner: Buffer = this.#inner;
    if (end > inner.length) inner = Buffer.concat([inner.subarray(0, this.#block)], end);
    inner.set(message, this.#block);
    // As text, one unit an octet: a buffer for each digest would cost as much as the digest.
    const half = hash(this.#algorithm, inner.subarray(0, end), "binary");
    this.#outer.write(half, this.#block, "latin1");
    return Buffer.from(hash(this.#algorithm, this.#outer, "binary"), "latin1");
  }
}
