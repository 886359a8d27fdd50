/**
 * What to ask for on a link, derived from what its cache holds (RFC 6763 §4, §7.1, §9):
 *
 *     _services._dns-sd._udp ─PTR→ types ─PTR→ instances ─SRV→ hosts ─A, AAAA→ addresses
 *                                                 └─TXT, and what `extratypes.ts` adds
 *
 * A type counts however it was heard of. It is asked for again and again, since a new instance may appear
 * at any time. Everything else is asked for only while it is missing, and no more at once than one source
 * may make us ask; what a service needs comes first, as the rest may be missing for ever. Nothing outside
 * `.local` is ever asked for (RFC 6762 §3).
 */
import { ADDRESS_TYPES, Type } from "../../dns/constants.ts";
import type { Name, NameKey } from "../../dns/name.ts";
import { targetOf } from "../../dns/rdata.ts";
import { LOCAL, parseInstance, parseServiceType, serviceTypesName } from "../../dns/service.ts";
import type { Family } from "../../net/links/link.ts";
import type { LinkCache } from "./cache.ts";
import { recordTypesOf } from "./extratypes.ts";
import type { HeardSet } from "./heard.ts";
import { subtypesOf } from "./subtypes.ts";

export interface WantedQuestion {
  readonly name: Name;
  readonly type: number;
  /** Who gave rise to the question, "" for ourselves. */
  readonly source: string;
}

export interface Interest {
  /** To be asked until answered, those of type PTR for ever. */
  readonly questions: readonly WantedQuestion[];
  /** To be kept fresh (RFC 6762 §5.2); no other set may be refreshed. */
  readonly sets: ReadonlySet<HeardSet>;
}

export interface BrowseOptions {
  /** Service types and subtypes of `.local` to ask for in any case. */
  readonly types: readonly Name[];
  /** Those the link speaks. */
  readonly families: readonly Family[];
  /** Asks only for these names of `.local` and what they lead to. */
  readonly only?: readonly Name[] | undefined;
}

export function interestIn(cache: LinkCache, options: BrowseOptions): Interest {
  const walk = new Walk(cache, options.families);
  if (options.only !== undefined) {
    for (const name of options.only) walk.follow(name);
    walk.askForTheRest();
    return walk;
  }
  walk.browse(TYPES, "");
  for (const type of options.types) walk.browse(type, "");
  for (const { rdata, source } of cache.set(TYPES.key, Type.PTR)?.records.values() ?? []) {
    walk.browse(targetOf(rdata), source);
  }
  for (const set of cache.ofType(Type.PTR)) walk.browse(set.name, sourceOf(set));
  for (const set of cache.ofType(Type.SRV)) {
    if (walk.hasResolved(set.name)) continue;
    const type = parseInstance(set.name)?.type;
    if (type === undefined || !type.isUnder(LOCAL)) continue;
    walk.browse(type, sourceOf(set));
    walk.resolve(set.name, recordTypesOf(type), sourceOf(set));
  }
  walk.askForTheRest();
  return walk;
}

class Walk implements Interest {
  readonly questions: WantedQuestion[] = [];
  readonly sets = new Set<HeardSet>();
  readonly #cache: LinkCache;
  readonly #families: readonly Family[];
  readonly #types = new Set<NameKey>();
  readonly #instances = new Set<NameKey>();
  /** Separate from `#instances`: a service may be its own host, or named as another's. */
  readonly #hosts = new Set<NameKey>();
  /** What is asked for last, as far as the source's share allows. */
  readonly #rest: WantedQuestion[] = [];
  /** The number of questions by source. */
  readonly #shares = new Map<string, number>();

  constructor(cache: LinkCache, families: readonly Family[]) {
    this.#cache = cache;
    this.#families = families;
  }

  hasResolved(name: Name): boolean {
    return this.#instances.has(name.key);
  }

