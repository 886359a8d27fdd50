/**
 * Whether the subject is published, and why or why not: the verdict of the projection that collectors use,
 * beside what the zone has. Pure.
 */
import type { HeardSet } from "../../collector/link/heard.ts";
import { isDenial } from "../../collector/projection/policy.ts";
import { projectOne } from "../../collector/projection/project.ts";
import type { Reason } from "../../collector/projection/site.ts";
import { refusalOf } from "../../collector/report/refusals.ts";
import { isAddressType, Type } from "../../dns/constants.ts";
import { labelToUnicode, type Name, type NameKey } from "../../dns/name.ts";
import { targetOf } from "../../dns/rdata.ts";
import { LOCAL, parseServiceType } from "../../dns/service.ts";
import { FILE, type Hold } from "../../zone/update/hold.ts";
import { isReserved } from "../../zone/update/principal.ts";
import type { ZoneRecord } from "../../zone/update/recordmap.ts";
import { leadsTo, namesFrom } from "./account.ts";
import { type Ear, speakersFor } from "./hearing.ts";
import { kindOf, type Subject } from "./subject.ts";
import type { ZoneWord } from "./zoneword.ts";

export interface Evidence {
  readonly zone: Name;
  readonly subject: Subject;
  readonly word: ZoneWord;
  readonly ears: readonly Ear[];
  /** On the clock of what was heard. */
  readonly now: number;
  /** Who holds a record of the zone; undefined where its journal is elsewhere. */
  readonly holds?: ((record: ZoneRecord) => readonly Hold[]) | undefined;
  /** True if the same process hears the links and serves the zone. */
  readonly isNear: boolean;
  /** The site where devices register themselves; no link is there. */
  readonly registering?: Name | undefined;
  /** The file with the rules. */
  readonly file: string | undefined;
}

export function verdictLines(evidence: Evidence): string[] {
  const { ears, subject, word, zone } = evidence;
  const lines: string[] = [];
  const domains = [...word.sites, ...ears.map(({ site }) => site.domain)];
  for (const domain of new Map(domains.map((each) => [each.key, each])).values()) {
    const label = labelToUnicode(domain.labels[0]!);
    const here = ears.filter(({ site }) => site.domain.equals(domain));
    const [first] = here;
    if (evidence.registering?.equals(domain)) {
      const isThere = word.names.some((each) => each.isUnder(domain) && word.sets.has(each.key));
      const isMeant = subject.site !== undefined && word.trouble === undefined;
      const all = isThere ? "that is all there is of it" : "there is nothing of it";
      if (isThere || isMeant) lines.push(`At ${label}, where devices register themselves, ${all}`);
      continue;
    }
    if (first === undefined) {
      const isEmpty = word.emptySites.some((each) => each.equals(domain));
      const rest = isEmpty ? NO_SITE : `: ${ELSEWHERE}`;
      lines.push(`No link of this host is at ${label}${rest}`);
      continue;
    }
    const verdict = new Verdict(evidence, here, first);
    const found = subject.locals.flatMap((local) => verdict.on(local));
    if (found.length > 0) lines.push(`Verdict for ${label}:`, ...found);
  }
  if (lines.length > 0) return lines;
  const where = ears.map(({ link }) => link).join(", ");
  const heard = where === "" ? "no link of this host is heard" : `no host announces it on ${where}`;
  if (word.trouble !== undefined) return [`Verdict: ${heard}, ${UNKNOWN}`];
  const isThere = subject.locals.some((local) => {
    const name = local.replaceSuffix(LOCAL, zone);
    return name !== undefined && word.sets.has(name.key);
  });
  if (isThere) return [`Verdict: the zone itself has it, and ${heard}`];
  const [local] = subject.locals;
  if (subject.site !== undefined || kindOf(local!) !== "host") {
    return [`Verdict: not published: ${heard}, and the zone has nothing of it`];
  }
  // No list tells which sites have a host of this name.
  const others = `ask for ${local!.toUnicode().replace(/\.local\.$/i, ".SITE")}`;
  if (where === "") return [`Verdict: ${heard}: for each site ${others}`, WHOLE_NAME];
  const sites = word.sites.map((site) => labelToUnicode(site.labels[0]!)).join(", ");
  const here = `${heard}, and the zone has nothing of it there`;
  return [`Verdict: not published at ${sites}: ${here}; for other sites ${others}`, WHOLE_NAME];
}

interface Facts {
  readonly isHeard: boolean;
  /** Whether the zone has it; undefined where that is not known. */
  readonly isThere: boolean | undefined;
  /** Why it may not be published. */
  readonly reason: string | undefined;
}

