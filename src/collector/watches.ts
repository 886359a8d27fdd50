/**
 * What clients watch at sites whose links are asked on demand (RFC 8766 §5.6). The links are asked when a
 * watch begins, whatever is known, and nobody waits. A link that returns may have lost what was heard
 * there, so it is asked again for lists; everything else is asked for with the list that it is in.
 */
import type { Clock } from "../clock.ts";
import type { Name } from "../dns/name.ts";
import { parseServiceType } from "../dns/service.ts";
import { type Guest, makeRoom } from "../guests.ts";
import type { Harvest } from "./link/harvest.ts";

type Asked = Pick<Harvest, "inquire">;

export interface WatchesOptions {
  /** Those of the links in use at the site of this domain. */
  readonly harvestsAt: (domain: Name) => readonly Asked[];
  readonly clock: Clock;
  /** Milliseconds for which a question counts against its client. */
  readonly patience: number;
}

/** A question as it is put to the link. */
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

  /** Begins a watch, which lasts until the returned function is called. */
  begin(watch: Watch): () => void {
    this.#ask(watch, this.#options.harvestsAt(watch.domain));
    if (parseServiceType(watch.name) !== undefined) this.#lists.add(watch);
    return () => this.#lists.delete(watch);
  }

  /** To be called when these sites may have other links. */
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
    if (!makeRoom(this.#guests, client, MAX_ASKED)) return;
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

/** Questions at once. */
const MAX_ASKED = 200;
