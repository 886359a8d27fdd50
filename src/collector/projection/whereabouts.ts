/**
 * Whether a host has an address in some networks, worked out once for each: thousands of services may name
 * one host, and that host may claim thousands of addresses.
 */
import type { NameKey } from "../../dns/name.ts";
import { obtain } from "../obtain.ts";
import { isOn, type Subnet } from "../subnets.ts";

export class Whereabouts {
  readonly #addressesOf: (host: NameKey) => Iterable<Uint8Array>;
  readonly #known = new Map<readonly Subnet[], Map<NameKey, boolean>>();

  /** The addresses must stay the same for as long as this is used. */
  constructor(addressesOf: (host: NameKey) => Iterable<Uint8Array>) {
    this.#addressesOf = addressesOf;
  }

  /** True if one of the addresses of this host is in one of these networks. */
  isIn(host: NameKey, networks: readonly Subnet[]): boolean {
    const known = obtain(this.#known, networks, () => new Map());
    return obtain(known, host, () => {
      for (const address of this.#addressesOf(host)) if (isOn(networks, address)) return true;
      return false;
    });
  }
}
