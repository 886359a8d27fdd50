/**
 * An Authority that signs the answers of another one (RFC 4035 §3.1). It asks the inner one for
 * everything, even the types of a name, and adds what is DNSSEC's own: the keys at the origin, RRSIGs,
 * and NSECs that deny (RFC 9824). So it signs exactly what is served to the client that asks, TTLs
 * included, and a client that does not ask for signatures gets the inner answer.
 */
import type { Clock } from "../../clock.ts";
import { Class, Rcode, Type } from "../../dns/constants.ts";
import type { Question } from "../../dns/message.ts";
import type { Name, NameKey } from "../../dns/name.ts";
import { soaOf, targetOf } from "../../dns/rdata.ts";
import type { RecordSet } from "../../dns/record.ts";
import type { Authority } from "../lookup/authority.ts";
import type { Answer } from "../lookup/lookup.ts";
import { nsecSet } from "./denial.ts";
import { Signatures } from "./signatures.ts";
import type { ZoneKeys } from "./zonekeys.ts";

export interface SigningOptions {
  readonly inner: Authority;
  readonly keys: ZoneKeys;
  readonly clock: Clock;
  readonly signatures?: Signatures;
}

export class SigningAuthority implements Authority {
  readonly #inner: Authority;
  readonly #signatures: Signatures;

  constructor({ inner, keys, clock, signatures }: SigningOptions) {
    this.#inner = inner;
    this.#signatures = signatures ?? new Signatures({ keys, clock });
  }

  get origin(): Name {
    return this.#inner.origin;
  }

  get soa(): RecordSet | undefined {
    return this.#inner.soa;
  }

  /** Signatures expire; and keys come, sign and go, even where there are none yet. */
  endsWithTime({ type }: Question, dnssecOk: boolean): boolean {
    return dnssecOk || OWN_TYPES.has(type);
  }

  answer(question: Question, dnssecOk = false): Answer {
    if (!this.endsWithTime(question, dnssecOk)) return this.#inner.answer(question);
    const isSigned = this.#signatures.use.zoneSigners.length > 0;
    if (isSigned && question.type === Type.NSEC) return this.#answerNsec(question, dnssecOk);
    if (isSigned && question.type === Type.RRSIG) return this.#answerRrsig(question, dnssecOk);
    const found = this.#find(question);
    return dnssecOk && isSigned ? this.#sign(question, found) : found;
  }

