/**
 * Does a resolver pass on what the server of the zone has? Each is asked what a client asks, and its answers
 * are compared with the server's own: every way in which they can differ has a cause.
 */
import { Rcode, Type, typeName } from "../../dns/constants.ts";
import { type Endpoint, formatEndpoint } from "../../dns/endpoint.ts";
import type { Message } from "../../dns/message.ts";
import type { Name } from "../../dns/name.ts";
import { LONG_LIST } from "../../dns/service.ts";
import { ExchangeError } from "../../net/client/exchange.ts";
import { type Ask, dataOf, denialOf, denierOf, describe, soaIn } from "./asking.ts";
import type { Finding } from "./finding.ts";
import { bindOptions, forwarding, NO_LIMIT, notValidating, privateAddresses } from "./remedies.ts";
import type { Sample } from "./zone.ts";

export interface ResolverOptions {
  readonly ask: Ask;
  /** The zone's server, as it is asked from here. */
  readonly server: Endpoint;
  /** As others can ask it; undefined where they cannot. */
  readonly reached: Endpoint | undefined;
  readonly sample: Sample;
  /** The reverse zones of the configuration. */
  readonly reverse: readonly Name[];
  /** True if clients of some networks are not shown everything. */
  readonly hasViews: boolean;
}

export function examineResolver(resolver: Endpoint, options: ResolverOptions): Promise<Finding[]> {
  return new Examination(resolver, options).run();
}

class Examination {
  readonly #findings: Finding[] = [];
  readonly #resolver: Endpoint;
  readonly #options: ResolverOptions;
  /** Zones that the resolver does not find, and what it says of each. */
  readonly #unknown: { readonly zone: Name; readonly answer: Message; readonly said: string }[] =
    [];

  constructor(resolver: Endpoint, options: ResolverOptions) {
    this.#resolver = resolver;
    this.#options = options;
  }

  async run(): Promise<Finding[]> {
    const { sample, reverse } = this.#options;
    for (const zone of [sample.zone, ...reverse]) {
      const answer = await this.#ask(zone, Type.SOA);
      if (answer instanceof ExchangeError) {
        // It will not answer anything else either.
        this.#tell("broken", answer.message);
        return this.#findings;
      }
      if (await this.#isOther(zone, answer)) {
        this.#unknown.push({ zone, answer, said: "has another, empty zone of that name" });
        continue;
      }
      const isWhole = soaIn(answer, zone) !== undefined;
      const isThere = isWhole || dataOf(await this.#ask(zone, Type.NS), zone, Type.NS).length > 0;
      if (isWhole) this.#tell("ok", `finds ${zone}`);
      else if (isThere) this.#tell("broken", `${describe(answer)} to ${zone} SOA`, FILTERED);
      else await this.#miss(zone, answer);
      if (isThere && zone === sample.zone) await this.#compare();
    }
    await this.#tellUnknown();
    return this.#findings;
  }

  /** Resolvers have empty zones of their own for private addresses (RFC 6303 §3), with another mailbox. */
  async #isOther(zone: Name, answer: Message): Promise<boolean> {
    const found = soaIn(answer, zone);
    if (found === undefined) return false;
    const own = soaIn(await this.#askServer(zone, Type.SOA), zone);
    return own !== undefined && !own.rname.equals(found.rname);
  }

  async #miss(zone: Name, answer: Message): Promise<void> {
    if (answer.rcode === Rcode.SERVFAIL) {
      const unchecked = await this.#ask(zone, Type.SOA, { checkingDisabled: true });
      if (soaIn(unchecked, zone) !== undefined) {
        await this.#tellUnbelieved(zone, answer);
        return;
      }
    }
    const denier = denierOf(answer);
    const by = denier === undefined ? "" : `, according to ${denier}`;
    this.#unknown.push({ zone, answer, said: `${describe(answer)}${by}` });
  }

