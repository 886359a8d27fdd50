/**
 * Signatures over record sets, made when they are first asked for, and cached (RFC 4035 §2.2).
 *
 * Invariant: a signature that is handed out was made by keys that sign now, over exactly that set and
 * TTL, and is valid now and for at least two days, whatever the wall clock has done since it was made:
 * every use checks this again. It is replaced earlier than it expires by more than any TTL (RFC 6781
 * §4.4.2).
 *
 * Strangers choose the names that do not exist and have to be denied. So the cache is bounded, and so
 * is the number of signatures made in a second: beyond that there are none.
 */
import type { Clock } from "../../clock.ts";
import { Type } from "../../dns/constants.ts";
import { rrsigRdata, type SignatureFields, signedOctets } from "../../dns/dnssec.ts";
import type { Rdata } from "../../dns/rdata.ts";
import type { RecordSet } from "../../dns/record.ts";
import type { SigningKey } from "../../dns/signingkey.ts";
import { Recent, type RecentOptions } from "./recent.ts";
import type { KeyUse, ZoneKeys } from "./zonekeys.ts";

export interface SignaturesOptions {
  readonly keys: ZoneKeys;
  readonly clock: Clock;
  readonly limits?: RecentOptions;
  readonly maxPerSecond?: number;
}

interface Kept {
  readonly set: RecordSet;
  readonly use: KeyUse;
  /** Seconds since 1970 between which it is given out. */
  readonly from: number;
  readonly until: number;
  readonly rdatas: readonly Rdata[];
}

/** Some 600 octets each. */
const LIMITS: RecentOptions = { once: 5_000, often: 20_000 };
/** At 80 µs each, with the answer around it, a sixth of a processor. */
const MAX_PER_SECOND = 2_000;

/** Seconds that other clocks may be behind ours. */
const BEFORE = 3600;
const DAY = 86_400;
/** Four to five days, so that not all expire at once; replaced when two days are left. */
const VALIDITY = 4 * DAY;
const JITTER = DAY;
const REST = 2 * DAY;

export class Signatures {
  readonly #keys: ZoneKeys;
  readonly #clock: Clock;
  readonly #kept: Recent<Kept>;
  readonly #maxPerSecond: number;
  #second = Number.NEGATIVE_INFINITY;
  #made = 0;

  constructor({ keys, clock, limits, maxPerSecond }: SignaturesOptions) {
    this.#keys = keys;
    this.#clock = clock;
    this.#kept = new Recent(limits ?? LIMITS);
    this.#maxPerSecond = maxPerSecond ?? MAX_PER_SECOND;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** What the keys are used for now. */
  get use(): KeyUse {
    return this.#keys.at(Math.floor(this.#clock.wall() / 1000));
  }

  /** The RRSIGs over a set, with its name and TTL; undefined if too many were made just now. */
  of(set: RecordSet): RecordSet | undefined {
    const rdatas = this.#find(set) ?? this.#make(set);
    return rdatas && { name: set.name, type: Type.RRSIG, ttl: set.ttl, rdatas };
  }

  #find(set: RecordSet): readonly Rdata[] | undefined {
    const kept = this.#kept.get(keyOf(set));
    if (kept === undefined || kept.use !== this.use || !isSame(kept.set, set)) return undefined;
    const now = this.#clock.wall() / 1000;
    return now >= kept.from && now < kept.until ? kept.rdatas : undefined;
  }

  #make(set: RecordSet): readonly Rdata[] | undefined {
    const { use } = this;
    // Elsewhere such sets are about another zone, and signed like all others (RFC 9615 §4.1).
    const isOfKeys = KEY_TYPES.has(set.type) && set.name.equals(this.#keys.origin);
    const signers = isOfKeys ? use.keySigners : use.zoneSigners;
    if (!this.#spend(signers.length)) return undefined;
    const now = Math.floor(this.#clock.wall() / 1000);
    const jitter = Math.floor(this.#clock.random() * JITTER);
    const [inception, expiration] = [now - BEFORE, now + VALIDITY + jitter];
    const rdatas = signers.map((key) => this.#sign(set, key, { inception, expiration }));
    const [from, until] = [inception, expiration - REST];
    this.#kept.set(keyOf(set), { set, use, from, until, rdatas });
    return rdatas;
  }

  #sign(
    set: RecordSet,
    key: SigningKey,
    times: Pick<SignatureFields, "inception" | "expiration">,
  ): Rdata {
    const { number: algorithm, tag } = key;
    const fields = { ...times, algorithm, tag, signer: this.#keys.origin };
    return rrsigRdata(set, fields, key.sign(signedOctets(set, fields)));
  }

  #spend(count: number): boolean {
    const now = this.#clock.now();
    if (now >= this.#second + 1000) {
      this.#second = now;
      this.#made = 0;
    }
    if (this.#made + count > this.#maxPerSecond) return false;
    this.#made += count;
    return true;
  }
}

/** Sets about the keys are signed by the keys that the parent knows (RFC 4035 §2.2, RFC 7344 §4.1). */
const KEY_TYPES: ReadonlySet<number> = new Set([Type.DNSKEY, Type.CDS, Type.CDNSKEY]);

function keyOf({ name, type, ttl }: RecordSet): string {
  return `${type} ${ttl} ${name.key}`;
}

/** Compares sets of one name, type and TTL octet for octet: in some types the case of names is signed. */
function isSame({ rdatas: a }: RecordSet, { rdatas: b }: RecordSet): boolean {
  return a.length === b.length && a.every(({ wire }, i) => wire === b[i]!.wire);
}