  /** The answer without signatures, but with the keys. */
  #find(question: Question): Answer {
    const { name, type } = question;
    const found = this.#inner.answer(question);
    if (!KEY_TYPES.has(type) || !name.equals(this.origin)) return found;
    const { answers: theirs } = found;
    const own = this.#signatures.use.sets.filter((set) => type === Type.ANY || set.type === type);
    const all = new Map(own.map((set) => [set.type, set]));
    for (const set of theirs) all.set(set.type, merge(set, all.get(set.type)));
    if (own.length === 0) return found;
    return { ...nothing, answers: [...all.values()], names: found.names, isSigned: true };
  }

  #sign(question: Question, found: Answer): Answer {
    const { rcode, isAuthoritative, names } = found;
    const answers = this.#signSets(found.answers, isSynthesised(found.answers));
    const authorities = this.#signAuthorities(question, found);
    if (answers === undefined || authorities === undefined) return busy;
    const along = () => this.#signAlong(found);
    return {
      ...{ rcode, isAuthoritative, answers, authorities, names, isSigned: true },
      get additionals() {
        return along();
      },
    };
  }

  /** The sets, each followed by its RRSIGs; undefined if these cannot be made. */
  #signSets(
    sets: readonly RecordSet[],
    isLeftOut: (set: RecordSet) => boolean = () => false,
  ): RecordSet[] | undefined {
    const signed: RecordSet[] = [];
    for (const set of sets) {
      signed.push(set);
      if (isLeftOut(set)) continue;
      const signature = this.#signatures.of(set);
      if (signature === undefined) return undefined;
      signed.push(signature);
    }
    return signed;
  }

  #signAuthorities(question: Question, found: Answer): RecordSet[] | undefined {
    const [first] = found.authorities;
    if (first?.type === Type.SOA) {
      return this.#signSets([first, this.#deny(lastName(question.name, found.answers))]);
    }
    if (first?.type !== Type.NS) return this.#signSets(found.authorities);
    // RFC 4035 §3.1.4: the NS set is the child's; whether it has a DS is ours to sign.
    const [ds] = this.#ask(first.name, Type.DS).answers;
    const proof = this.#signSets([ds ?? this.#deny(first.name)]);
    return proof && [first, ...proof];
  }

  /**
   * Validators do not trust additional records but ask for them. So there are few, except in a referral
   * (RFC 9471 §3), each set with its signatures (RFC 4035 §3.1.1).
   */
  #signAlong(found: Answer): RecordSet[] {
    const isReferral = found.authorities[0]?.type === Type.NS;
    const sets = isReferral ? found.additionals : found.additionals.slice(0, MAX_ALONG);
    return sets.flatMap((set) => {
      // Glue is not ours to sign (RFC 4035 §2.2), but some of the addresses may be.
      const isOurs = !isReferral || this.#ask(set.name, set.type).isAuthoritative;
      return (isOurs ? this.#signSets([set]) : undefined) ?? [set];
    });
  }

  /** The NSEC that lists the types at a name, and so denies all others. */
  #deny(name: Name): RecordSet {
    const { origin } = this;
    const [soa] = this.#ask(origin, Type.SOA).answers;
    // RFC 9077 §3.
    const ttl = Math.min(soa!.ttl, soaOf(soa!.rdatas[0]!).minimum);
    return nsecSet({ name, origin, ttl, ...this.#typesAt(name) });
  }

  #typesAt(name: Name): { types: readonly number[]; isCut?: boolean } {
    const any = this.#find({ name, type: Type.ANY, class: Class.IN });
    if (any.answers.length > 0) return { types: any.answers.map((set) => set.type) };
    // At a cut with a DS nothing is denied.
    if (any.authorities[0]?.type === Type.NS) return { types: [Type.NS], isCut: true };
    return { types: any.rcode === Rcode.NXDOMAIN ? [Type.NXNAME] : [] };
  }

  /** Every name has an NSEC; with `dnssecOk` even one that does not exist, since its denial says so. */
  #answerNsec(question: Question, dnssecOk: boolean): Answer {
    const { name } = question;
    const found = this.#ask(name, Type.ANY);
    const [authority] = found.authorities;
    const isOther = isElsewhere(name, found) || authority?.type === Type.NS;
    const isThere = found.rcode === Rcode.NOERROR && !isOther;
    if (!isThere && !(dnssecOk && found.rcode === Rcode.NXDOMAIN)) {
      return dnssecOk ? this.#sign(question, found) : found;
    }
    const set = this.#deny(name);
    const answers = dnssecOk ? this.#signSets([set]) : [set];
    return answers ? { ...nothing, answers, names: found.names, isSigned: true } : busy;
  }

  #ask(name: Name, type: number): Answer {
    return this.#inner.answer({ name, type, class: Class.IN });
  }

  /** Answers with the RRSIGs of one set, as ANY by UDP gets one set (RFC 8482 §4.1). */
  #answerRrsig(question: Question, dnssecOk: boolean): Answer {
    const found = this.#find({ ...question, type: Type.ANY });
    const [set] = found.answers;
    if (set === undefined || isElsewhere(question.name, found)) {
      return dnssecOk ? this.#sign(question, found) : found;
    }
    const signature = this.#signatures.of(set);
    if (signature === undefined) return busy;
    return { ...nothing, answers: [signature], names: found.names, isSigned: true };
  }
}

/** True if the answer is that of a DNAME above the name. */
function isElsewhere(name: Name, { answers: [first] }: Answer): boolean {
  return first !== undefined && !first.name.equals(name);
}

/** The most sets in the additional section of a signed answer. */
const MAX_ALONG = 16;

const KEY_TYPES: ReadonlySet<number> = new Set([Type.DNSKEY, Type.CDS, Type.CDNSKEY, Type.ANY]);
/** Types that are answered here even for clients that do not ask for signatures. */
const OWN_TYPES: ReadonlySet<number> = new Set([Type.RRSIG, Type.NSEC, ...KEY_TYPES]);

const nothing: Answer = {
  rcode: Rcode.NOERROR,
  isAuthoritative: true,
  answers: [],
  authorities: [],
  additionals: [],
  names: [] as NameKey[],
};

/** The answer when more signatures are needed than are made in a second. */
const busy: Answer = { ...nothing, rcode: Rcode.SERVFAIL, isAuthoritative: false, isSigned: true };

/**
 * Combines the zone's own set at the origin with that of its keys. DNSKEYs are taken from both, so that
 * another signer's are beside ours (RFC 8901 §2.1.2). CDS and CDNSKEY are taken from the zone: whoever put
 * them there means them, above all a request to remove the DS (RFC 8078 §4).
 */
function merge(theirs: RecordSet, own: RecordSet | undefined): RecordSet {
  if (own === undefined || theirs.type !== Type.DNSKEY) return theirs;
  const more = theirs.rdatas.filter((data) => !own.rdatas.some((each) => each.equals(data)));
  return { ...own, rdatas: [...own.rdatas, ...more] };
}

/** The name that is denied at the end of a chain of aliases. */
function lastName(name: Name, answers: readonly RecordSet[]): Name {
  const alias = answers.findLast((set) => set.type === Type.CNAME);
  return alias === undefined ? name : targetOf(alias.rdatas[0]!)!;
}

/** A CNAME made from a DNAME has no signature of its own: the DNAME's counts (RFC 6672 §5.3.1). */
function isSynthesised(answers: readonly RecordSet[]): (set: RecordSet) => boolean {
  const dnames = answers.filter((set) => set.type === Type.DNAME);
  return ({ type, name }) =>
    type === Type.CNAME && dnames.some((dname) => name.isUnder(dname.name));
}