  async #tellUnbelieved(zone: Name, answer: Message): Promise<void> {
    this.#tell(
      "broken",
      `${describe(answer)} to ${zone}: it validates, and rejects every answer`,
      (await this.#isSigned(zone))
        ? ["The zone above has no DS record for a key that signs it (docs/dnssec.md)."]
        : notValidating(zone),
    );
  }

  /** Reports all unknown zones together, so that the remedy can be pasted. */
  async #tellUnknown(): Promise<void> {
    const unknown = this.#unknown;
    if (unknown.length === 0) return;
    const all = unknown.map(({ zone, said }) => `${zone} (${said})`);
    const isFailing = unknown.some(({ answer }) => answer.rcode === Rcode.SERVFAIL);
    const zones = unknown.map(({ zone }) => zone);
    const remedy = [...(await this.#forwarding(zones)), ...(isFailing ? UNANSWERED : [])];
    this.#tell("broken", `does not find ${all.join(", ")}`, remedy);
  }

  async #forwarding(zones: readonly Name[]): Promise<string[]> {
    const { reached: server } = this.#options;
    if (server === undefined) {
      return ["First let the zone's server listen where others can ask it (listen.dns)."];
    }
    const signed: Name[] = [];
    for (const zone of zones) if (await this.#isSigned(zone)) signed.push(zone);
    return ["Let it forward to the zone's server:", ...forwarding({ zones, server, signed })];
  }

  /** Compares what is known to exist, and a name that does not. */
  async #compare(): Promise<void> {
    const { zone, service, lists } = this.#options.sample;
    if (service !== undefined) {
      await this.#compareService(service.instance);
      await this.#compareAddress(service.host, service.type);
    }
    const [longest] = lists;
    if (longest !== undefined) await this.#compareList(longest.name, longest.instances);
    const absent = zone.child(ABSENT);
    if (absent === undefined) return;
    const answer = await this.#ask(absent, Type.A);
    const invented = dataOf(answer, absent, Type.A);
    const own = await this.#askServer(absent, Type.A);
    if (invented.length > 0 && dataOf(own, absent, Type.A).length === 0) {
      this.#tell("broken", `has an address for ${absent}, which does not exist`);
    }
    // Now from its cache, if it has one.
    const denial = denialOf(await this.#ask(absent, Type.A), zone);
    if (denial === undefined || denial.lasts <= denial.may) return;
    const { lasts, may } = denial;
    const fact = `denies names for ${lasts} s, and the zone for ${may} s: what has come is missed`;
    this.#tell("odd", fact, KEEPING);
  }

  async #compareService(instance: Name): Promise<void> {
    for (const type of [Type.SRV, Type.TXT]) {
      const answer = await this.#lacks(instance, type);
      if (answer === undefined) continue;
      this.#tellLack(answer, `${instance.toUnicode()} ${typeName(type)}`, { remedy: FILTERED });
    }
  }

  async #compareAddress(host: Name, type: number): Promise<void> {
    const answer = await this.#lacks(host, type);
    if (answer === undefined) return;
    const remedy = privateAddresses(this.#options.sample.zone);
    const why = ": it withholds private addresses";
    this.#tellLack(answer, `${host.toUnicode()} ${typeName(type)}`, { why, remedy });
  }

  async #compareList(list: Name, instances: number): Promise<void> {
    const of = `${list.toUnicode()}, which has ${instances}`;
    const answer = await this.#lacks(list, Type.PTR);
    if (answer !== undefined) {
      const isLong = instances > LONG_LIST;
      this.#tellLack(answer, of, { remedy: isLong ? LONG : [] });
      return;
    }
    const plain = await this.#ask(list, Type.PTR, { transport: "udp", isPlain: true });
    if (plain instanceof ExchangeError || !plain.isTruncated) return;
    if (dataOf(plain, list, Type.PTR).length > 0) return;
    this.#tell("odd", `sends nothing of ${of}, to clients that ask over UDP without EDNS`, [
      "Avahi, which asks so and never over TCP, lists none of it behind this resolver: let its hosts",
      "ask the zone's server or BIND, or browse sites one by one (docs/operations.md, Clients).",
    ]);
  }

  /** Reports the lack of what the server shows to this host; with views it may be intended. */
  #tellLack(
    answer: Message | ExchangeError,
    of: string,
    { why = "", remedy }: { readonly why?: string; readonly remedy: readonly string[] },
  ): void {
    const denial = denialOf(answer, this.#options.sample.zone);
    // An old denial has no other cause, and its remedy comes with what is told of all of them.
    const isOld = denial !== undefined && denial.lasts > denial.may;
    const fact = `${describe(answer)} to ${of}${isOld ? `, and may for ${denial.lasts} s more` : why}`;
    const known = isOld ? [] : remedy;
    if (this.#options.hasViews) this.#tell("odd", fact, [...known, ...HIDDEN]);
    else this.#tell("broken", fact, known);
  }

  /** The resolver's answer, where it lacks what the server has. */
  async #lacks(name: Name, type: number): Promise<Message | ExchangeError | undefined> {
    const answer = await this.#ask(name, type);
    if (dataOf(answer, name, type).length > 0) return undefined;
    // It may have gone just now.
    const own = await this.#askServer(name, type);
    return dataOf(own, name, type).length > 0 ? answer : undefined;
  }

  /** According to the server, zone by zone: one may be signed and another not. */
  async #isSigned(zone: Name): Promise<boolean> {
    return dataOf(await this.#askServer(zone, Type.DNSKEY), zone, Type.DNSKEY).length > 0;
  }

  readonly #ask = (...question: Tail<Parameters<Ask>>) =>
    this.#options.ask(this.#resolver, ...question);

  readonly #askServer = (...question: Tail<Parameters<Ask>>) =>
    this.#options.ask(this.#options.server, ...question);

  #tell(verdict: Finding["verdict"], fact: string, remedy: readonly string[] = []): void {
    const place = `resolver ${formatEndpoint(this.#resolver)}`;
    this.#findings.push({ verdict, place, fact, remedy });
  }
}

type Tail<T> = T extends readonly [unknown, ...infer Rest] ? Rest : never;

const FILTERED = ["It filters by type or by name; in dnsmasq that is filterwin2k or filter-rr."];
const KEEPING = [
  "It keeps answers for a least time, and clients see for as long what has gone. Expected is none:",
  `BIND:     ${bindOptions("min-cache-ttl 0; min-ncache-ttl 0;")}`,
  "Unbound:  server: cache-min-ttl: 0",
  "dnsmasq:  min-cache-ttl=0",
];
const HIDDEN = ["Or the view of the network that it asks from does not show it (views)."];
const UNANSWERED = [
  "Where it does so already, it gets no answer: UDP and TCP from there must pass, and query.allow",
  "must let it ask. Unbound may take 15 minutes to retry a server that was away (infra-host-ttl: 60).",
];
/** A host name that nobody has. */
const ABSENT = "no-such-host-6f1c2a";
const LONG = [
  "It accepts no set of so many records. For resolvers that are known to have such a limit:",
  `BIND:                 ${bindOptions(NO_LIMIT)}`,
  "PowerDNS Recursor:    max-rrset-size=10000",
];
