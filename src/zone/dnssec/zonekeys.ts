/**
 * The keys of a zone through time: which are shown, which sign, and what the parent is told of them
 * (RFC 7344, RFC 8078). Each key says itself from when to when, as BIND's tools wrote it there, so
 * that a roll-over is times in files and nothing to be done at the moment (RFC 6781 §4.1, RFC 7583).
 */
import { Type } from "../../dns/constants.ts";
import { digestOf } from "../../dns/dnssec.ts";
import type { Name } from "../../dns/name.ts";
import { Rdata } from "../../dns/rdata.ts";
import type { RecordSet } from "../../dns/record.ts";
import type { SigningKey } from "../../dns/signingkey.ts";

/** What the keys are good for between two moments; another object where anything is different. */
export interface KeyUse {
  /** Seconds since 1970; `until` is the first that is outside. */
  readonly from: number;
  readonly until: number;
  /** DNSKEY, CDS and CDNSKEY, those there are. */
  readonly sets: readonly RecordSet[];
  /** They sign these sets (RFC 7344 §4.1: what is in the DS), or are all there are. */
  readonly keySigners: readonly SigningKey[];
  /** They sign all else. None: the zone is not signed. */
  readonly zoneSigners: readonly SigningKey[];
}

/** Seconds that DNSKEY, CDS and CDNSKEY may be kept: how long a key is known before all know it. */
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

  /** From now on these. */
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

/** Of each algorithm the keys of that kind; where there are none, the others (RFC 6840 §5.11, RFC 6781 §3.1). */
function preferring(keys: readonly SigningKey[], isEntryPoint: boolean): SigningKey[] {
  return keys.filter(
    (key) =>
      key.isEntryPoint === isEntryPoint ||
      !keys.some((other) => other.number === key.number && other.isEntryPoint === isEntryPoint),
  );
}

/** A key without any times, as old tools made them, is shown and used at once. */
function shownFrom({ times: { Publish, Activate } }: SigningKey): number {
  return Math.min(Publish ?? Activate ?? Number.NEGATIVE_INFINITY, Activate ?? Infinity);
}

function signsFrom({ times: { Publish, Activate } }: SigningKey): number {
  return Activate ?? (Publish === undefined ? Number.NEGATIVE_INFINITY : Infinity);
}

function isWithin(time: number, from: number, until: number | undefined): boolean {
  return time >= from && (until === undefined || time < until);
}
