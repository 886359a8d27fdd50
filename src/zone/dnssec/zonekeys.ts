/**
 * The keys of a zone through time: which are published, which sign, and what they tell the parent
 * (RFC 7344, RFC 8078). Each key carries its own times, as BIND's tools write them, so that a roll-over
 * is a matter of times in files and needs no action when it is due (RFC 6781 §4.1, RFC 7583).
 */
import { Type } from "../../dns/constants.ts";
import { digestOf } from "../../dns/dnssec.ts";
import type { Name } from "../../dns/name.ts";
import { Rdata } from "../../dns/rdata.ts";
import type { RecordSet } from "../../dns/record.ts";
import type { SigningKey } from "../../dns/signingkey.ts";

/** What the keys are used for between two moments. When anything changes, there is a new object. */
export interface KeyUse {
  /** Seconds since 1970; `until` is the first that is outside. */
  readonly from: number;
  readonly until: number;
  /** Those of the sets DNSKEY, CDS and CDNSKEY that are not empty. */
  readonly sets: readonly RecordSet[];
  /** The keys that sign these sets (RFC 7344 §4.1: those in the DS), or the others if there are none. */
  readonly keySigners: readonly SigningKey[];
  /** The keys that sign all else. If there are none, the zone is not signed. */
  readonly zoneSigners: readonly SigningKey[];
}

/** Seconds that DNSKEY, CDS and CDNSKEY may be cached: how long it takes for all to know a new key. */
const KEY_TTL = 3600;

export class ZoneKeys {
  readonly origin: Name;
  #keys: readonly SigningKey[] = [];
  #use: KeyUse;

  constructor(origin: Name, keys: readonly SigningKey[]) {
    this.origin = origin;
    this.#keys = keys;
    this.#use = useOf(origin, keys, 0);
  }

  get all(): readonly SigningKey[] {
    return this.#keys;
  }

  /** Uses these keys from now on. */
  replace(keys: readonly SigningKey[]): void {
    this.#keys = keys;
    this.#use = useOf(this.origin, keys, this.#use.from);
  }

  at(time: number): KeyUse {
    if (time < this.#use.from || time >= this.#use.until) {
      this.#use = useOf(this.origin, this.#keys, time);
    }
    return this.#use;
  }
}

function useOf(origin: Name, keys: readonly SigningKey[], time: number): KeyUse {
  const moments = keys.flatMap(({ times }) => Object.values(times));
  const from = Math.max(Number.NEGATIVE_INFINITY, ...moments.filter((each) => each <= time));
  const until = Math.min(Number.POSITIVE_INFINITY, ...moments.filter((each) => each > time));
  const shown = keys.filter((key) => isWithin(time, shownFrom(key), key.times.Delete));
  const signing = shown.filter((key) => isWithin(time, signsFrom(key), key.times.Inactive));
  const told = shown.filter(
    ({ isEntryPoint, times: { SyncPublish, SyncDelete } }) =>
      isEntryPoint && SyncPublish !== undefined && isWithin(time, SyncPublish, SyncDelete),
  );
  const set = (type: number, rdatas: readonly Rdata[]): RecordSet[] =>
    rdatas.length === 0 ? [] : [{ name: origin, type, ttl: KEY_TTL, rdatas }];
  return {
    from,
    until,
    sets: [
      ...set(
        Type.DNSKEY,
        shown.map(({ dnskey }) => dnskey),
      ),
      ...set(
        Type.CDS,
        told.map(({ dnskey }) => digestOf(origin, dnskey, Type.CDS)),
      ),
      ...set(
        Type.CDNSKEY,
        told.map(({ dnskey }) => new Rdata(Type.CDNSKEY, dnskey.values)),
      ),
    ],
    keySigners: preferring(signing, true),
    zoneSigners: preferring(signing, false),
  };
}

/** For each algorithm, the keys of that kind, or else the others (RFC 6840 §5.11, RFC 6781 §3.1). */
function preferring(keys: readonly SigningKey[], isEntryPoint: boolean): SigningKey[] {
  return keys.filter(
    (key) =>
      key.isEntryPoint === isEntryPoint ||
      !keys.some((other) => other.number === key.number && other.isEntryPoint === isEntryPoint),
  );
}

/** A key without any times, as old tools made it, is published and used at once. */
function shownFrom({ times: { Publish, Activate } }: SigningKey): number {
  return Math.min(Publish ?? Activate ?? Number.NEGATIVE_INFINITY, Activate ?? Infinity);
}

function signsFrom({ times: { Publish, Activate } }: SigningKey): number {
  return Activate ?? (Publish === undefined ? Number.NEGATIVE_INFINITY : Infinity);
}

function isWithin(time: number, from: number, until: number | undefined): boolean {
  return time >= from && (until === undefined || time < until);
}
