/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash of 64 bits, short and fast, with which DNS
 * servers make their cookies (RFC 9018 §4.4). A 64-bit word is kept as two of 32 bits, the upper first.
 */

/** The hash as eight octets, the lowest first; the key has sixteen. */
export function sipHash24(key: Uint8Array, message: Uint8Array): Uint8Array {
  const [k0l, k0h, k1l, k1h] = [word(key, 0), word(key, 4), word(key, 8), word(key, 12)];
  // The constants are the letters of "somepseudorandomlygeneratedbytes".
  const v = Int32Array.of(
    k0h ^ 0x736f6d65,
    k0l ^ 0x70736575,
    k1h ^ 0x646f7261,
    k1l ^ 0x6e646f6d,
    k0h ^ 0x6c796765,
    k0l ^ 0x6e657261,
    k1h ^ 0x74656462,
    k1l ^ 0x79746573,
  );
  const whole = message.length & ~7;
  for (let at = 0; at < whole; at += 8) compress(v, word(message, at + 4), word(message, at));
  const rest = new Uint8Array(8);
  rest.set(message.subarray(whole));
  rest[7] = message.length;
  compress(v, word(rest, 4), word(rest, 0));
  v[5]! ^= 0xff;
  for (let i = 0; i < 4; i++) round(v);
  const hash = Buffer.alloc(8);
  hash.writeInt32LE(v[1]! ^ v[3]! ^ v[5]! ^ v[7]!, 0);
  hash.writeInt32LE(v[0]! ^ v[2]! ^ v[4]! ^ v[6]!, 4);
  return hash;
}

/** Takes in one word of the message. */
function compress(v: Int32Array, high: number, low: number): void {
  v[6]! ^= high;
  v[7]! ^= low;
  round(v);
  round(v);
  v[0]! ^= high;
  v[1]! ^= low;
}

/** SipRound; the four words are at 0, 2, 4 and 6. */
function round(v: Int32Array): void {
  add(v, 0, 2);
  rotate(v, 2, 13);
  xor(v, 2, 0);
  rotate(v, 0, 32);
  add(v, 4, 6);
  rotate(v, 6, 16);
  xor(v, 6, 4);
  add(v, 0, 6);
  rotate(v, 6, 21);
  xor(v, 6, 0);
  add(v, 4, 2);
  rotate(v, 2, 17);
  xor(v, 2, 4);
  rotate(v, 4, 32);
}

function add(v: Int32Array, to: number, from: number): void {
  const low = (v[to + 1]! >>> 0) + (v[from + 1]! >>> 0);
  v[to] = v[to]! + v[from]! + (low > 0xffffffff ? 1 : 0);
  v[to + 1] = low;
}

function xor(v: Int32Array, to: number, from: number): void {
  v[to]! ^= v[from]!;
  v[to + 1]! ^= v[from + 1]!;
}

/** To the left. */
function rotate(v: Int32Array, at: number, bits: number): void {
  const [high, low] = [v[at]!, v[at + 1]!];
  v[at] = bits === 32 ? low : (high << bits) | (low >>> (32 - bits));
  v[at + 1] = bits === 32 ? high : (low << bits) | (high >>> (32 - bits));
}

/** Four octets, the lowest first. */
function word(octets: Uint8Array, at: number): number {
  return octets[at]! | (octets[at + 1]! << 8) | (octets[at + 2]! << 16) | (octets[at + 3]! << 24);
}
