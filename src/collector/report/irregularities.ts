/**
 * What is published but may not reach everybody, logged for whoever looks after the devices: TXT records
 * too large for an Ethernet packet (RFC 6763 §6.2), types that are not service names (§7), and types with
 * more instances than BIND takes in a set. Each is logged once, for as long as it exists.
 */
import type { Clock } from "../../clock.ts";
import { Type } from "../../dns/constants.ts";
import { labelToUnicode, type Name, type NameKey } from "../../dns/name.ts";
import type { Rdata } from "../../dns/rdata.ts";
import { LONG_LIST } from "../../dns/service.ts";
import type { Log } from "../../log.ts";
import { obtain } from "../obtain.ts";
import type { Projection } from "../projection/project.ts";
import { Notices } from "./notices.ts";

interface Irregularity {
  readonly level: "info" | "warn";
  readonly fields: object;
  readonly fact: string;
}

export class Irregularities {
  readonly #notices: Notices;
  readonly #log: Log;
  /** What was logged, by its subject. */
  #told: ReadonlySet<string> = new Set();

  constructor(clock: Clock, log: Log) {
    this.#notices = new Notices(clock);
    this.#log = log;
  }

  /** Takes all that is published now. */
  update(projection: Pick<Projection, "services" | "sets">): void {
    const found = irregularitiesOf(projection);
    const news = [...found].filter(([key]) => !this.#told.has(key));
    const { isSilent } = this.#notices;
    this.#told = new Set([...found.keys()].filter((key) => !isSilent || this.#told.has(key)));
    if (isSilent) return;
    this.#notices.tell(
      news,
      ([, { level, fields, fact }]) => this.#log[level](fields, fact),
      (count) => this.#log.warn({ count }, "more irregularities were found"),
    );
  }
}

function irregularitiesOf({ services, sets }: Pick<Projection, "services" | "sets">) {
  const found = new Map<string, Irregularity>();
  for (const [key, name] of services) {
    const octets = largest(sets.get(key, Type.TXT)?.rdatas ?? []);
    if (octets > LARGE) {
      const fields = { service: name.toUnicode(), octets };
      found.set(key, {
        level: "warn",
        fields,
        fact: "its TXT record is too large for a packet of 1500 octets",
      });
    }
    const type = obtain(types, name, () => labelToUnicode(name.labels[1]!));
    if (SERVICE_NAME.test(type) || found.has(type)) continue;
    const fields = { type, service: name.toUnicode() };
    found.set(type, { level: "info", fields, fact: "its type is not a valid service name" });
  }
  // Few networks have so many, and counting them is expensive.
  const lists = services.size > LONG_LIST ? instancesIn(services.values()) : [];
  for (const [type, instances] of lists) {
    if (instances <= LONG_LIST) continue;
    const fact = "a type has more instances than BIND accepts in a set (max-records-per-type)";
    found.set(`list of ${type}`, { level: "warn", fields: { type, instances }, fact });
  }
  return found;
}

/** The number of instances by type, of all sites together, as the zone lists them. */
function instancesIn(services: Iterable<Name>): Map<string, number> {
  const lists = new Map<NameKey, { readonly type: Name; instances: number }>();
  for (const name of services) {
    obtain(lists, name.parentKey, () => ({ type: name.parent!, instances: 0 })).instances++;
  }
  const counts = new Map<string, number>();
  for (const { type, instances } of lists.values()) {
    const label = type.labels.slice(0, 2).map(labelToUnicode).join(".").toLowerCase();
    counts.set(label, (counts.get(label) ?? 0) + instances);
  }
  return counts;
}

function largest(texts: readonly Rdata[]): number {
  return texts.reduce((most, { values }) => Math.max(most, (values[0] as Uint8Array).length), 0);
}

/** Nearly all names stay the same objects from one projection to the next. */
const types = new WeakMap<Name, string>();
/** RFC 6335 §5.1: at most 15 characters, a letter among them, and no two adjacent hyphens. */
const SERVICE_NAME = /^_(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*$/i;
/** Octets of TXT data (RFC 6763 §6.2). */
const LARGE = 1300;
