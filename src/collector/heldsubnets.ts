/**
 * The subnets that a link is in. After its cable was out for a moment, a link gets its addresses back one
 * by one, and a DHCP address may go before its successor is there: so a link without a subnet of a family
 * keeps the former ones for a grace period. A new subnet of that family ends them at once.
 */
import type { LinkAddress } from "../net/links/link.ts";
import { type Subnet, subnetsOf } from "./subnets.ts";

export class HeldSubnets {
  readonly #grace: number;
  #addresses: readonly LinkAddress[] = [];
  #all: readonly Subnet[];
  /** When lost subnets expire, by the octets of their family's addresses. */
  readonly #ends = new Map<number, number>();

  /** `before` are the subnets of the link of this name that went a moment ago. */
  constructor(grace: number, before: readonly Subnet[] = []) {
    this.#grace = grace;
    this.#all = before;
  }

  get all(): readonly Subnet[] {
    return this.#all;
  }

  /** Takes the link's current addresses; true if the subnets may have changed. */
  look(addresses: readonly LinkAddress[], now: number): boolean {
    if (addresses === this.#addresses && now < Math.min(...this.#ends.values())) return false;
    this.#addresses = addresses;
    const own = subnetsOf(addresses);
    this.#all = [4, 16].flatMap((octets) => {
      const isOfFamily = ({ base }: Subnet) => base.length === octets;
      const there = own.filter(isOfFamily);
      const lost = there.length > 0 ? [] : this.#all.filter(isOfFamily);
      const end = lost.length > 0 ? (this.#ends.get(octets) ?? now + this.#grace) : now;
      if (now < end) this.#ends.set(octets, end);
      else this.#ends.delete(octets);
      return now < end ? lost : there;
    });
    return true;
  }
}
