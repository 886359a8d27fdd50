/**
 * Who has filled a bounded store, and who has to make room. Every source may have its share, one
 * 512th of the whole, and nobody takes that from it. Whoever has more makes room for whoever comes:
 * first the one that has most, with what it has not repeated for longest. So a flood costs those it
 * comes from, be it one address or every address of a subnet, and a newcomer is heard meanwhile.
 *
 * Only where nobody has more than a share, and that takes more addresses than there are shares, is
 * nobody to blame: then those who were there stay, and newcomers wait.
 */
import { AgedMap } from "../../agedmap.ts";
import { Heap, type Ranked } from "../../heap.ts";
import { obtain } from "../obtain.ts";

export interface Entered {
  readonly source: string;
  readonly octets: number;
}

export class Ledger<T extends Entered> {
  readonly #limit: number;
  readonly #accounts = new Map<string, Account<T>>();
  readonly #largest = new Heap<Account<T>>();
  #octets = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get octets(): number {
    return this.#octets;
  }

  /** Could something of this size be in it at all? Nothing larger than a share could. */
  takes(octets: number): boolean {
    return octets < this.#limit / SHARES;
  }

  hasRoom(octets: number): boolean {
    return this.#octets + octets <= this.#limit;
  }

  /** What has to go next, if anything. */
  get victim(): T | undefined {
    const largest = this.#largest.first;
    if (largest === undefined || -largest.rank < this.#limit / SHARES) return undefined;
    return largest.items.oldest?.value;
  }

  enter(item: T): void {
    const account = obtain(this.#accounts, item.source, () => new Account<T>());
    account.items.set(item, item);
    this.#octets += item.octets;
    this.#largest.place(account, account.rank - item.octets);
  }

  /** Its source has said it again. */
  repeat(item: T): void {
    const { items } = this.#accounts.get(item.source)!;
    items.delete(item);
    items.set(item, item);
  }

  leave(item: T): void {
    const account = this.#accounts.get(item.source)!;
    account.items.delete(item);
    this.#octets -= item.octets;
    this.#largest.place(account, account.rank + item.octets);
    if (account.items.size > 0) return;
    this.#largest.remove(account);
    this.#accounts.delete(item.source);
  }
}

class Account<T> implements Ranked {
  /** Longest not repeated first. */
  readonly items = new AgedMap<T, T>();
  /** The octets it has filled, below zero, so that the largest is first. */
  rank = 0;
  index = -1;
}

/** Of the link's cache, one is some forty-five records: more than most devices have to say. */
const SHARES = 512;
