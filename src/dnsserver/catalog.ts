/**
 * The zones served, by origin. A name belongs to the zone whose origin is its longest suffix
 * (RFC 1034 §4.3.2 step 2).
 */
import { Type } from "../dns/constants.ts";
import type { Question } from "../dns/message.ts";
import type { Name } from "../dns/name.ts";
import type { Authority } from "../zone/lookup/authority.ts";

export class Catalog<Of extends Pick<Authority, "origin"> = Authority> {
  readonly #authorities: ReadonlyMap<string, Of>;
  /** Lengths of the origins' keys, longest first: a name's key begins with the key of its zone. */
  readonly #lengths: readonly number[];

  constructor(authorities: Iterable<Of>) {
    this.#authorities = new Map(
      Array.from(authorities, (authority) => [authority.origin.key, authority]),
    );
    const lengths = new Set([...this.#authorities.keys()].map((key) => key.length));
    this.#lengths = [...lengths].sort((a, b) => b - a);
  }

  /** The authority for `name`; undefined if it is outside every zone. */
  find({ key }: Name): Of | undefined {
    for (const length of this.#lengths) {
      const authority = this.#authorities.get(key.slice(0, length));
      if (authority !== undefined) return authority;
    }
    return undefined;
  }

  /** The authority for a question: as `find`, but a DS set lives above the cut (RFC 4035 §3.1.4.1). */
  findFor({ name, type }: Question): Of | undefined {
    const above = type === Type.DS ? name.parent : undefined;
    return (above === undefined ? undefined : this.find(above)) ?? this.find(name);
  }
}
