/** What clients need to find in the zone, and a sample of it to compare with what other servers answer. */
import { Type } from "../../dns/constants.ts";
import { type Endpoint, formatEndpoint } from "../../dns/endpoint.ts";
import type { Name } from "../../dns/name.ts";
import { type Rdata, srvOf, targetOf } from "../../dns/rdata.ts";
import {
  type Enumeration,
  enumerationName,
  LONG_LIST,
  serviceTypesName,
} from "../../dns/service.ts";
import { ExchangeError } from "../../net/client/exchange.ts";
import type { Browsed } from "../../zone/apex.ts";
import { type Ask, dataOf, describe, keptOut, soaIn } from "./asking.ts";
import type { Finding } from "./finding.ts";
import type { Refusal } from "./refusal.ts";
import { bindOptions, NO_LIMIT } from "./remedies.ts";

/** A list of services. */
export interface List {
  readonly name: Name;
  readonly instances: number;
}

/** A service that clients can reach. */
export interface SampleService {
  readonly instance: Name;
  readonly host: Name;
  /** A or AAAA. */
  readonly type: number;
}

/** What exists, according to the server of the zone. */
export interface Sample {
  readonly zone: Name;
  readonly serial: number;
  /** Longest first. */
  readonly lists: readonly List[];
  readonly service: SampleService | undefined;
}

export interface Examined {
  readonly findings: Finding[];
  /** Undefined where the server does not have the zone. */
  readonly sample: Sample | undefined;
}

export interface ZoneOptions {
  readonly ask: Ask;
  readonly server: Endpoint;
  readonly zone: Name;
  /** Of the configuration: `enumerate`. */
  readonly browsed: Browsed;
  readonly refusal: Refusal;
}

export async function examineZone(options: ZoneOptions): Promise<Examined> {
  const { ask, server, zone, browsed, refusal } = options;
  const place = placeOf(zone);
  const answer = await ask(server, zone, Type.SOA);
  const serial = soaIn(answer, zone)?.serial;
  if (serial === undefined) {
    const refused = await refusal(answer, server);
    if (refused !== undefined) return { findings: [{ place, ...refused }], sample: undefined };
    const fact = `${formatEndpoint(server)} ${describe(answer)}; expected the zone's own server`;
    const remedy = keptOut(answer);
    return { findings: [{ verdict: "broken", place, fact, remedy }], sample: undefined };
  }
  try {
    return await examineContents(finding(ask, server), { zone, browsed, serial });
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    const fact = `${formatEndpoint(server)} no longer answers: ${error.message}`;
    return { findings: [{ verdict: "broken", place, fact }], sample: undefined };
  }
}

async function examineContents(
  find: Find,
  { zone, browsed, serial }: Pick<ZoneOptions, "zone" | "browsed"> & { readonly serial: number },
): Promise<Examined> {
  const lists: List[] = [];
  const unreachable: Name[] = [];
  let service: SampleService | undefined;
  const types = await targetsOf(find, serviceTypesName(zone));
  for (const name of types.slice(0, MAX_TYPES)) {
    const instances = await targetsOf(find, name);
    lists.push({ name, instances: instances.length });
    const [first] = instances;
    if (first === undefined) continue;
    const reached = await reach(find, first, zone);
    if (reached === undefined && (await stillLists(find, name, first))) unreachable.push(first);
    if (typeof reached === "object") service ??= reached;
  }
  lists.sort((a, b) => b.instances - a.instances);
  const isAwaitingSites = browsed === "sites" && sumOf(lists) === 0;
  const findings = [
    contents(lists, serial),
    ...(await enumerationOf(find, zone, isAwaitingSites)),
    ...unreachable.map(unreachableFinding),
    ...longLists(lists),
  ].map((each) => ({ ...each, place: placeOf(zone) }));
  return { findings, sample: { zone, serial, lists, service } };
}

/** Rejects with an ExchangeError. */
type Find = (name: Name, type: number) => Promise<readonly Rdata[]>;
type Placeless = Omit<Finding, "place">;

