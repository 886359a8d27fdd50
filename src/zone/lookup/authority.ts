/** Authorities, each of which answers for a name and all beneath it. */
import type { Question } from "../../dns/message.ts";
import type { Name } from "../../dns/name.ts";
import type { RecordSet } from "../../dns/record.ts";
import type { Zone } from "../zone.ts";
import { type Answer, lookup } from "./lookup.ts";

export interface Authority {
  readonly origin: Name;
  /** The current SOA; undefined if the answers belong to no version of the zone. */
  readonly soa?: RecordSet | undefined;
  /** True if the answer may change with time, though nothing changes in the zone. */
  endsWithTime?(question: Question, dnssecOk: boolean): boolean;
  /**
   * Answers a question of class IN at `origin` or beneath it; if `dnssecOk`, with such signatures as it
   * has (RFC 4035 §3.1).
   */
  answer(question: Question, dnssecOk?: boolean): Answer;
}

/** Answers from the current snapshot of a zone, or of a view of it. */
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
