/**
 * What is published and may not reach everybody, told to whoever looks after the devices: TXT records
 * that fit no packet of an Ethernet (RFC 6763 §6.2), types that are no service names (§7), and types
 * of which there are more than BIND takes in a set. Each is told of once, as long as it is there.
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
  /** By what they are of. */
  #told: ReadonlySet<string> = new Set();

  constructor(clock: Clock, log: Log) {
    this.#notices = new Notices(clock);
    this.#log = log;
  }

  /** This is published now, and nothing else. */
  update(projection: Pick<Projection, "services" | "sets">): void {
    const found = irregularitiesOf(projection);
    const news = [...found].filter(([key]) => !this.#told.has(key));
    const { isSilent } = this.#notices;
    this.#told = new Set([...found.keys()].filter((key) => !isSilent || this.#told.has(key)));
    if (isSilent) return;
    this.#notices.tell(
      news,
      ([, { level, fields, fact }]) => this.#log[level](fields, fact),
      (count) => this.#log.warn({ count }, "more services are odd in such ways"),
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
    found.set(type, { level: "info", fields, fact: "its type is no service name" });
  }
  // Few have so many, and to count them takes as long as much else here.
  const lists = services.size > LONG_LIST ? instancesIn(services.values()) : [];
  for (const [type, instances] of lists) {
    if (instances <= LONG_LIST) continue;
    const fact = "more instances of a type than BIND takes in a set (max-records-per-type)";
    found.set(`list of ${type}`, { level: "warn", fields: { type, instances }, fact });
  }
  return found;
}

/** By type: the zone lists those of all sites together. */
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

/** From one projection to the next nearly all names stay the same values. */
const types = new WeakMap<Name, string>();
/** RFC 6335 §5.1: 15 characters at most, a letter among them, and no hyphen beside another. */
const SERVICE_NAME = /^_(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*$/i;
/** Octets of TXT data (RFC 6763 §6.2). */
const LARGE = 1300;
