/** The address and port of a DNS server or client, and their text form. */
import { isIP } from "node:net";
import { addressOctets, formatAddress } from "./address.ts";

export interface Endpoint {
  /** An IP address in text form; IPv4 is never in its mapped IPv6 form. */
  readonly address: string;
  readonly port: number;
}

/** "192.0.2.1:53", "[2001:db8::1]:53". */
export function formatEndpoint({ address, port }: Endpoint): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/**
 * Parses "192.0.2.1:53" or "[2001:db8::1]:53"; if there is a default port, also an address alone.
 * Undefined for other text.
 */
export function parseEndpoint(text: string, defaultPort?: number): Endpoint | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text);
  const bare = match?.[1] ?? match?.[2] ?? text;
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (isIP(bare) === 0 || port === undefined || port > 65535) return undefined;
  return { address: canonical(bare), port };
}

/** The canonical text of an address (RFC 5952 §4): `::0` is every address, as `::` is. */
function canonical(text: string): string {
  const [address = "", ...scope] = text.split("%");
  const octets = addressOctets(address);
  const isMapped = octets.length === 16 && MAPPED.equals(octets.subarray(0, MAPPED.length));
  return [formatAddress(isMapped ? octets.subarray(MAPPED.length) : octets), ...scope].join("%");
}

/** What precedes an IPv4 address in its mapped IPv6 form (RFC 4291 §2.5.5.2). */
const MAPPED = Buffer.from("00000000000000000000ffff", "hex");
