/**
 * What clients watch of sites whose links are asked on demand (RFC 8766 §5.6): a link is asked for it when
 * that begins, whatever is known of it, and nobody waits. Of a link that was away, what was heard there may be
 * forgotten, so it is asked again for lists; all else is asked for with the list that it is in.
 */
import type { Clock } from "../clock.ts";
import type { Name } from "../dns/name.ts";
import { parseServiceType } from "../dns/service.ts";
import { type Guest, makeRoom } from "./guests.ts";
import type { Harvest } from "./link/harvest.ts";

type Asked = Pick<Harvest, "inquire">;

export interface WatchesOptions {
  /** Of the site of this domain, those that are there now. */
  readonly harvestsAt: (domain: Name) => readonly Asked[];
  readonly clock: Clock;
  /** Milliseconds for which one who was asked for counts. */
  readonly patience: number;
}

/** A question as the link knows it. */
interface Watch {
  readonly domain: Name;
  /** In `local.` */
  readonly name: Name;
  readonly type: number;
  readonly client: string;
}

export class Watches {
  readonly #options: WatchesOptions;
  readonly #lists = new Set<Watch>();
  readonly #guests = new Set<Guest>();
  readonly #known = new WeakSet<Asked>();

  constructor(options: WatchesOptions) {
    this.#options = options;
  }

  /** Until what it gives is called. */
  begin(watch: Watch): () => void {
    this.#ask(watch, this.#options.harvestsAt(watch.domain));
    if (parseServiceType(watch.name) !== undefined) this.#lists.add(watch);
    return () => this.#lists.delete(watch);
  }

  /** There may be other links at these sites. */
  look(domains: readonly Name[]): void {
    for (const domain of domains) {
      const come = this.#options.harvestsAt(domain).filter((each) => !this.#known.has(each));
      if (come.length === 0) continue;
      for (const each of come) this.#known.add(each);
      for (const watch of this.#lists) if (watch.domain.equals(domain)) this.#ask(watch, come);
    }
  }

  end(): void {
    for (const { dismiss } of this.#guests) dismiss();
  }

  #ask({ name, type, client }: Watch, harvests: readonly Asked[]): void {
    if (!makeRoom(this.#guests, client)) return;
    const { clock, patience } = this.#options;
    const dismiss = () => {
      cancel();
      this.#guests.delete(guest);
    };
    const guest = { client, dismiss };
    const cancel = clock.at(clock.now() + patience, dismiss);
    this.#guests.add(guest);
    for (const harvest of harvests) harvest.inquire(name, [type], client);
  }
}
