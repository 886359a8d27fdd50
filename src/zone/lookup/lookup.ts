/**
 * Looks up a zone's answer to a question: RFC 1034 §4.3.2 with the closest encloser and the wildcards
 * of RFC 4592, DNAME (RFC 6672), negative answers (RFC 2308) and additional records (RFC 6763 §12).
 * Pure: from one snapshot the same question gets the same answer.
 *
 * ANY gets every set of the name, of which only one is sent by UDP (RFC 8482 §4.1, §4.4).
 */
import { Rcode, Type } from "../../dns/constants.ts";
import type { Question } from "../../dns/message.ts";
import type { Name, NameKey } from "../../dns/name.ts";
import { rdata, targetOf } from "../../dns/rdata.ts";
import type { RecordSet } from "../../dns/record.ts";
import type { Snapshot } from "../snapshot.ts";
import { type Additionals, additionalsOf, glueOf } from "./additionals.ts";
import { isBrowseName } from "./browsing.ts";
import { findCut, keysDownTo } from "./cut.ts";

export interface Answer {
  readonly rcode: Rcode;
  /** AA, which applies to the first name in the answer (RFC 1035 §4.1.1, RFC 6604 §2.1). */
  readonly isAuthoritative: boolean;
  readonly answers: readonly RecordSet[];
  readonly authorities: readonly RecordSet[];
  /** Looked up when first read: whoever has no room for them need not read it. */
  readonly additionals: readonly RecordSet[];
  /**
   * The answer stays the same as long as nothing changes at or beneath these names, and no NS, DNAME or
   * wildcard comes or goes, since those affect other names than their own.
   */
  readonly names: readonly NameKey[];
  /**
   * True if it contains signatures or keys, which expire. NXDOMAIN is then proven by an NSEC at the name,
   * as if the name existed (RFC 9824 §3.1).
   */
  readonly isSigned?: boolean;
}

/** Answers a question of class IN. */
export function lookup(snapshot: Snapshot, { name, type }: Question): Answer {
  return new Search(snapshot, name, type);
}

/** Aliases followed in one answer. */
const MAX_ALIASES = 16;

class Search implements Answer {
  rcode: Rcode = Rcode.NOERROR;
  isAuthoritative = true;
  readonly answers: RecordSet[] = [];
  readonly authorities: RecordSet[] = [];
  readonly #snapshot: Snapshot;
  readonly #type: number;
  readonly #names: NameKey[] = [];
  #additionals: Additionals | undefined;

  constructor(snapshot: Snapshot, name: Name, type: number) {
    this.#snapshot = snapshot;
    this.#type = type;
    if (name.isUnder(snapshot.origin)) {
      this.#run(name);
    } else {
      this.rcode = Rcode.REFUSED;
      this.isAuthoritative = false;
    }
  }

  get additionals(): readonly RecordSet[] {
    return this.#along().sets;
  }

  get names(): readonly NameKey[] {
    return [...this.#names, ...this.#along().names];
  }

  #run(name: Name): void {
    const { origin } = this.#snapshot;
    let next = this.#step(name);
    if (next === undefined) return;
    const owners = new Set([name.key]);
    while (next?.isUnder(origin) && !owners.has(next.key) && owners.size <= MAX_ALIASES) {
      owners.add(next.key);
      next = this.#step(next);
    }
  }

  /** Answers for one name; returns the name to continue with if this one is an alias. */
  #step(name: Name): Name | undefined {
    const cut = findCut(this.#snapshot, name, this.#type);
    if (cut?.type === Type.NS) return this.#refer(cut);
    if (cut !== undefined) return this.#substitute(name, cut);
    const node = this.#snapshot.node(name.key);
    if (node === undefined) return this.#miss(name);
    this.#names.push(name.key);
    return this.#take(node.sets);
  }

  /** Answers from the sets at the name asked for: with that of the type, the alias, or none. */
  #take(sets: readonly RecordSet[]): Name | undefined {
    if (this.#type === Type.ANY && sets.length > 0) {
      this.answers.push(...sets);
      return undefined;
    }
    let alias: RecordSet | undefined;
    for (const set of sets) {
      if (set.type === this.#type) {
        this.answers.push(set);
        return undefined;
      }
      if (set.type === Type.CNAME) alias = set;
    }
    if (alias === undefined) return this.#deny(Rcode.NOERROR);
    this.answers.push(alias);
    return targetOf(alias.rdatas[0]!);
  }

  /** The name does not exist: a wildcard at the closest encloser answers, or nothing (RFC 4592 §3.3). */
  #miss(name: Name): Name | undefined {
    const snapshot = this.#snapshot;
    let encloser = snapshot.origin.key;
    for (const key of keysDownTo(name.key, encloser)) {
      if (snapshot.node(key) !== undefined) {
        encloser = key;
        continue;
      }
      const wildcard = `${encloser}\x01*` as NameKey;
      const source = snapshot.node(wildcard);
      if (source === undefined) break;
      this.#names.push(wildcard, key);
      return this.#take(source.sets.map((set) => ({ ...set, name })));
    }
    return this.#deny(isBrowseName(snapshot, name.key) ? Rcode.NOERROR : Rcode.NXDOMAIN);
  }

  /** NODATA or NXDOMAIN, for the last name of a chain of aliases (RFC 6604 §3). */
  #deny(rcode: Rcode): undefined {
    this.rcode = rcode;
    this.authorities.push(this.#snapshot.negativeSoa);
    this.#names.push(this.#snapshot.origin.key);
  }

  #refer(delegation: RecordSet): undefined {
    this.isAuthoritative = this.answers.length > 0;
    this.authorities.push(delegation);
    this.#names.push(delegation.name.key);
  }

  /** RFC 6672 §3.2: the DNAME, and a CNAME with its TTL for resolvers that do not know DNAME. */
  #substitute(name: Name, dname: RecordSet): Name | undefined {
    if (!this.answers.includes(dname)) this.answers.push(dname);
    this.#names.push(dname.name.key);
    const target = name.replaceSuffix(dname.name, targetOf(dname.rdatas[0]!)!);
    if (target === undefined) {
      this.rcode = Rcode.YXDOMAIN;
      return undefined;
    }
    const { ttl } = dname;
    this.answers.push({ name, type: Type.CNAME, ttl, rdatas: [rdata.cname(target)] });
    return this.#type === Type.CNAME || this.#type === Type.ANY ? undefined : target;
  }

  #along(): Additionals {
    if (this.#additionals === undefined) {
      const [authority] = this.authorities;
      const last = this.answers.at(-1);
      if (authority?.type === Type.NS) this.#additionals = glueOf(this.#snapshot, authority);
      else if (last?.type === this.#type) this.#additionals = additionalsOf(this.#snapshot, last);
      else this.#additionals = { sets: [], names: [] };
    }
    return this.#additionals;
  }
}
