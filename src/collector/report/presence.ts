/**
 * Logs which services came, left and returned, since people look in the log for one that has gone. Those
 * that left are remembered for an hour, in node-cache and by the wall clock, where being late does no harm.
 */
import NodeCache from "node-cache";
import type { Clock } from "../../clock.ts";
import type { Name, NameKey } from "../../dns/name.ts";
import type { Log } from "../../log.ts";

type Services = ReadonlyMap<NameKey, Name>;

export class Presence {
  readonly #clock: Clock;
  readonly #log: Log;
  /** Wall times in milliseconds, by the services' names. */
  readonly #leftAt = new NodeCache({
    stdTTL: LIFETIME,
    checkperiod: LIFETIME / 6,
    maxKeys: CAPACITY,
  });
  #present: Services = new Map();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Takes all services that exist now. */
  update(services: Services): void {
    const left = [...this.#present].filter(([key]) => !services.has(key));
    const came = [...services].filter(([key]) => !this.#present.has(key));
    this.#present = services;
    const now = this.#clock.wall();
    for (const [at, [key, name]] of left.entries()) {
      this.#keep(key, now);
      this.#say(at, { service: name.toUnicode() }, "service left");
    }
    for (const [at, [key, name]] of came.entries()) {
      const leftAt = this.#leftAt.take<number>(key);
      const service = name.toUnicode();
      if (leftAt === undefined) this.#say(at, { service }, "service came");
      else this.#say(at, { service, after: now - leftAt }, "service returned");
    }
    this.#sayMore(left.length, "more services left");
    this.#sayMore(came.length, "more services came");
  }

  close(): void {
    this.#leftAt.close();
  }

  /** A full cache throws: then one more is not worth keeping. */
  #keep(key: NameKey, time: number): void {
    try {
      this.#leftAt.set(key, time);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).name !== "ECACHEFULL") throw error;
    }
  }

  #say(at: number, fields: object, fact: string): void {
    if (at < MAX_LINES) this.#log.info(fields, fact);
  }

  #sayMore(count: number, fact: string): void {
    if (count > MAX_LINES) this.#log.info({ count: count - MAX_LINES }, fact);
  }
}

/** Seconds. */
const LIFETIME = 3600;
const CAPACITY = 1000;
/** Lines of a kind for one change of the network. */
const MAX_LINES = 20;
