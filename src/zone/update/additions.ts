/**
 * Record data that comes to a set, in the order it came. To most sets comes one, which needs no key to
 * be told from others by: three keys are a twentieth of what an update of three records takes.
 */
import type { Rdata } from "../../dns/rdata.ts";

export class Additions {
  /** Where there is no more than one. */
  #one: Rdata | undefined;
  #byKey: Map<string, Rdata> | undefined;

  get size(): number {
    return this.#byKey?.size ?? (this.#one === undefined ? 0 : 1);
  }

  /** The one that is the same record as this. */
  get(rdata: Rdata): Rdata | undefined {
    if (this.#byKey !== undefined) return this.#byKey.get(rdata.key);
    return this.#one?.equals(rdata) ? this.#one : undefined;
  }

  /** One that is not there. */
  add(rdata: Rdata): void {
    if (this.#byKey !== undefined) {
      this.#byKey.set(rdata.key, rdata);
    } else if (this.#one === undefined) {
      this.#one = rdata;
    } else {
      this.#byKey = new Map([this.#one, rdata].map((each) => [each.key, each]));
    }
  }

  delete(rdata: Rdata): void {
    if (this.#byKey !== undefined) this.#byKey.delete(rdata.key);
    else if (this.#one?.equals(rdata)) this.#one = undefined;
  }

  all(): Rdata[] {
    if (this.#byKey !== undefined) return [...this.#byKey.values()];
    return this.#one === undefined ? [] : [this.#one];
  }
}
