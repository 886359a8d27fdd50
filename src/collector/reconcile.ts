/**
 * Makes the zone hold what is wanted: the difference from what was published, as Updates (RFC 2136
 * §2.5), one at a time. A machine without sockets or timers. It knows no events, only the two states,
 * so a refused update, a lost one and one that was never sent are one case: the difference is taken
 * again.
 *
 * Invariants: after each update every listed service is there with all it needs, since what lists is
 * taken away first and added last. What may or may not have arrived counts as both: it is added
 * again if wanted, removed again if not.
 */
import { Rcode, Type } from "../dns/constants.ts";
import type { Name } from "../dns/name.ts";
import type { Rdata } from "../dns/rdata.ts";
import type { RecordSet, ResourceRecord } from "../dns/record.ts";
import { addition, removal, type Update } from "../zone/update.ts";
import { RecordSets } from "./recordsets.ts";

export interface ReconcilerOptions {
  readonly zone: Name;
  readonly random: () => number;
  /** Octets of an update, about. */
  readonly limit?: number;
}

/** What one update does to one set, or to as much of it as it has room for. */
interface Step {
  readonly name: Name;
  readonly type: number;
  readonly ttl: number;
  readonly gone: readonly Rdata[];
  readonly come: readonly Rdata[];
}

export class Reconciler {
  readonly counters = { updates: 0, failures: 0 };
  readonly #zone: Name;
  readonly #random: () => number;
  readonly #limit: number;
  /** What is there for certain. */
  readonly #published = new RecordSets();
  /** What may be there besides, after updates whose fate is not known. */
  readonly #doubtful = new RecordSets();
  #wanted = new RecordSets();
  /** What is still to be done, in order; undefined until the difference is taken again. */
  #steps: Step[] | undefined;
  #inFlight: readonly Step[] | undefined;
  #failures = 0;
  #notBefore = 0;

  constructor({ zone, random, limit = DEFAULT_LIMIT }: ReconcilerOptions) {
    this.#zone = zone;
    this.#random = random;
    this.#limit = limit;
  }

  want(sets: RecordSets): void {
    this.#wanted = sets;
    this.#steps = undefined;
  }

  /** When `poll` has something to do; never while an update is on its way. */
  due(): number | undefined {
    return this.#inFlight !== undefined || this.#steps?.length === 0 ? undefined : this.#notBefore;
  }

