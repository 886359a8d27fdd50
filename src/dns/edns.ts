/**
 * EDNS(0), RFC 6891: the OPT pseudo-record, whose class and TTL carry other things. It stands in the
 * additional section, once, at the root; `message.ts` sees to that.
 */
import { type Rcode, Type } from "./constants.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** The OPT pseudo-record (RFC 6891 §6.1); its part of the response code is in `Message.rcode`. */
export interface Edns {
  /** Octets the sender takes by UDP, as sent. */
  readonly udpSize: number;
  readonly version: number;
  /** DNSSEC OK (RFC 3225). */
  readonly dnssecOk: boolean;
  readonly options: readonly EdnsOption[];
}

export interface EdnsOption {
  readonly code: number;
  readonly data: Uint8Array;
}

/** `klass` and `ttl` are what stands where other records have those. */
export function readEdns(reader: Reader, klass: number, ttl: number, length: number): Edns {
  return reader.within(length, () => {
    const options: EdnsOption[] = [];
    while (reader.left > 0) {
      const code = reader.u16();
      options.push({ code, data: reader.take(reader.u16()).slice() });
    }
    return {
      udpSize: klass,
      version: (ttl >>> 16) & 0xff,
      dnssecOk: (ttl & 0x8000) !== 0,
      options,
    };
  });
}

/** Octets of the whole record. */
export function ednsLength(edns: Edns): number {
  return edns.options.reduce((sum, option) => sum + 4 + option.data.length, 11);
}

export function writeEdns(writer: Writer, edns: Edns, rcode: Rcode): void {
  writer.u8(0);
  writer.u16(Type.OPT);
  writer.u16(edns.udpSize);
  writer.u8(rcode >> 4);
  writer.u8(edns.version);
  writer.u16(edns.dnssecOk ? 0x8000 : 0);
  writer.withLength(() => {
    for (const option of edns.options) {
      writer.u16(option.code);
      writer.u16(option.data.length);
      writer.bytes(option.data);
    }
  });
}
