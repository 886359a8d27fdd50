/**
 * EDNS(0), RFC 6891: the OPT pseudo-record, whose class and TTL carry other things. It stands in the
 * additional section, once, at the root; `message.ts` sees to that.
 */
import { EdnsOption as OptionCode, type Rcode, Type } from "./constants.ts";
import { Reader } from "./reader.ts";
import type { ResourceRecord } from "./record.ts";
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

/** What an OPT record says; its class and TTL are not what they are elsewhere. */
export function readEdns(opt: ResourceRecord): Edns {
  const [octets] = opt.rdata.values;
  return {
    udpSize: opt.class,
    version: (opt.ttl >>> 16) & 0xff,
    dnssecOk: (opt.ttl & 0x8000) !== 0,
    options: octets instanceof Uint8Array ? readOptions(octets) : [],
  };
}

function readOptions(octets: Uint8Array): EdnsOption[] {
  const reader = new Reader(octets);
  const options: EdnsOption[] = [];
  while (reader.left > 0) options.push({ code: reader.u16(), data: reader.take(reader.u16()) });
  return options;
}

/** The upper eight bits of the response code, in their place (RFC 6891 §6.1.3). */
export function extendedRcode(opt: ResourceRecord): Rcode {
  return (opt.ttl >>> 24) << 4;
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

//---- What a responder says ----

/** Octets by UDP without EDNS (RFC 1035 §4.2.1), and the least an OPT record can mean (RFC 6891 §6.2.3). */
export const PLAIN_UDP_SIZE = 512;

/**
 * The most octets sent and asked for by UDP: an IPv6 packet of 1,280 octets carries them in one piece
 * (RFC 9715 §3.1 R3, DNS Flag Day 2020).
 */
export const UDP_SIZE = 1232;

/** The most octets of a response by UDP to who sent this OPT record, or none. */
export function udpLimit(asked: Edns | undefined): number {
  if (asked === undefined) return PLAIN_UDP_SIZE;
  return Math.max(PLAIN_UDP_SIZE, Math.min(asked.udpSize, UDP_SIZE));
}

/** The OPT record in response to `asked`: version 0, DO copied (RFC 3225 §3), no other flag. */
export function ednsReply(asked: Edns, options: readonly EdnsOption[] = []): Edns {
  return { udpSize: UDP_SIZE, version: 0, dnssecOk: asked.dnssecOk, options };
}

/** INFO-CODEs of extended DNS errors (RFC 8914 §4). */
export const ExtendedError = { PROHIBITED: 18, NOT_AUTHORITATIVE: 20, NOT_SUPPORTED: 21 } as const;

/** The option that says why (RFC 8914 §2). */
export function extendedError(code: number, text = ""): EdnsOption {
  const data = Buffer.from([code >> 8, code & 0xff, ...Buffer.from(text)]);
  return { code: OptionCode.EXTENDED_ERROR, data };
}
