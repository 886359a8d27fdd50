/**
 * What the zone has of a name and of what it leads to, asked of its server type by type, as clients ask; so
 * the server may be any, or a resolver.
 */
import { RecordSets } from "../../collector/recordsets.ts";
import { Rcode, rcodeName, Type } from "../../dns/constants.ts";
import type { Message } from "../../dns/message.ts";
import type { Name } from "../../dns/name.ts";
import { targetOf } from "../../dns/rdata.ts";
import { LOCAL, parseInstance } from "../../dns/service.ts";
import { carriedTypes } from "../../zone/update/principal.ts";
import { kindOf, type Subject } from "./subject.ts";

export interface ZoneWord {
  readonly sets: RecordSets;
  /** The names to report, in order: what was asked about, and what it leads to. */
  readonly names: readonly Name[];
  /** The domains of the sites where it may be. */
  readonly sites: readonly Name[];
  /** Those of `sites` at which the zone has nothing at all. */
  readonly emptySites: readonly Name[];
  /** Why the server told no more; undefined where it told everything. */
  readonly trouble: string | undefined;
}

export type Ask = (name: Name, type: number) => Promise<Message>;

export class ZoneInquiry implements ZoneWord {
  readonly sets = new RecordSets();
  readonly names: Name[] = [];
  readonly sites: Name[];
  readonly emptySites: Name[] = [];
  trouble: string | undefined;
  readonly #ask: Ask;
  readonly #zone: Name;
  readonly #asked: Name[] = [];

  /** `sites` are those known here: of links that are heard, and where devices register. */
  constructor(ask: Ask, zone: Name, sites: readonly Name[]) {
    this.#ask = ask;
    this.#zone = zone;
    this.sites = [...sites];
  }

  async ask({ locals, site }: Subject): Promise<void> {
    const isElsewhere = site !== undefined && !this.sites.some((each) => each.equals(site));
    if (site !== undefined) this.sites.splice(0, this.sites.length, site);
    await this.#trying(async () => {
      for (const local of locals) {
        if (site === undefined) await this.#askMerged(local);
        for (const each of this.sites) await this.#askAt(each, local);
      }
      // The site may not exist: any name not of this zone is read as relative to it.
      if (isElsewhere && this.names.length === 0) await this.#askWhetherThere(site);
    });
    // At least the name that was meant is reported.
    const [local] = locals;
    if (this.names.length > 0) return;
    for (const domain of this.sites.length > 0 ? this.sites : [this.#zone]) {
      this.names.push(local!.replaceSuffix(LOCAL, domain) ?? local!);
    }
  }

  /** Asks for hosts that a link of this site leads to. */
  async askHosts(site: Name, hosts: readonly Name[]): Promise<void> {
    await this.#trying(async () => {
      for (const host of hosts) if (host.isUnder(LOCAL)) await this.#askAt(site, host);
    });
  }

  /** Runs `inquire`, unless the server has failed to answer before. */
  async #trying(inquire: () => Promise<void>): Promise<void> {
    if (this.trouble !== undefined) return;
    try {
      await inquire();
    } catch (error) {
      this.trouble = (error as Error).message;
    }
  }

  /** NXDOMAIN means that nothing exists beneath the name either (RFC 8020). */
  async #askWhetherThere(site: Name): Promise<void> {
    const { rcode } = await this.#ask(site, Type.SOA);
    if (rcode === Rcode.NXDOMAIN) this.emptySites.push(site);
  }

  /** Asks at the zone's own name, where lists tell which sites have such a service. */
  async #askMerged(local: Name): Promise<void> {
    const kind = kindOf(local);
    const name = local.replaceSuffix(LOCAL, this.#zone);
    if (name === undefined) return;
    await this.#all(name, kind === "list" ? [Type.PTR] : TYPES);
    if (kind !== "service") return;
    for (const target of await this.#listAt(name.parent!)) {
      const site = parseInstance(target)?.domain;
      const isOne = site?.parent?.equals(this.#zone) === true;
      if (!isOne || !target.replaceSuffix(site, LOCAL)?.equals(local)) continue;
      if (!this.sites.some((each) => each.equals(site))) this.sites.push(site);
    }
  }

  /** Asks beneath a site, and for the lists that may include the name. */
  async #askAt(site: Name, local: Name): Promise<void> {
    const [name, merged] = [site, this.#zone].map((to) => local.replaceSuffix(LOCAL, to));
    if (name === undefined || merged === undefined) return;
    if (kindOf(local) === "list") {
      await this.#all(name, [Type.PTR]);
      await this.#listAt(merged);
      return;
    }
    await this.#follow(name, MAX_STEPS);
    if (kindOf(local) !== "service") return;
    await this.#listAt(name.parent!);
    await this.#listAt(merged.parent!);
  }

  async #listAt(list: Name): Promise<Name[]> {
    await this.#all(list, [Type.PTR], false);
    return (this.sets.set(list, Type.PTR)?.rdatas ?? []).map((rdata) => targetOf(rdata)!);
  }

  async #follow(name: Name, steps: number): Promise<void> {
    await this.#all(name, TYPES);
    if (steps === 0) return;
    for (const type of [Type.SRV, Type.CNAME]) {
      for (const rdata of this.sets.set(name, type)?.rdatas ?? []) {
        const target = targetOf(rdata)!;
        if (target.isUnder(this.#zone)) await this.#follow(target, steps - 1);
      }
    }
  }

  async #all(name: Name, types: readonly number[], isToBeTold = true): Promise<void> {
    const isIn = (names: readonly Name[]) => names.some((each) => each.equals(name));
    if (!isIn(this.#asked)) {
      this.#asked.push(name);
      const answers = await Promise.all(types.map((type) => this.#ask(name, type)));
      for (const { rcode } of answers) {
        if (rcode === Rcode.NOERROR || rcode === Rcode.NXDOMAIN) continue;
        throw new Error(`the server answers ${rcodeName(rcode)} for ${name.toUnicode()}`);
      }
      for (const record of answers.flatMap((message) => message.answers)) {
        // The target of an alias is asked for by its own name.
        if (!record.name.equals(name) || !types.includes(record.type)) continue;
        this.sets.add({ ...record, rdatas: [record.rdata] });
      }
    }
    if (isToBeTold && this.sets.has(name.key) && !isIn(this.names)) this.names.push(name);
  }
}

const TYPES = [...carriedTypes];
/** From a service to its host, and from alias to alias. */
const MAX_STEPS = 5;
