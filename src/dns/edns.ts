/**
 * EDNS(0), RFC 6891: the OPT pseudo-record, whose class and TTL carry other values. It appears once, in
 * the additional section, at the root; `message.ts` ensures that.
 */
import { OptionCode, type Rcode, Type } from "./constants.ts";
import { Reader } from "./reader.ts";
import type { ResourceRecord } from "./record.ts";
import type { Writer } from "./writer.ts";

/** The OPT pseudo-record (RFC 6891 §6.1); its part of the response code is in `Message.rcode`. */
export interface Edns {
  /** Octets that the sender accepts by UDP, as sent. */
  readonly udpSize: number;
  readonly version: number;
  /** DNSSEC OK (RFC 3225). */
  readonly dnssecOk: boolean;
  /** Compact Answers OK (RFC 9824 §5.1). */
  readonly compactOk?: boolean;
  readonly options: readonly EdnsOption[];
}

export interface EdnsOption {
  readonly code: number;
  readonly data: Uint8Array;
}

/** Flags (RFC 3225 §3, RFC 9824 §5.1). */
const DO = 0x8000;
const CO = 0x4000;

/** Decodes an OPT record, whose class and TTL have other meanings than elsewhere. */
export function readEdns(opt: ResourceRecord): Edns {
  const [octets] = opt.rdata.values;
  return {
    udpSize: opt.class,
    version: (opt.ttl >>> 16) & 0xff,
    dnssecOk: (opt.ttl & DO) !== 0,
    ...((opt.ttl & CO) !== 0 && { compactOk: true }),
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

/** Octets of the whole record; with padding, the fewest, since the padding may be empty. */
export function ednsLength({ options }: Edns, padding?: Padding): number {
  const least = padding === undefined ? 11 : 11 + OPTION_HEADER;
  return options.reduce((sum, { data }) => sum + OPTION_HEADER + data.length, least);
}

/** Octets of an option before its data (RFC 6891 §6.1.2). */
const OPTION_HEADER = 4;

/** What fills a message to a whole number of blocks, if its limit allows (RFC 7830 §3). */
export interface Padding {
  readonly block: number;
  /** The most octets of the message, without those that follow the OPT record. */
  readonly limit: number;
  /** Octets that follow the OPT record. */
  readonly reserve: number;
}

/** Writes the OPT record, which must be the last one written. */
export function writeEdns(writer: Writer, edns: Edns, rcode: Rcode, padding?: Padding): void {
  const length = writer.length + ednsLength(edns, padding);
  writer.u8(0);
  writer.u16(Type.OPT);
  writer.u16(edns.udpSize);
  writer.u8(rcode >> 4);
  writer.u8(edns.version);
  writer.u16((edns.dnssecOk ? DO : 0) | (edns.compactOk ? CO : 0));
  writer.withLength(() => {
    for (const option of edns.options) {
      writer.u16(option.code);
      writer.u16(option.data.length);
      writer.bytes(option.data);
    }
    if (padding !== undefined) {
      writer.u16(OptionCode.PADDING);
      writer.withLength(() => writer.bytes(Buffer.alloc(paddingAfter(length, padding))));
    }
  });
}

function paddingAfter(length: number, { block, limit, reserve }: Padding): number {
  const whole = Math.ceil((length + reserve) / block) * block;
  return Math.min(whole - reserve, limit) - length;
}

/** The data of the first option with this code; undefined if there is none. */
export function optionOf(edns: Edns | undefined, code: number): Uint8Array | undefined {
  return edns?.options.find((option) => option.code === code)?.data;
}

//---- What a responder says ----

/** Octets by UDP without EDNS (RFC 1035 §4.2.1), and the least an OPT record can mean (RFC 6891 §6.2.3). */
const PLAIN_UDP_SIZE = 512;

/**
 * The most octets sent and requested by UDP: an IPv6 packet of 1,280 octets carries them unfragmented
 * (RFC 9715 §3.1 R3, DNS Flag Day 2020).
 */
export const UDP_SIZE = 1232;

/** Octets: the length of a padded response is a multiple of this (RFC 8467 §4.1). */
export const PADDED_BLOCK = 468;

/** The most octets of a UDP response to a request with this OPT record, or without one. */
export function udpLimit(asked: Edns | undefined): number {
  if (asked === undefined) return PLAIN_UDP_SIZE;
  return Math.max(PLAIN_UDP_SIZE, Math.min(asked.udpSize, UDP_SIZE));
}

/** The OPT record in response to `asked`: version 0, DO copied (RFC 3225 §3), no other flag. */
export function ednsReply(asked: Edns, options: readonly EdnsOption[] = []): Edns {
  return { udpSize: UDP_SIZE, version: 0, dnssecOk: asked.dnssecOk, options };
}

/** Adds an option to those in the OPT record of a Handler; nothing else in that record is the Handler's. */
export function withOption(edns: Edns | undefined, option: EdnsOption): Edns {
  const said = edns ?? { udpSize: 0, version: 0, dnssecOk: false, options: [] };
  return { ...said, options: [...said.options, option] };
}

/** INFO-CODEs of extended DNS errors (RFC 8914 §4, RFC 9824 §9). */
export const ExtendedError = {
  PROHIBITED: 18,
  NOT_AUTHORITATIVE: 20,
  NOT_SUPPORTED: 21,
  INVALID_QUERY_TYPE: 30,
} as const;

/** The option that tells the reason (RFC 8914 §2). */
export function extendedError(code: number, text = ""): EdnsOption {
  const data = Buffer.from([code >> 8, code & 0xff, ...Buffer.from(text)]);
  return { code: OptionCode.EXTENDED_ERROR, data };
}
