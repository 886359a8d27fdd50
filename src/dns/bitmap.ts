/** Type bitmaps: sets of types as in NSEC and similar records (RFC 4034 §4.1.2). */
import { FormatError } from "./format.ts";

/** Windows must ascend and have 1 to 32 octets each. */
export function checkBitmap(bytes: Uint8Array): void {
  let window = -1;
  for (let at = 0; at < bytes.length; ) {
    const length = bytes[at + 1] ?? 0;
    if (bytes[at]! <= window || length < 1 || length > 32 || at + 2 + length > bytes.length) {
      throw new FormatError("a type bitmap is malformed");
    }
    window = bytes[at]!;
    at += 2 + length;
  }
}

/** True if a bitmap contains this type; does not decode the others. */
export function bitmapHas(bitmap: Uint8Array, type: number): boolean {
  const window = type >> 8;
  const octet = (type & 0xff) >> 3;
  let at = 0;
  while (at < bitmap.length && bitmap[at]! < window) at += 2 + bitmap[at + 1]!;
  if (bitmap[at] !== window || octet >= bitmap[at + 1]!) return false;
  return (bitmap[at + 2 + octet]! & (0x80 >> (type & 7))) !== 0;
}

/** The types in a bitmap, in ascending order. */
export function bitmapTypes(bitmap: Uint8Array): number[] {
  const types: number[] = [];
  for (let at = 0; at < bitmap.length; at += 2 + bitmap[at + 1]!) {
    for (let bit = 0; bit < bitmap[at + 1]! * 8; bit++) {
      if (bitmap[at + 2 + (bit >> 3)]! & (0x80 >> (bit & 7))) types.push(bitmap[at]! * 256 + bit);
    }
  }
  return types;
}

/** The bitmap of these types. */
export function typeBitmap(types: Iterable<number>): Uint8Array {
  const windows = new Map<number, Uint8Array>();
  for (const type of [...types].sort((a, b) => a - b)) {
    const window = windows.get(type >> 8) ?? new Uint8Array(32);
    window[(type & 0xff) >> 3]! |= 0x80 >> (type & 7);
    windows.set(type >> 8, window);
  }
  const parts = [...windows].map(([number, window]) => {
    const length = window.findLastIndex((byte) => byte !== 0) + 1;
    return Buffer.from([number, length, ...window.subarray(0, length)]);
  });
  return Uint8Array.from(Buffer.concat(parts));
}
