/**
 * Lists of services, made on request. A zone may have ten thousand services and change a hundred times a
 * second, and other questions are answered on the same thread.
 *
 * Invariant: a listing is of a snapshot that was current when it was requested, or of a later one. Listings
 * are made one after the other, and take at most a fifth of the thread, however many are requested.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../clock.ts";
import { paced } from "../paced.ts";
import type { Snapshot } from "../zone/snapshot.ts";
import { type Service, servicesIn } from "./services.ts";

/** A zone as some clients see it. */
export interface Shown {
  readonly current: Snapshot;
}

export interface Listing {
  readonly snapshot: Snapshot;
  readonly services: readonly Service[];
  /** One for each service. */
  readonly json: readonly string[];
  /** Tells it from every other, also from those of other views and from before a restart. */
  readonly tag: string;
}

/** The latest listing of a zone, and the one to be made next. */
interface Part {
  latest: Listing | undefined;
  next: Promise<Listing> | undefined;
}

export class Listings {
  readonly #clock: Clock;
  readonly #parts = new WeakMap<Shown, Part>();
  /** Settles when all requested listings are made. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(shown: Shown): Promise<Listing> {
    let part = this.#parts.get(shown);
    if (part === undefined) {
      part = { latest: undefined, next: undefined };
      this.#parts.set(shown, part);
    }
    const { latest } = part;
    if (latest?.snapshot === shown.current) return Promise.resolve(latest);
    // One that is being made already may be of an older snapshot.
    part.next ??= this.#begin(shown, part);
    return part.next;
  }

  #begin(shown: Shown, part: Part): Promise<Listing> {
    const made = this.#work.then(async () => {
      part.next = undefined;
      part.latest = await this.#make(shown.current);
      return part.latest;
    });
    this.#work = made.catch(() => {});
    return made;
  }

  async #make(snapshot: Snapshot): Promise<Listing> {
    const services: Service[] = [];
    const json: string[] = [];
    const digest = createHash("sha256").update(`${snapshot.serial}`);
    const pace = { clock: this.#clock, isHurried: () => false };
    for await (const some of paced(servicesIn(snapshot), pace)) {
      for (const service of some) {
        const text = JSON.stringify(service);
        services.push(service);
        json.push(text);
        digest.update(text);
      }
    }
    return { snapshot, services, json, tag: digest.digest("base64url") };
  }
}
