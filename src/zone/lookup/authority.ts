/** Who answers for a name and all beneath it. */
import type { Question } from "../../dns/message.ts";
import type { Name } from "../../dns/name.ts";
import type { RecordSet } from "../../dns/record.ts";
import type { Zone } from "../zone.ts";
import { type Answer, lookup } from "./lookup.ts";

export interface Authority {
  readonly origin: Name;
  /** As it is now; undefined where what is answered is in no version of the zone. */
  readonly soa?: RecordSet | undefined;
  /** May its answer be another with time, though nothing changes in the zone? */
  endsWithTime?(question: Question, dnssecOk: boolean): boolean;
  /**
   * To a question of class IN at `origin` or beneath it; with `dnssecOk` with signatures (RFC 4035
   * §3.1), if it has them.
   */
  answer(question: Question, dnssecOk?: boolean): Answer;
}

/** Answers from what a zone is now, or a view of it. */
export class ZoneAuthority implements Authority {
  readonly #zone: Pick<Zone, "origin" | "current">;

  constructor(zone: Pick<Zone, "origin" | "current">) {
    this.#zone = zone;
  }

  get origin(): Name {
    return this.#zone.origin;
  }

  get soa(): RecordSet {
    return this.#zone.current.soa;
  }

  answer(question: Question): Answer {
    return lookup(this.#zone.current, question);
  }
}
