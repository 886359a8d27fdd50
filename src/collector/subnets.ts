/** The subnets of a link, derived from the addresses that this host has on it. */
import { addressOctets, baseAddress, hexOf, isLinkLocal } from "../dns/address.ts";
import type { LinkAddress } from "../net/links/link.ts";

export interface Subnet {
  /** All host bits zero; 4 or 16 octets. */
  readonly base: Uint8Array;
  /** Bits. */
  readonly prefix: number;
}

/**
 * The subnets that are not link-local and have room for more than one address: each once, IPv4 first, in an
 * order that is the same on every host of the link.
 */
export function subnetsOf(addresses: readonly LinkAddress[]): Subnet[] {
  const subnets = new Map<string, Subnet>();
  for (const { address, prefix } of addresses) {
    const octets = addressOctets(address);
    if (isLinkLocal(octets) || prefix >= octets.length * 8) continue;
    const base = baseAddress(octets, prefix);
    subnets.set(`${hexOf(base)}/${prefix}`, { base, prefix });
  }
  return [...subnets.values()].sort(
    (a, b) =>
      a.base.length - b.base.length || Buffer.compare(a.base, b.base) || a.prefix - b.prefix,
  );
}

/** True if the address with these octets is in one of the subnets. */
export function isOn(subnets: readonly Subnet[], address: Uint8Array): boolean {
  return subnets.some((subnet) => contains(subnet, address));
}

function contains({ base, prefix }: Subnet, address: Uint8Array): boolean {
  if (base.length !== address.length) return false;
  const whole = prefix >> 3;
  for (let i = 0; i < whole; i++) if (base[i] !== address[i]) return false;
  const rest = prefix & 7;
  return rest === 0 || (base[whole]! ^ address[whole]!) >> (8 - rest) === 0;
}
