/**
 * What the log tells the administrator about the devices heard: which services come and go, what is odd
 * about those that are published, why others, and some records, are not, and who disturbs a link. Each part
 * logs what is new since it last did, and no more than a reader can take.
 */
import type { Clock } from "../../clock.ts";
import type { Log } from "../../log.ts";
import type { Projection } from "../projection/project.ts";
import type { Site } from "../projection/site.ts";
import { Disturbances } from "./disturbances.ts";
import { Irregularities } from "./irregularities.ts";
import { Presence } from "./presence.ts";
import { RefusalReport } from "./refusals.ts";
import { Withholding } from "./withholding.ts";

export class Report {
  readonly disturbances: Disturbances;
  readonly #presence: Presence;
  readonly #irregularities: Irregularities;
  readonly #withholding: Withholding;
  readonly #refusals: RefusalReport;

  constructor(clock: Clock, log: Log) {
    this.disturbances = new Disturbances(clock, log);
    this.#presence = new Presence(clock, log);
    this.#irregularities = new Irregularities(clock, log);
    this.#withholding = new Withholding(clock, log);
    this.#refusals = new RefusalReport(clock, log);
  }

  /** Takes the current projection of the sites. */
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
