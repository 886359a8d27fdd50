/**
 * Keeps account of who fills a bounded store, and who has to make room. Every source is entitled to a
 * share, one 512th of the whole. Sources with more make room for newcomers: the largest first, with what it
 * has gone longest without repeating. So a flood costs those it comes from, be it one address or every
 * address of a subnet, and newcomers are heard meanwhile.
 *
 * If nobody has more than a share, which takes more addresses than there are shares, nobody is to blame:
 * then what is there stays, and newcomers wait.
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

  /** True if something of this size can be stored at all: nothing larger than a share can. */
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

  /** It has been heard again. */
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
  /** Longest unrepeated first. */
  readonly items = new AgedMap<T, T>();
  /** Minus the octets that it has filled, so that the largest is first. */
  rank = 0;
  index = -1;
}

/** In a link's cache, a share is some forty-five records: more than most devices have to say. */
const SHARES = 512;
