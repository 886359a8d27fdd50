/**
 * The subnets that a link is in. After a moment without a cable its addresses come back one after the
 * other, and one by DHCP may go before the next is there: so of a family that the link has no subnet of
 * any more, those that it was in are its own for its grace. Another one of that family ends them at once.
 */
import type { LinkAddress } from "../net/links/link.ts";
import { type Subnet, subnetsOf } from "./subnets.ts";

export class HeldSubnets {
  readonly #grace: number;
  #addresses: readonly LinkAddress[] = [];
  #all: readonly Subnet[];
  /** When those that it has lost end, by the octets of their family's addresses. */
  readonly #ends = new Map<number, number>();

  /** `before` is what a link of this name was in that went a moment ago. */
  constructor(grace: number, before: readonly Subnet[] = []) {
    this.#grace = grace;
    this.#all = before;
  }

  get all(): readonly Subnet[] {
    return this.#all;
  }

  /** With the addresses that the link has now; true where the subnets may be others. */
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
