/** Networks in CIDR notation, and whether an address lies in one of them. */
import { BlockList, isIPv4 } from "node:net";

export interface Prefix {
  readonly address: string;
  /** Bits: at most 32 or 128, by the address. */
  readonly length: number;
}

export class Networks {
  readonly #list = new BlockList();

  constructor(prefixes: Iterable<Prefix>) {
    for (const { address, length } of prefixes) {
      this.#list.addSubnet(address, length, isIPv4(address) ? "ipv4" : "ipv6");
    }
  }

  includes(address: string): boolean {
    if (isIPv4(address)) return this.#list.check(address, "ipv4");
    return this.#list.check(address.replace(/%.*/, ""), "ipv6");
  }
}

/**
 * Networks whose addresses mean nothing elsewhere: RFC 1918, ULA (RFC 4193), link-local (RFC 3927,
 * RFC 4291 §2.5.6). Not 100.64/10, which strangers share behind a carrier's translator (RFC 6598).
 */
export const PRIVATE: readonly Prefix[] = [
  { address: "10.0.0.0", length: 8 },
  { address: "172.16.0.0", length: 12 },
  { address: "192.168.0.0", length: 16 },
  { address: "169.254.0.0", length: 16 },
  { address: "fc00::", length: 7 },
  { address: "fe80::", length: 10 },
];

/** This host itself. */
export const LOOPBACK: readonly Prefix[] = [
  { address: "127.0.0.0", length: 8 },
  { address: "::1", length: 128 },
];