function finding(ask: Ask, server: Endpoint): Find {
  return async (name, type) => {
    const answer = await ask(server, name, type);
    if (answer instanceof ExchangeError) throw answer;
    return dataOf(answer, name, type);
  };
}

function placeOf(zone: Name): string {
  return `zone ${zone}`;
}

async function targetsOf(find: Find, name: Name | undefined): Promise<Name[]> {
  const found = name === undefined ? [] : await find(name, Type.PTR);
  return found.flatMap((rdata) => targetOf(rdata) ?? []);
}

/** It may have gone just now. */
async function stillLists(find: Find, list: Name, instance: Name): Promise<boolean> {
  return (await targetsOf(find, list)).some((target) => target.equals(instance));
}

/** Undefined where the instance has no host, or its host no address, as far as this zone can tell. */
async function reach(
  find: Find,
  instance: Name,
  zone: Name,
): Promise<SampleService | "elsewhere" | undefined> {
  const [srv] = instance.isUnder(zone) ? await find(instance, Type.SRV) : [];
  const host = srv && srvOf(srv).target;
  if (!instance.isUnder(zone) || (host !== undefined && !host.isUnder(zone))) return "elsewhere";
  if (host === undefined) return undefined;
  for (const type of [Type.A, Type.AAAA]) {
    if ((await find(host, type)).length > 0) return { instance, host, type };
  }
  const [alias] = (await find(host, Type.CNAME)).flatMap((rdata) => targetOf(rdata) ?? []);
  return alias === undefined || alias.isUnder(zone) ? undefined : "elsewhere";
}

function contents(lists: readonly List[], serial: number): Placeless {
  const sum = sumOf(lists);
  if (sum === 0) return { verdict: "odd", fact: `serial ${serial}; it lists no services` };
  const instances = `${sum} ${sum === 1 ? "instance" : "instances"}`;
  const types = `${lists.length} ${lists.length === 1 ? "type" : "types"}`;
  return { verdict: "ok", fact: `serial ${serial}; ${instances} of ${types}` };
}

function sumOf(lists: readonly List[]): number {
  return lists.reduce((sum, { instances }) => sum + instances, 0);
}

/** RFC 6763 §11. Where sites are to be browsed, each is named by its collector. */
async function enumerationOf(
  find: Find,
  zone: Name,
  isAwaitingSites: boolean,
): Promise<Placeless[]> {
  const kinds: readonly Enumeration[] = ["b", "lb"];
  const told = await Promise.all(kinds.map((kind) => targetsOf(find, enumerationName(kind, zone))));
  const missing = kinds.filter((_, i) => told[i]!.length === 0);
  return missing.map((kind) => {
    const name = enumerationName(kind, zone);
    if (kind === "lb" && isAwaitingSites) {
      const fact = `${name} names no site until one publishes (enumerate: sites)`;
      return { verdict: "odd", fact };
    }
    return {
      verdict: "broken",
      fact: "clients that have it as their search domain are not told to browse it; it needs",
      remedy: [`${name} PTR ${zone}`],
    };
  });
}

function unreachableFinding(instance: Name): Placeless {
  const fact = `${instance.toUnicode()} is listed, but has no SRV record, or its host has no address`;
  return { verdict: "odd", fact };
}

/** A list of just so many may be all that BIND, as the primary, has taken. */
function longLists(lists: readonly List[]): Placeless[] {
  const long = lists.filter(({ instances }) => instances >= LONG_LIST);
  if (long.length === 0) return [];
  const named = long.map(({ name, instances }) => `${name.toUnicode()} (${instances})`);
  const more = long.length > 3 ? ` and ${long.length - 3} more` : "";
  return [
    {
      verdict: "odd",
      fact: `${LONG_LIST} instances or more: ${named.slice(0, 3).join(", ")}${more}. BIND (9.18.28 and later) takes no more than ${LONG_LIST}, as a primary, secondary or resolver, unless configured with`,
      remedy: [bindOptions(NO_LIMIT)],
    },
  ];
}

/** Each costs several questions. */
const MAX_TYPES = 200;