/** The verdict on one site. */
class Verdict {
  readonly #evidence: Evidence;
  readonly #ears: readonly Ear[];
  readonly #site: Ear["site"];

  constructor(evidence: Evidence, ears: readonly Ear[], { site }: Ear) {
    this.#evidence = evidence;
    this.#ears = ears;
    this.#site = site;
  }

  /** Empty where neither a link nor the zone has anything of it. */
  on(local: Name): string[] {
    if (isReserved(local.labels)) return [`  ${local.toUnicode()}: ${RESERVED}`];
    switch (kindOf(local)) {
      case "list":
        return this.#onList(local);
      case "service":
        return this.#onService(local);
      case "host":
        return this.#onHost(local);
    }
  }

  #onList(list: Name): string[] {
    const heard = this.#setsAt(list)
      .filter(({ type }) => type === Type.PTR)
      .flatMap(({ records }) => [...records.values()].map(({ rdata }) => targetOf(rdata)!));
    const there = this.#listed(list);
    const all = new Map<NameKey, Name>([...there, ...heard].map((name) => [name.key, name]));
    const isOfTypes = parseServiceType(list) === undefined;
    const { services, withheld } = this.#project(list);
    return [...all.values()].map((entry) => {
      const isIn = (names: readonly Name[]) => names.some((name) => name.equals(entry));
      const isThere = this.#ifKnown(isIn(there));
      const why = () => {
        // A type is there with any of its services, of which there may be hundreds.
        if (isOfTypes) return isThere ? undefined : NO_SERVICE;
        const isListed = services.has(this.#inZone(entry).key);
        return isListed ? undefined : this.#whyUnlisted(list, entry);
      };
      const reason = withheld.find(({ name }) => name.equals(entry))?.reason ?? why();
      return this.#line(entry, { isHeard: isIn(heard), isThere, reason });
    });
  }

  #onService(service: Name): string[] {
    const isListed = this.#ears.some(({ cache }) => speakersFor(cache, service).length > 0);
    const isHeard = isListed || this.#isSaid(service);
    const isThere = this.#has(service, Type.SRV);
    if (!isHeard && isThere !== true) return [];
    const { withheld } = this.#project(service);
    const reason = withheld.find(({ name }) => name.equals(service))?.reason;
    const lines = [this.#line(service, { isHeard, isThere, reason })];
    if (isHeard && reason === undefined) lines.push(...this.#onListing(service, isListed));
    const hosts = this.#ears.flatMap((ear) => namesFrom(ear, service).slice(1));
    for (const host of new Map(hosts.map((each) => [each.key, each])).values()) {
      lines.push(...this.#onHost(host));
    }
    return lines;
  }

  /** Why a publishable service is missing from a list; empty where it is not. */
  #onListing(service: Name, isListed: boolean): string[] {
    const list = service.parent!;
    const name = this.#inZone(service);
    if (!this.#project(list).services.has(name.key)) {
      const silent = `its device does not list it in ${list.toUnicode()}`;
      return [`    not listed: ${isListed ? this.#whyUnlisted(list, service) : silent}`];
    }
    const { word, zone } = this.#evidence;
    const merged = word.sets.set(list.replaceSuffix(LOCAL, zone)!, Type.PTR);
    const isDue = this.#has(service, Type.SRV) === true && word.trouble === undefined;
    return isDue && !(merged && leadsTo(merged, name)) ? [`    not listed: ${FULL}`] : [];
  }

  /** Why a service is not listed that nothing else is against. */
  #whyUnlisted(list: Name, service: Name): string {
    if (!service.isUnder(LOCAL)) return "it is elsewhere, and listed only beneath the site";
    const { type } = parseServiceType(list)!;
    const denial = this.#site.policy.objection(type.key, service);
    return denial ?? "its port is 0: it can be resolved, but is not to be browsed (RFC 6763 §8)";
  }