  /** The next update to send; what becomes of it is to be told to `settle`. */
  poll(now: number): Update | undefined {
    if (this.#inFlight !== undefined || now < this.#notBefore) return undefined;
    this.#steps ??= inOrder(this.#difference());
    const taken = takeSome(this.#steps, this.#limit);
    if (taken.length === 0) return undefined;
    this.#inFlight = taken;
    this.counters.updates++;
    return { zone: this.#zone, prerequisites: [], updates: taken.flatMap(recordsOfStep) };
  }

  /** What became of the update: its response code, or undefined where there was no response. */
  settle(rcode: Rcode | undefined, now: number): void {
    const steps = this.#inFlight ?? [];
    this.#inFlight = undefined;
    const isDone = rcode === Rcode.NOERROR;
    for (const { name, type, ttl, gone, come } of steps) {
      const touched = keysOf([...gone, ...come]);
      const published = this.#published.get(name.key, type);
      const doubtful = this.#doubtful.get(name.key, type);
      const sure = published?.rdatas.filter(({ key }) => !touched.has(key)) ?? [];
      const unsure = doubtful?.rdatas.filter(({ key }) => !touched.has(key)) ?? [];
      if (isDone) sure.push(...come);
      else unsure.push(...gone, ...come);
      // The set takes the TTL of what is added (RFC 2181 §5.2), and keeps it through removals.
      const newTtl = come.length > 0 ? ttl : (published?.ttl ?? ttl);
      this.#published.put({ name, type, ttl: isDone ? newTtl : UNKNOWN_TTL, rdatas: sure });
      this.#doubtful.put({ name, type, ttl: UNKNOWN_TTL, rdatas: unsure });
    }
    if (isDone) {
      this.#failures = 0;
      return;
    }
    this.counters.failures++;
    this.#steps = undefined;
    const wait = Math.min(FIRST_WAIT * 2 ** this.#failures++, LAST_WAIT);
    this.#notBefore = now + wait * (1 - this.#random() / 2);
  }

  *#difference(): Iterable<Step> {
    for (const set of this.#wanted) yield* this.#stepsTo(set);
    for (const { name, type } of this.#published) {
      if (this.#wanted.get(name.key, type) === undefined) yield* this.#stepsTo(none(name, type));
    }
    for (const { name, type } of this.#doubtful) {
      const isDone = [this.#wanted, this.#published].some((sets) => sets.get(name.key, type));
      if (!isDone) yield* this.#stepsTo(none(name, type));
    }
  }

  /** From what is there to `wanted`. */
  #stepsTo(wanted: RecordSet): readonly Step[] {
    const { name, type, ttl } = wanted;
    const published = this.#published.get(name.key, type);
    const doubtful = this.#doubtful.isEmpty ? undefined : this.#doubtful.get(name.key, type);
    if (doubtful === undefined && published !== undefined && isSame(published, wanted)) return [];
    const after = keysOf(wanted.rdatas);
    const before = keysOf(published?.ttl === ttl ? published.rdatas : []);
    const there = [...(published?.rdatas ?? []), ...(doubtful?.rdatas ?? [])];
    const gone = there.filter(({ key }) => !after.has(key));
    const come = wanted.rdatas.filter(({ key }) => !before.has(key));
    if (gone.length === 0 && come.length === 0) return [];
    const step = { name, type, ttl, gone, come };
    if (gone.length === 0 || come.length === 0 || !isSplit(type)) return [step];
    return [
      { ...step, come: [] },
      { ...step, gone: [] },
    ];
  }
}

function none(name: Name, type: number): RecordSet {
  return { name, type, ttl: UNKNOWN_TTL, rdatas: [] };
}

/** What lists or leads elsewhere goes first and comes last; addresses come early and go late. */
function inOrder(steps: Iterable<Step>): Step[] {
  const ranks: Step[][] = [[], [], [], [], []];
  for (const step of steps) {
    const isRemoval = step.come.length === 0;
    if (leads(step.type)) ranks[isRemoval ? 0 : 4]!.push(step);
    else if (isAddress(step.type)) ranks[isRemoval ? 3 : 1]!.push(step);
    else ranks[2]!.push(step);
  }
  return ranks.flat();
}

function isSplit(type: number): boolean {
  return leads(type) || isAddress(type);
}

/** A CNAME suffers nothing beside it, so the two cannot change places in another order. */
function leads(type: number): boolean {
  return type === Type.PTR || type === Type.CNAME;
}

function isAddress(type: number): boolean {
  return type === Type.A || type === Type.AAAA;
}

/** Takes from the front what makes about `limit` octets, of a step larger than that a part. */
function takeSome(steps: Step[], limit: number): Step[] {
  let octets = 0;
  let count = 0;
  for (const step of steps) {
    const size = octetsOf(step);
    if (octets + size > limit) break;
    octets += size;
    count++;
  }
  if (count > 0 || steps.length === 0) return steps.splice(0, count);
  const step = steps[0]!;
  const share = limit / octetsOf(step);
  const part = Math.max(1, Math.floor((step.gone.length + step.come.length) * share));
  const gone = step.gone.slice(0, part);
  const come = step.come.slice(0, part - gone.length);
  const left = { gone: step.gone.slice(gone.length), come: step.come.slice(come.length) };
  if (left.gone.length + left.come.length > 0) steps[0] = { ...step, ...left };
  else steps.shift();
  return [{ ...step, gone, come }];
}

function octetsOf({ name, gone, come }: Step): number {
  let octets = 0;
  for (const { key } of gone) octets += name.wireLength + FIXED + key.length;
  for (const { key } of come) octets += name.wireLength + FIXED + key.length;
  return octets;
}

function recordsOfStep({ name, type, ttl, gone, come }: Step): ResourceRecord[] {
  return [
    ...removal({ name, type, ttl, rdatas: gone }),
    ...addition({ name, type, ttl, rdatas: come }),
  ];
}

function isSame(a: RecordSet, b: RecordSet): boolean {
  if (a === b) return true;
  if (a.ttl !== b.ttl || a.rdatas.length !== b.rdatas.length) return false;
  return a.rdatas === b.rdatas || a.rdatas.every((rdata, i) => rdata === b.rdatas[i]);
}

function keysOf(rdatas: readonly Rdata[]): Set<string> {
  return new Set(rdatas.map(({ key }) => key));
}

/** Equal to no TTL that is wanted. */
const UNKNOWN_TTL = -1;
/** Octets: one message of 65,535 with its envelope, by TCP. */
const DEFAULT_LIMIT = 48_000;
/** Type, class, TTL and length of a record. */
const FIXED = 10;
/** Milliseconds between tries, at first and at most; each is shortened by up to half, by chance. */
const FIRST_WAIT = 1000;
const LAST_WAIT = 60_000;
