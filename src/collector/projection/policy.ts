/**
 * What an administrator lets a site publish of what its links say. Pure: a value of the configuration and
 * one site's view of it. Rules are tried in the order in which they were written, and the first that fits
 * decides; if none does, a service is published. No rule sees what another has changed: names, hosts and
 * addresses are those that were heard.
 *
 * Invariant: a policy removes or rewrites; except for the TXT keys that it sets, it adds nothing that no
 * device said. What `publishable.ts` refuses stays refused, except for the hosts named in `hosts`.
 */
import type { Name, NameKey } from "../../dns/name.ts";
import type { Rdata } from "../../dns/rdata.ts";
import { LOCAL, parseInstance } from "../../dns/service.ts";
import { obtain } from "../obtain.ts";
import { isOn, type Subnet } from "../subnets.ts";
import { AddressMap, type MappedSubnet } from "./addressmap.ts";
import { editText, inUrl, type TextEdit } from "./textedit.ts";

/** Every field given has to fit. */
export interface Scope {
  /** Service types, as names in `local.`. */
  readonly types?: ReadonlySet<NameKey> | undefined;
  /** Labels of sites. */
  readonly sites?: readonly string[] | undefined;
}

export type Denial =
  | `policy.rules[${number}] denies it`
  | "its type reveals personal data, and no rule allows it"
  | "its type steers clients, and no rule allows it";

export function isDenial(reason: string): reason is Denial {
  return reason.startsWith("policy.rules[") || reason.endsWith("no rule allows it");
}

export interface PolicyRule extends Scope {
  readonly isAllowed: boolean;
  /** Patterns that ignore case, `*` for any octets: service label, and host name without `.local`. */
  readonly instance?: string | undefined;
  readonly host?: string | undefined;
  /** Fits if one of the host's addresses is in one of these. */
  readonly addresses?: readonly Subnet[] | undefined;
  readonly reason: Denial;
}

/** Every rule that fits is applied, in order. */
export interface TextRule extends Scope, TextEdit {}

/** How addresses are seen from elsewhere. */
export interface AddressRule extends Pick<Scope, "sites">, MappedSubnet {}

/** True if one of a host's addresses is in one of these networks. */
export type IsIn = (networks: readonly Subnet[]) => boolean;

export interface Policy {
  readonly rules: readonly PolicyRule[];
  readonly text: readonly TextRule[];
  readonly addresses: readonly AddressRule[];
  /** Networks whose addresses are believed though no link is in them. */
  readonly networks: readonly Subnet[];
  /** Labels that hosts may have though clients look for infrastructure by them. */
  readonly hosts: readonly string[];
}

/** The policy as it applies to one site. */
export class SitePolicy {
  readonly addresses: AddressMap;
  readonly #domainInUrl: string;
  readonly #rules: readonly PolicyRule[];
  readonly #text: readonly TextRule[];
  readonly #networks: readonly Subnet[];
  readonly #hosts: ReadonlySet<string>;

