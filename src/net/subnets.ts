/** What the addresses of interfaces tell: where they are, and by which of them they are known. */
import { BlockList } from "node:net";
import type { Interface } from "./interfaces.ts";
import type { Family, LinkAddress } from "./link.ts";

/** The prefixes of these interfaces. */
export function subnets(interfaces: readonly Interface[]): BlockList {
  const list = new BlockList();
  for (const { address, prefix, family } of interfaces.flatMap((one) => one.addresses)) {
    list.addSubnet(address, prefix, `ipv${family}`);
  }
  return list;
}

/** Has the interface an address in one of these, but for link-local ones? */
export function isIn(list: BlockList, itself: Interface): boolean {
  return lastingAddresses(itself).some(({ address, family }) =>
    list.check(address, `ipv${family}`),
  );
}

/** Link-local ones are the same everywhere. */
export function lastingAddresses({ addresses }: Interface): LinkAddress[] {
  return addresses.filter(({ address }) => !/^(fe80:|169\.254\.)/.test(address));
}

/**
 * Packets leave from one address: in IPv6 the link-local one, if there is one. In IPv4 sockets know
 * the interface by it, so it is none that another interface has too.
 */
export function speakingAddress(
  { addresses }: Interface,
  family: Family,
  others: readonly Interface[],
): string | undefined {
  const own = addresses.filter((one) => one.family === family);
  if (family === 4) return own.find(({ address }) => !isAddressOf(others, address))?.address;
  return (own.find((one) => one.address.startsWith("fe80:")) ?? own[0])?.address;
}

function isAddressOf(interfaces: readonly Interface[], address: string): boolean {
  return interfaces.some(({ addresses }) => addresses.some((one) => one.address === address));
}
