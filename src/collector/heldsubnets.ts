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
  /** When those that it has lost end. */
  #end = Number.POSITIVE_INFINITY;

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
    if (addresses === this.#addresses && now < this.#end) return false;
    this.#addresses = addresses;
    const own = subnetsOf(addresses);
    const lost = this.#all.filter(({ base }) => !own.some((one) => isOfFamily(one, base)));
    const end = Math.min(this.#end, now + this.#grace);
    const held = now < end ? lost : [];
    this.#end = held.length > 0 ? end : Number.POSITIVE_INFINITY;
    this.#all = [...own, ...held].sort((a, b) => a.base.length - b.base.length);
    return true;
  }
}

function isOfFamily({ base }: Subnet, { length }: Uint8Array): boolean {
  return base.length === length;
}
