/**
 * What the administrator is told of the devices that are heard, in the log: which services come and
 * go, what is odd in those that are published, and why the others, and which records, are not. Each
 * tells what is new since it was told last, and none more than a reader can take.
 */
import type { Clock } from "../../clock.ts";
import type { Log } from "../../log.ts";
import type { Projection } from "../projection/project.ts";
import type { Site } from "../projection/site.ts";
import { Irregularities } from "./irregularities.ts";
import { Presence } from "./presence.ts";
import { RefusalReport } from "./refusals.ts";
import { Withholding } from "./withholding.ts";

export class Report {
  readonly #presence: Presence;
  readonly #irregularities: Irregularities;
  readonly #withholding: Withholding;
  readonly #refusals: RefusalReport;

  constructor(clock: Clock, log: Log) {
    this.#presence = new Presence(clock, log);
    this.#irregularities = new Irregularities(clock, log);
    this.#withholding = new Withholding(clock, log);
    this.#refusals = new RefusalReport(clock, log);
  }

  /** This is what the sites come to now. */
  update(projection: Projection, sites: Iterable<Site>): void {
    this.#presence.update(projection.services);
    this.#irregularities.update(projection);
    this.#withholding.update(projection.withheld);
    this.#refusals.update(sites);
  }

  close(): void {
    this.#presence.close();
  }
}
