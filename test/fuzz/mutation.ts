/**
 * Datagrams no honest program sends, made from a seed: random octets, and well-formed messages with
 * a few things done to them that parsers are known to trip over. The same seed gives the same
 * datagrams.
 */

/** Mutates a datagram, in place or by replacing it. */
type Mutation = (datagram: Buffer, chance: Chance, corpus: readonly Buffer[]) => Buffer;

export class Mutator {
  readonly chance: Chance;
  readonly #corpus: readonly Buffer[];

  constructor(seed: number, corpus: readonly Buffer[]) {
    this.chance = new Chance(seed);
    this.#corpus = corpus;
  }

  /** The next datagram, in memory of its own, of 0 to `MAX_LENGTH` octets. */
  next(): Buffer {
    if (this.chance.below(RANDOM_SHARE) === 0) return randomOctets(this.chance);
    return this.nextOfAnyLength().subarray(0, MAX_LENGTH);
  }

  /** As for a stream: a message of the corpus, mutated, of any length. */
  nextOfAnyLength(): Buffer {
    return this.damaged(this.chance.one(this.#corpus));
  }

  /** Mutates a copy; one in a few stays as it was, so that there is something for the others to damage. */
  damaged(octets: Buffer): Buffer {
    let datagram: Buffer = Buffer.from(octets);
    for (let times = this.chance.below(4); times > 0; times--) {
      datagram = this.chance.one(mutations)(datagram, this.chance, this.#corpus);
    }
    return datagram;
  }
}

/** An Ethernet frame holds this much; larger ones are cut, so that no time goes into fragments. */
const MAX_LENGTH = 1472;
/** One datagram in so many is random octets throughout. */
const RANDOM_SHARE = 8;
const HEADER = 12;

/** Octets that mean something: ends, limits, label types, types, classes. */
const OCTETS = [0, 1, 2, 4, 12, 16, 28, 33, 41, 47, 63, 64, 0x7f, 0x80, 0xbf, 0xc0, 0xff];
const NUMBERS = [0, 1, 2, 3, 11, 12, 63, 64, 255, 256, 0x3fff, 0x7fff, 0x8001, 0xc00c, 0xffff];

const mutations: readonly Mutation[] = [
  function flipBits(datagram, chance) {
    for (let times = 1 + chance.below(8); times > 0 && datagram.length > 0; times--) {
      datagram[chance.below(datagram.length)]! ^= 1 << chance.below(8);
    }
    return datagram;
  },

  function setOctets(datagram, chance) {
    for (let times = 1 + chance.below(4); times > 0 && datagram.length > 0; times--) {
      datagram[chance.below(datagram.length)] = chance.one(OCTETS);
    }
    return datagram;
  },

  /** Lengths, counts, types and classes are 16 bits wide, and stand anywhere. */
  function setNumber(datagram, chance) {
    if (datagram.length < 2) return datagram;
    datagram.writeUInt16BE(chance.one(NUMBERS), chance.below(datagram.length - 1));
    return datagram;
  },

  function setCount(datagram, chance) {
    if (datagram.length < HEADER) return datagram;
    datagram.writeUInt16BE(chance.one(NUMBERS), 4 + 2 * chance.below(4));
    return datagram;
  },

  function setFlags(datagram, chance) {
    if (datagram.length < HEADER) return datagram;
    datagram[2 + chance.below(2)] = chance.below(256);
    return datagram;
  },

  /** A pointer to itself, forward, into the header, or to somewhere before. */
  function setPointer(datagram, chance) {
    if (datagram.length < HEADER + 2) return datagram;
    const at = HEADER + chance.below(datagram.length - HEADER - 1);
    const target = chance.one([at, at + 1, at - 1, at - 2, chance.below(HEADER), chance.below(at)]);
    datagram.writeUInt16BE(0xc000 | (target & 0x3fff), at);
    return datagram;
  },

  /** Makes an existing pointer lead elsewhere. */
  function bendPointer(datagram, chance) {
    const at = datagram.indexOf(0xc0, chance.below(Math.max(1, datagram.length)));
    if (at >= 0 && at + 1 < datagram.length) datagram[at + 1] = chance.below(256);
    return datagram;
  },

  function truncate(datagram, chance) {
    return datagram.subarray(0, chance.below(datagram.length + 1));
  },

  function append(datagram, chance) {
    return Buffer.concat([datagram, randomOctets(chance).subarray(0, 1 + chance.below(64))]);
  },

  function splice(datagram, chance, corpus) {
    const other = chance.one(corpus);
    const head = datagram.subarray(0, chance.below(datagram.length + 1));
    return Buffer.concat([head, other.subarray(chance.below(other.length + 1))]);
  },

  function remove(datagram, chance) {
    const from = chance.below(datagram.length + 1);
    return Buffer.concat([
      datagram.subarray(0, from),
      datagram.subarray(from + 1 + chance.below(16)),
    ]);
  },

  function repeat(datagram, chance) {
    const from = chance.below(datagram.length + 1);
    const part = datagram.subarray(from, from + 1 + chance.below(64));
    const times = Array.from({ length: 1 + chance.below(16) }, () => part);
    return Buffer.concat([datagram.subarray(0, from), ...times, datagram.subarray(from)]);
  },
];

/** Half of them after a plausible header. */
function randomOctets(chance: Chance): Buffer {
  const datagram = Buffer.allocUnsafe(chance.below(chance.below(8) === 0 ? MAX_LENGTH : 100));
  for (let i = 0; i < datagram.length; i++) datagram[i] = chance.below(256);
  if (chance.below(2) === 0 && datagram.length >= HEADER) {
    datagram.writeUInt16BE(chance.one([0, 0x0100, 0x8400, 0x2800, 0x2000]), 2);
    for (let at = 4; at < HEADER; at += 2) datagram.writeUInt16BE(chance.below(3), at);
  }
  return datagram;
}

/** A quick generator of 32 bits (mulberry32). */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A whole number from 0 up to and without `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return Math.floor((((bits ^ (bits >>> 14)) >>> 0) / 0x100000000) * limit);
  }

  one<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
}
