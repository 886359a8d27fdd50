/**
 * The names of DNS-SD (RFC 6763 §4, §7, §9, §11):
 *
 *     Office Printer . _ipp . _tcp . example.com.          a service instance
 *                      _ipp . _tcp . example.com.          a service type
 *     _color . _sub  . _ipp . _tcp . example.com.          a subtype of it
 *     _services . _dns-sd . _udp . example.com.            all types there are
 *     lb . _dns-sd . _udp . example.com.                   where to browse
 *
 * An instance is one label of any octets (§4.1.1); a type is always two labels, the second `_tcp` or
 * `_udp` (§4.1.2). Case is ASCII-insensitive throughout.
 */
import { fold, Name } from "./name.ts";

/** `local.` (RFC 6762 §3). */
export const LOCAL = Name.parse("local.");

/** What a domain recommends to clients, in front of `_dns-sd._udp` (RFC 6763 §11). */
export const enumerations = {
  b: "domains to browse",
  db: "the domain to browse unless told otherwise",
  r: "domains to register in",
  dr: "the domain to register in unless told otherwise",
  lb: "domains to browse for programs that have no choice to offer",
} as const;
export type Enumeration = keyof typeof enumerations;

export interface ServiceInstance {
  readonly instance: Uint8Array;
  /** `_ipp._tcp` in its domain. */
  readonly type: Name;
  readonly domain: Name;
}

export interface ServiceType {
  /** The label in front of `_sub`, any octets (RFC 6763 §7.1). */
  readonly subtype?: Uint8Array;
  /** `_ipp._tcp` in its domain, whatever the subtype. */
  readonly type: Name;
  readonly domain: Name;
}

/** The parts of a service instance's name; undefined when it is not one. */
export function parseInstance(name: Name): ServiceInstance | undefined {
  const instance = name.labels[0];
  const type = name.parent;
  const domain = type && domainOf(type);
  if (instance === undefined || domain === undefined) return undefined;
  return { instance, type: type!, domain };
}

/** The parts of a service type's name, with or without a subtype; undefined when it is neither. */
export function parseServiceType(name: Name): ServiceType | undefined {
  const domain = domainOf(name);
  if (domain !== undefined) return { type: name, domain };
  const [subtype, sub] = name.labels;
  if (subtype === undefined || sub === undefined || !isLabel(sub, "_sub")) return undefined;
  const type = name.parent!.parent!;
  const beneath = domainOf(type);
  return beneath && { subtype, type, domain: beneath };
}

/** Is this `_ipp._tcp` in some domain? */
export function isServiceType(name: Name): boolean {
  return domainOf(name) !== undefined;
}

/** Where `domain` lists its service types (RFC 6763 §9); undefined when the name is too long. */
export function serviceTypesName(domain: Name): Name | undefined {
  return Name.join(SERVICES.labels, domain);
}

/** Where `domain` recommends domains (RFC 6763 §11); undefined when the name is too long. */
export function enumerationName(enumeration: Enumeration, domain: Name): Name | undefined {
  return Name.join([Buffer.from(enumeration), ...DNS_SD.labels], domain);
}

/**
 * What is below the two labels of a service type; undefined when `name` does not start with one.
 * Service names that break RFC 6335 §5.1 (15 letters, digits and hyphens) are in use, so any label
 * behind an underscore will do; `_dns-sd._udp` is about services and none itself.
 */
function domainOf(name: Name): Name | undefined {
  const [service, protocol] = name.labels;
  if (service === undefined || protocol === undefined) return undefined;
  if (!isLabel(protocol, "_tcp") && !isLabel(protocol, "_udp")) return undefined;
  if (service.length < 2 || service[0] !== UNDERSCORE || isLabel(service, "_dns-sd")) {
    return undefined;
  }
  return name.parent!.parent!;
}

function isLabel(label: Uint8Array, text: string): boolean {
  if (label.length !== text.length) return false;
  for (let i = 0; i < label.length; i++) {
    if (fold(label[i]!) !== text.charCodeAt(i)) return false;
  }
  return true;
}

const UNDERSCORE = 0x5f;
const DNS_SD = Name.parse("_dns-sd._udp");
const SERVICES = Name.parse("_services._dns-sd._udp");