  /** `domain` is the site's. */
  constructor({ rules, text, addresses, networks, hosts }: Policy, domain: Name) {
    const label = textOf(domain.labels[0]!);
    const isHere = ({ sites }: Scope) => sites?.some((site) => folded(site) === label) ?? true;
    this.#domainInUrl = inUrl(domain);
    this.#rules = rules.filter(isHere).map((rule) => ({
      ...rule,
      instance: rule.instance && folded(rule.instance),
      host: rule.host && folded(rule.host),
    }));
    this.#text = text.filter(isHere);
    this.addresses = new AddressMap(addresses.filter(isHere));
    this.#networks = networks;
    this.#hosts = new Set(hosts.map(folded));
  }

  /**
   * Why a service of this type of `local.` must not be published with this host; undefined if it may be.
   * Without a host, rules about hosts and addresses fit nothing. `hosts` are its name and those that it is
   * an alias of; `isIn` tells whether one of its addresses is in one of these networks.
   */
  objection(
    type: NameKey,
    service: Name,
    hosts: () => Iterable<Name> = () => [],
    isIn: IsIn = () => false,
  ): Denial | undefined {
    const rule = this.#rules.find(
      (each) =>
        (each.types === undefined || each.types.has(type)) &&
        (each.instance === undefined || fits(each.instance, instanceText(service))) &&
        isOf(each, hosts, isIn),
    );
    return rule === undefined || rule.isAllowed ? undefined : rule.reason;
  }

  /** Why a host must not be told of, whatever its services: decided by rules that fit each of them. */
  hostObjection(hosts: () => Iterable<Name>, isIn: IsIn): Denial | undefined {
    const rule = this.#rules.find(
      (each) => each.types === undefined && each.instance === undefined && isOf(each, hosts, isIn),
    );
    return rule === undefined || rule.isAllowed ? undefined : rule.reason;
  }

  /** True if rules about addresses decide whether a host may be told of. */
  get isAboutAddresses(): boolean {
    return this.#rules.some(
      ({ types, instance, addresses }) =>
        types === undefined && instance === undefined && addresses !== undefined,
    );
  }

  /** True if this host may have a name that steers clients. */
  isExempt(host: Name): boolean {
    return this.#hosts.has(hostText(host));
  }

  /** True if this address may be published from a link in these subnets. */
  believes(address: Uint8Array, subnets: readonly Subnet[]): boolean {
    const own = subnets.filter((subnet) => isOn([subnet], address));
    if (own.length > 0) return own.some((subnet) => !isOfNobody(subnet, address));
    return isOn(this.#networks, address) || this.addresses.has(address);
  }

  /** The TXT record of a service as the policy edits it. */
  text(service: Name, data: Rdata, map = this.addresses.mapped): Rdata {
    const type = parseInstance(service)?.type.key;
    const rules = this.#text.filter(({ types }) => types === undefined || types.has(type!));
    if (type === undefined || rules.length === 0) return data;
    return editText(data, rules, { domain: this.#domainInUrl, map });
  }
}

/** True if what the rule says about hosts fits this host. */
function isOf(
  { host: pattern, addresses: networks }: PolicyRule,
  hosts: () => Iterable<Name>,
  isIn: IsIn,
): boolean {
  return (
    (pattern === undefined || [...hosts()].some((host) => fits(pattern, hostText(host)))) &&
    (networks === undefined || isIn(networks))
  );
}

/** What `objection` and `hostObjection` ask about these addresses of a host. */
export function among(addresses: readonly Uint8Array[]): IsIn {
  return (networks) => addresses.some((address) => isOn(networks, address));
}

/** True if the text, folded like the pattern, fits it. Takes time in the product of both lengths. */
export function fits(pattern: string, text: string): boolean {
  let [at, star, mark] = [0, -1, 0];
  for (let i = 0; i < text.length; ) {
    if (pattern[at] === "*") {
      star = at++;
      mark = i;
    } else if (pattern[at] === text[i]) {
      at++;
      i++;
    } else {
      if (star < 0) return false;
      at = star + 1;
      i = ++mark;
    }
  }
  while (pattern[at] === "*") at++;
  return at === pattern.length;
}

/**
 * True for an address that is no single host's: the first of a subnet is the subnet's own, or in IPv6 any
 * router's (RFC 4291 §2.6.1); the last in IPv4 is everybody's (RFC 919 §7).
 */
function isOfNobody({ base, prefix }: Subnet, address: Uint8Array): boolean {
  if (8 * base.length - prefix < 2) return false;
  if (Buffer.compare(address, base) === 0) return true;
  const ones = 0xffffffff >>> prefix;
  return base.length === 4 && (Buffer.from(address).readUInt32BE() & ones) >>> 0 === ones;
}

/** Nearly all names stay the same objects from one projection to the next. */
const instances = new WeakMap<Name, string>();
const hosts = new WeakMap<Name, string>();

function instanceText(service: Name): string {
  return obtain(instances, service, () => service.labels.slice(0, 1).map(textOf).join());
}

function hostText(host: Name): string {
  return obtain(hosts, host, () => {
    const labels = host.isUnder(LOCAL) ? host.labelsUnder(LOCAL) : host.labels;
    return labels.map(textOf).join(".");
  });
}

function textOf(octets: Uint8Array): string {
  return folded(Buffer.from(octets).toString("utf8"));
}

/** In lower case and one normal form of Unicode. */
export function folded(text: string): string {
  return text.normalize("NFC").toLowerCase();
}