  #onHost(host: Name): string[] {
    if (!host.isUnder(LOCAL)) return [];
    const isHeard = this.#isSaid(host);
    const isThere = this.#has(host);
    if (!isHeard && isThere !== true) return [];
    const { withheld, sets } = this.#project(host);
    const isAddressed = [...sets].some(({ type }) => HOST_TYPES.includes(type));
    const none = isAddressed ? undefined : NO_ADDRESS;
    const why = withheld.find(({ name }) => name.equals(host))?.reason ?? none;
    // A rule about addresses passes over link-local ones, as others may follow.
    const hasAddress = this.#setsAt(host).some(({ type }) => isAddressType(type));
    const reason = why === NO_ADDRESS && hasAddress ? NO_ADDRESS_OF_USE : why;
    // It means to be a service, under a name that is not a service's.
    const service = this.#setsAt(host).find(({ type }) => type === Type.SRV);
    const odd = isAddressed ? undefined : service && refusalOf(this.#site, service);
    return [this.#line(host, { isHeard, isThere, reason: odd ?? reason }, WITH_SERVICE)];
  }

  #line(
    local: Name,
    { isHeard, isThere, reason }: Facts,
    absence = this.#evidence.isNear ? NOT_TAKEN_HERE : NOT_TAKEN_THERE,
  ): string {
    const { file } = this.#evidence;
    const place = reason !== undefined && isDenial(reason) && file ? ` (${file})` : "";
    const what = () => {
      if (isThere && this.#isOfFile(local)) return "published: a zone file has it";
      if (!isHeard)
        return isThere ? `published, though no host announces it now: ${UNHEARD}` : NOBODY;
      if (reason !== undefined) {
        const stays = isThere ? `, but the zone has it: ${STAYS}` : "";
        return `not published: ${reason}${place}${stays}`;
      }
      if (isThere === undefined) return `may be published, ${UNKNOWN}`;
      return isThere ? "published" : `may be published, but is not in the zone: ${absence}`;
    };
    return `  ${local.toUnicode()}: ${what()}`;
  }

  #project(local: Name) {
    return projectOne(this.#site, this.#evidence.zone, local, this.#evidence.now);
  }

  #isSaid(name: Name): boolean {
    return this.#setsAt(name).some(({ type }) => type !== Type.NSEC);
  }

  #setsAt({ key }: Name): HeardSet[] {
    return this.#ears.flatMap(({ cache }) => [...(cache.at(key)?.sets.values() ?? [])]);
  }

  /** The names of this site that the zone has in the list, as the link would call them. */
  #listed(list: Name): Name[] {
    const { word, zone } = this.#evidence;
    const { domain } = this.#site;
    return [domain, zone]
      .flatMap((place) => list.replaceSuffix(LOCAL, place) ?? [])
      .flatMap((name) => word.sets.set(name, Type.PTR)?.rdatas ?? [])
      .flatMap((rdata) => targetOf(rdata)!)
      .filter((name) => name.isUnder(domain))
      .flatMap((name) => name.replaceSuffix(domain, LOCAL) ?? []);
  }

  /** The local name itself where it has no place in the zone. */
  #inZone(local: Name): Name {
    return this.#site.name(local) ?? local;
  }

  /** Whether the zone has any record of the name, or one of the type. */
  #has(local: Name, type?: number): boolean | undefined {
    const { sets } = this.#evidence.word;
    const { key } = this.#inZone(local);
    return this.#ifKnown(type === undefined ? sets.has(key) : sets.get(key, type) !== undefined);
  }

  /** What the zone did not tell, it may still have. */
  #ifKnown(has: boolean): boolean | undefined {
    return has || this.#evidence.word.trouble === undefined ? has : undefined;
  }

  /** True if only a zone file holds what the zone has of it. */
  #isOfFile(local: Name): boolean {
    const { word, holds } = this.#evidence;
    const name = this.#inZone(local);
    const sets = [...word.sets].filter((set) => set.name.equals(name));
    const held = sets.flatMap(({ rdatas }) =>
      rdatas.flatMap((rdata) => holds?.({ name, rdata }) ?? []),
    );
    return held.length > 0 && held.every(({ by }) => by === FILE);
  }
}

const NO_ADDRESS: Reason = "no address of its host is known";
const NO_ADDRESS_OF_USE: Reason = "no address of its host can be reached from elsewhere";
const HOST_TYPES: readonly number[] = [Type.A, Type.AAAA, Type.CNAME];

/** Whoever asks for a service by what its device is called would take the verdict for one on the service. */
const WHOLE_NAME =
  "This is a host's name; a service is asked for with its type, as in 'Office Printer._ipp._tcp'";
const NO_SITE = ", and the zone has no such site";
const ELSEWHERE = "run explain on the machine of its collector";
const UNKNOWN = "and what the zone has is not known";
const NOBODY = "not published: no host announces it";
const RESERVED = "no device may announce it: it is reserved for collectors and zone files";
const NO_SERVICE = "no service of it is published";
const WITH_SERVICE = "a host is published with a service that leads to it";
const NOT_TAKEN_HERE =
  "the gateway has not heard it yet, or runs with another configuration; its log says more";
const NOT_TAKEN_THERE =
  "the collector is not running, or the server does not accept it; the collector's log says more";
const FULL = "its list in the zone is full, or was refused; the collector's log says more";
const UNHEARD =
  "its device left without a goodbye, and its TTL has not expired; or its collector died, and the lease " +
  "has not expired; or another collector hears it";
const STAYS = "its collector runs with another configuration, or another collector has it";
