/**
 * Logs services that were heard of but are not published, with the reason, each once while it lasts. One
 * that lacks something only briefly, as all do at first, is not logged. What a rule hides is logged by type
 * alone: whoever hides people's devices does not want their names in a log (RFC 9076 §6).
 */
import type { Clock } from "../../clock.ts";
import { labelToUnicode, type Name } from "../../dns/name.ts";
import { parseInstance } from "../../dns/service.ts";
import type { Log } from "../../log.ts";
import { isDenial } from "../projection/policy.ts";
import type { Withheld } from "../projection/project.ts";
import { Notices } from "./notices.ts";

interface Watched extends Withheld {
  readonly since: number;
  isTold: boolean;
}

export class Withholding {
  readonly #clock: Clock;
  readonly #notices: Notices;
  readonly #log: Log;
  /** By their names, which stay the same objects for as long as they are heard. */
  #watched: ReadonlyMap<Name, Watched> = new Map();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#notices = new Notices(clock);
    this.#log = log;
  }

  /** Takes all services that are withheld now. */
  update(withheld: readonly Withheld[]): void {
    const now = this.#clock.now();
    const watched = new Map<Name, Watched>();
    for (const each of withheld) {
      const before = this.#watched.get(each.name);
      const isSame = before?.reason === each.reason && before.site.equals(each.site);
      watched.set(each.name, isSame ? before : { ...each, since: now, isTold: false });
    }
    this.#watched = watched;
    if (this.#notices.isSilent) return;
    const lines = new Map<string, object>();
    for (const each of watched.values()) {
      if (each.isTold || now - each.since < PATIENCE) continue;
      each.isTold = true;
      const fields = fieldsOf(each);
      lines.set(JSON.stringify(fields), fields);
    }
    this.#notices.tell(
      [...lines.values()],
      (fields) => this.#log.info(fields, "service is not published"),
      (count) => this.#log.info({ count }, "more services are not published"),
    );
  }
}

function fieldsOf({ name, site, reason }: Withheld): object {
  const where = { site: labelToUnicode(site.labels[0]!), reason };
  if (!isDenial(reason)) return { service: name.toUnicode(), ...where };
  return { type: parseInstance(name)?.type.toUnicode(), ...where };
}

/** Milliseconds: longer than it takes to ask twice for what an announcement lacks. */
const PATIENCE = 5000;
