/**
 * The zones served, by origin. A name belongs to the zone whose origin is its longest suffix
 * (RFC 1034 §4.3.2 step 2).
 */
import { Type } from "../dns/constants.ts";
import type { Question } from "../dns/message.ts";
import type { Name, NameKey } from "../dns/name.ts";
import type { Authority } from "../zone/authority.ts";

export class Catalog {
  readonly #authorities: ReadonlyMap<NameKey, Authority>;

  constructor(authorities: Iterable<Authority>) {
    this.#authorities = new Map(
      Array.from(authorities, (authority) => [authority.origin.key, authority]),
    );
  }

  /** Who answers for `name`; undefined where it is outside of every zone. */
  find(name: Name): Authority | undefined {
    let key = name.key;
    for (const label of name.labels) {
      const authority = this.#authorities.get(key);
      if (authority !== undefined) return authority;
      key = key.slice(0, -1 - label.length) as NameKey;
    }
    return this.#authorities.get(key);
  }

  /** Who answers this: as `find`, but a DS set lives above the cut (RFC 4035 §3.1.4.1). */
  findFor({ name, type }: Question): Authority | undefined {
    const above = type === Type.DS ? name.parent : undefined;
    return (above === undefined ? undefined : this.find(above)) ?? this.find(name);
  }
}