  /** Follows a list of services, a service, or else a host. */
  follow(name: Name): void {
    const type = parseInstance(name)?.type;
    if (parseServiceType(name) !== undefined || name.equals(TYPES)) {
      this.browse(name, "");
    } else if (type !== undefined) {
      this.#ask(type, Type.PTR, "");
      this.resolve(name, recordTypesOf(type), "");
    } else {
      this.#locate(name, "", MAX_ALIASES);
    }
  }

  /** If the name is a service type or subtype, asks for its instances and for its type. */
  browse(name: Name | undefined, source: string): void {
    if (name === undefined || this.#types.has(name.key)) return;
    const type = parseServiceType(name)?.type;
    if (type?.parent?.parent?.equals(LOCAL) !== true && !name.equals(TYPES)) return;
    this.#types.add(name.key);
    this.#ask(name, Type.PTR, source);
    const set = this.#cache.set(name.key, Type.PTR);
    if (set !== undefined) this.sets.add(set);
    if (type === undefined) return;
    const records = recordTypesOf(type);
    for (const { rdata, source } of set?.records.values() ?? []) {
      const instance = targetOf(rdata)!;
      if (instance.isUnder(LOCAL)) this.resolve(instance, records, source);
    }
    this.browse(type, source);
    for (const subtype of subtypesOf(name)) this.browse(subtype, source);
  }

  resolve(instance: Name, records: readonly number[], source: string): void {
    if (!this.#visit(instance, this.#instances)) return;
    this.#want(instance, Type.SRV, source);
    this.#want(instance, Type.TXT, source);
    for (const type of records) this.#want(instance, type, source, true);
    for (const { rdata, source } of this.#records(instance, Type.SRV)) {
      this.#locate(targetOf(rdata)!, source, MAX_ALIASES);
    }
  }

  #locate(host: Name, source: string, aliases: number): void {
    if (aliases < 0 || !host.isUnder(LOCAL) || !this.#visit(host, this.#hosts)) return;
    // A service's name is never an alias, whatever is claimed.
    const isService = parseInstance(host) !== undefined;
    const alias = isService ? undefined : this.#cache.set(host.key, Type.CNAME);
    if (alias === undefined) {
      const isFound = ADDRESS_TYPES.some((type) => this.#cache.set(host.key, type) !== undefined);
      for (const type of ADDRESS_TYPES) this.#want(host, type, source, isFound);
    } else {
      for (const { rdata, source } of alias.records.values()) {
        this.#locate(targetOf(rdata)!, source, aliases - 1);
      }
    }
  }

  /** False if the name was visited before. Whatever is known of it is kept fresh. */
  #visit(name: Name, visited: Set<NameKey>): boolean {
    if (visited.has(name.key)) return false;
    visited.add(name.key);
    for (const set of this.#cache.at(name.key)?.sets.values() ?? []) {
      if (set.type !== Type.NSEC) this.sets.add(set);
    }
    return true;
  }

  askForTheRest(): void {
    for (const { name, type, source } of this.#rest) this.#ask(name, type, source);
  }

  #want(name: Name, type: number, source: string, canBeMissing = false): void {
    if (this.#cache.set(name.key, type) !== undefined) return;
    if (this.#cache.isDenied(name.key, type, this.#families)) return;
    if (canBeMissing) this.#rest.push({ name, type, source });
    else this.#ask(name, type, source);
  }

  #ask(name: Name, type: number, source: string): void {
    const share = (this.#shares.get(source) ?? 0) + 1;
    if (share > MAX_SHARE) return;
    this.#shares.set(source, share);
    this.questions.push({ name, type, source });
  }

  #records(name: Name, type: number) {
    return this.#cache.set(name.key, type)?.records.values() ?? [];
  }
}

function sourceOf(set: HeardSet): string {
  for (const { source } of set.records.values()) return source;
  return "";
}

/** Open questions of one source: as many as go out in a second or so (RFC 8766 §9.3). */
const MAX_SHARE = 1000;
/** CNAMEs followed in a chain; honest hosts have one. */
export const MAX_ALIASES = 4;
/** `_services._dns-sd._udp.local.` (RFC 6763 §9). */
const TYPES = serviceTypesName(LOCAL)!;
