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

/**
 * Seconds: the highest TTL of served records that were heard by multicast (RFC 8766 §5.5.1). A higher one
 * tells collectors that a record was put there by hand, where there are no leases (`inheritance.ts`).
 */
export const SERVED_TTL = 10;

/**
 * The most records of a set that BIND accepts by default (`max-records-per-type`), as a primary, a
 * secondary and a resolver, from 9.18.28 on: clients that ask through it lose a list of more services.
 */
export const LONG_LIST = 100;

/** What a domain recommends to clients, by the label in front of `_dns-sd._udp` (RFC 6763 §11). */
export const enumerations = {
  b: "domains to browse",
  db: "the domain to browse unless told otherwise",
  r: "domains to register in",
  dr: "the domain to register in unless told otherwise",
  lb: "domains to browse for programs that have no choice to offer",
} as const;
export type Enumeration = keyof typeof enumerations;
/** Those of them that are about browsing. */
export const BROWSING: readonly Enumeration[] = ["b", "db", "lb"];
const enumerationLabels = Object.keys(enumerations) as Enumeration[];

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
  const type = name.parent;
  const domain = type && domainOf(type);
  return domain && { instance: name.labels[0]!, type: type!, domain };
}

/** The parts of a service type's name, with or without a subtype; undefined when it is neither. */
export function parseServiceType(name: Name): ServiceType | undefined {
  const domain = domainOf(name);
  if (domain !== undefined) return { type: name, domain };
  const sub = name.parent;
  const type = sub && startsWith(sub, "_sub") ? sub.parent! : undefined;
  const beneath = type && domainOf(type);
  return beneath && { subtype: name.labels[0]!, type: type!, domain: beneath };
}

/** Where `domain` lists its service types (RFC 6763 §9); undefined when the name is too long. */
export function serviceTypesName(domain: Name): Name | undefined {
  return Name.join(SERVICES.labels, domain);
}

/** Where `domain` recommends domains (RFC 6763 §11); undefined when the name is too long. */
export function enumerationName(enumeration: Enumeration, domain: Name): Name | undefined {
  return Name.join([Buffer.from(enumeration), ...DNS_SD.labels], domain);
}

/** The parts of a name such as `lb._dns-sd._udp.example.com`; undefined for other names. */
export function parseEnumeration(
  name: Name,
): { readonly enumeration: Enumeration; readonly domain: Name } | undefined {
  const enumeration = enumerationLabels.find((label) => startsWith(name, label));
  const rest = enumeration && name.parent!;
  if (rest === undefined || !startsWith(rest, "_dns-sd")) return undefined;
  const protocol = rest.parent!;
  return startsWith(protocol, "_udp")
    ? { enumeration: enumeration!, domain: protocol.parent! }
    : undefined;
}

/** True for a label that protocols reserve for themselves (RFC 8552 §1.2): neither a host nor a site. */
export function isUnderscored(label: Uint8Array): boolean {
  return label[0] === UNDERSCORE;
}

/** True where clients look up the default domain to browse or register in: one of each (RFC 6763 §11). */
export function isDefault(name: Name): boolean {
  const enumeration = parseEnumeration(name)?.enumeration;
  return enumeration === "db" || enumeration === "dr";
}

/**
 * The domain after the two labels of a service type; undefined if `name` does not start with them.
 * Service names longer than RFC 6335 §5.1 allows are in use, and so are underscores; other octets
 * are not, and names with them are noise. `_dns-sd._udp` is about services and not one itself.
 */
function domainOf(name: Name): Name | undefined {
  if (!(name.wire.charCodeAt(0) > 1 && name.wire[1] === "_")) return undefined;
  const protocol = name.parent!;
  if (!startsWith(protocol, "_tcp") && !startsWith(protocol, "_udp")) return undefined;
  return hasServiceName(name) && !startsWith(name, "_dns-sd") ? protocol.parent : undefined;
}

/** True if the first label has only letters, digits, hyphens and underscores. */
function hasServiceName({ wire }: Name): boolean {
  const end = wire.charCodeAt(0);
  for (let i = 1; i <= end; i++) if (!SERVICE_NAME.includes(wire[i]!)) return false;
  return true;
}

/** True if this is the first label, ASCII case aside. */
function startsWith({ wire }: Name, label: string): boolean {
  if (wire.charCodeAt(0) !== label.length) return false;
  for (let i = 0; i < label.length; i++) {
    if (fold(wire.charCodeAt(i + 1)) !== label.charCodeAt(i)) return false;
  }
  return true;
}

const UNDERSCORE = 0x5f;
const SERVICE_NAME = "-_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const DNS_SD = Name.parse("_dns-sd._udp");
const SERVICES = Name.parse("_services._dns-sd._udp");
