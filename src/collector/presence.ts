/**
 * Which services came, left and returned, for the log, where people look for one that is no longer
 * there. Those that left are kept for an hour, in node-cache and by the wall clock, since
 * lateness does no harm here.
 */
import NodeCache from "node-cache";
import type { Clock } from "../clock.ts";
import type { Name, NameKey } from "../dns/name.ts";
import type { Log } from "../log.ts";

export interface DepartedService {
  readonly name: Name;
  /** Wall time, in milliseconds. */
  readonly left: number;
}

type Services = ReadonlyMap<NameKey, Name>;

export class Presence {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #departed = new NodeCache({
    stdTTL: LIFETIME,
    checkperiod: LIFETIME / 6,
    maxKeys: CAPACITY,
    useClones: false,
  });
  #present: Services = new Map();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** These are there now, and no others. */
  update(services: Services): void {
    const left = [...this.#present].filter(([key]) => !services.has(key));
    const came = [...services].filter(([key]) => !this.#present.has(key));
    this.#present = services;
    const now = this.#clock.wall();
    for (const [at, [key, name]] of left.entries()) {
      this.#keep(key, { name, left: now });
      this.#say(at, { service: name.toUnicode() }, "service left");
    }
    for (const [at, [key, name]] of came.entries()) {
      const departed = this.#departed.take<DepartedService>(key);
      const service = name.toUnicode();
      if (departed === undefined) this.#say(at, { service }, "service came");
      else this.#say(at, { service, after: now - departed.left }, "service returned");
    }
    this.#sayMore(left.length, "more services left");
    this.#sayMore(came.length, "more services came");
  }

  /** Those that left within the hour, latest first. */
  departed(): DepartedService[] {
    const services = Object.values(this.#departed.mget<DepartedService>(this.#departed.keys()));
    return services.sort((a, b) => b.left - a.left);
  }

  close(): void {
    this.#departed.close();
  }

  /** Where too many have left already, it throws: then one more is not worth keeping. */
  #keep(key: NameKey, service: DepartedService): void {
    try {
      this.#departed.set(key, service);
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
/** Lines for one change of the network. */
const MAX_LINES = 20;
