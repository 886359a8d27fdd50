/** Numbers from the IANA "Domain Name System Parameters" registry that this program or its tests use. */

export const Type = {
  A: 1,
  NS: 2,
  MD: 3,
  MF: 4,
  CNAME: 5,
  SOA: 6,
  MB: 7,
  MG: 8,
  MR: 9,
  NULL: 10,
  WKS: 11,
  PTR: 12,
  HINFO: 13,
  MINFO: 14,
  MX: 15,
  TXT: 16,
  RP: 17,
  AFSDB: 18,
  RT: 21,
  SIG: 24,
  KEY: 25,
  PX: 26,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  KX: 36,
  DNAME: 39,
  OPT: 41,
  DS: 43,
  SSHFP: 44,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  TLSA: 52,
  CDS: 59,
  CDNSKEY: 60,
  SVCB: 64,
  HTTPS: 65,
  /** In an NSEC: the name does not exist (RFC 9824 §3.1). */
  NXNAME: 128,
  TKEY: 249,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  MAILB: 253,
  MAILA: 254,
  ANY: 255,
  CAA: 257,
} as const;

export const Class = { IN: 1, CH: 3, HS: 4, NONE: 254, ANY: 255 } as const;

export const Opcode = { QUERY: 0, STATUS: 2, NOTIFY: 4, UPDATE: 5, DSO: 6 } as const;

/** Response codes; those above 15 need EDNS(0) or a TSIG record. */
export const Rcode = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6,
  YXRRSET: 7,
  NXRRSET: 8,
  NOTAUTH: 9,
  NOTZONE: 10,
  DSOTYPENI: 11,
  BADVERS: 16,
  BADSIG: 16,
  BADKEY: 17,
  BADTIME: 18,
  BADTRUNC: 22,
  BADCOOKIE: 23,
} as const;
export type Rcode = number;

/** Codes of EDNS(0) options (RFC 6891 §9). */
export const OptionCode = {
  UPDATE_LEASE: 2,
  NSID: 3,
  CLIENT_SUBNET: 8,
  EXPIRE: 9,
  COOKIE: 10,
  TCP_KEEPALIVE: 11,
  PADDING: 12,
  EXTENDED_ERROR: 15,
  ZONEVERSION: 19,
} as const;

/** For UDP and TCP (RFC 1035 §4.2). */
export const DNS_PORT = 53;

const typeNames = new Map<number, string>(Object.entries(Type).map(([name, type]) => [type, name]));
const rcodeNames = new Map<number, string>(
  Object.entries(Rcode)
    .filter(([name]) => name !== "BADSIG")
    .map(([name, rcode]) => [rcode, name]),
);

/** True for types of records in a zone; others occur in questions or are about a message (RFC 6895 §3.1). */
export function isDataType(type: number): boolean {
  return type !== 0 && type !== Type.OPT && (type < 128 || type > 255);
}

/** The types of a host's addresses. */
export const ADDRESS_TYPES: readonly number[] = [Type.A, Type.AAAA];

export function isAddressType(type: number): boolean {
  return type === Type.A || type === Type.AAAA;
}

/** "SRV", or "TYPE65280" (RFC 3597 §5). */
export function typeName(type: number): string {
  return typeNames.get(type) ?? `TYPE${type}`;
}

/** The number of "SRV" or "TYPE65280", in any case; undefined when it is neither. */
export function parseType(text: string): number | undefined {
  const name = text.toUpperCase();
  const known = (Type as Readonly<Record<string, number>>)[name];
  return known ?? parseNumbered("TYPE", name);
}

/** "IN", or "CLASS42" (RFC 3597 §5). */
export function className(value: number): string {
  return Object.entries(Class).find(([, number]) => number === value)?.[0] ?? `CLASS${value}`;
}

/** The number of "IN" or "CLASS42", in any case; undefined when it is neither. */
export function parseClass(text: string): number | undefined {
  const name = text.toUpperCase();
  return (Class as Readonly<Record<string, number>>)[name] ?? parseNumbered("CLASS", name);
}

/** "NXDOMAIN", or "RCODE4000". */
export function rcodeName(rcode: Rcode): string {
  return rcodeNames.get(rcode) ?? `RCODE${rcode}`;
}

function parseNumbered(prefix: string, text: string): number | undefined {
  if (!text.startsWith(prefix) || !/^\d{1,5}$/.test(text.slice(prefix.length))) return undefined;
  const number = Number(text.slice(prefix.length));
  return number <= 0xffff ? number : undefined;
}
