/** Networks in CIDR notation, and whether an address lies in one of them. */
import { BlockList, isIPv4 } from "node:net";
import type { Prefix } from "../dns/address.ts";

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

/** The loopback networks, whose addresses all mean this host. */
export const LOOPBACK: readonly Prefix[] = [
  { address: "127.0.0.0", length: 8 },
  { address: "::1", length: 128 },
];
