/**
 * What there is to browse (RFC 6763 §4, §9), as lines to print: a function of the known sets. The sets that
 * it looks up tell its caller what else to ask for.
 */
import { ConfigError } from "../../config/mistakes.ts";
import { attributesOf } from "../../dns/attribute.ts";
import { Type } from "../../dns/constants.ts";
import { FormatError } from "../../dns/format.ts";
import { labelToUnicode, Name, type NameKey, textOfLabel } from "../../dns/name.ts";
import { addressOf, type Rdata, srvOf, targetOf } from "../../dns/rdata.ts";
import { LOCAL } from "../../dns/service.ts";

/** The data of a set; undefined where it is not known. */
export type Find = (name: Name, type: number) => readonly Rdata[] | undefined;

/** A service type, or an instance of one. */
export interface Item {
  readonly key: NameKey;
  readonly title: string;
  /** All that is to be printed of it; undefined while some of it is unknown. */
  readonly lines: readonly string[] | undefined;
}

export interface Listing {
  /** The owner of the PTR records that make up the list. */
  readonly name: Name;
  /** What is printed for an empty list. */
  readonly none: string;
  /** In order; undefined while the list is unknown. */
  items(find: Find): readonly Item[] | undefined;
}

/** All types, each with the number of its instances. */
export function typesIn(domain: Name): Listing {
  const name = under("_services._dns-sd._udp", domain);
  return {
    name,
    none: `no services in ${domain.toUnicode()}`,
    items: (find) => {
      const types = find(name, Type.PTR);
      return types && sortedTargets(types).map((type) => typeItem(type, domain, find));
    },
  };
}

/** All instances of a type, with all that clients need to know about them. */
export function instancesOf(type: string, domain: Name): Listing {
  const name = listOf(type, domain);
  return {
    name,
    none: `no ${type} in ${domain.toUnicode()}`,
    items: (find) => {
      const instances = find(name, Type.PTR);
      return instances && sortedTargets(instances).map((each) => instanceItem(each, domain, find));
    },
  };
}

function typeItem(type: Name, domain: Name, find: Find): Item {
  const instances = find(type, Type.PTR);
  const title = type.isUnder(domain)
    ? type.labelsUnder(domain).map(labelToUnicode).join(".")
    : type.toUnicode();
  const lines = instances && [`${String(instances.length).padStart(6)}  ${title}`];
  return { key: type.key, title, lines };
}

function instanceItem(instance: Name, domain: Name, find: Find): Item {
  let isWhole = true;
  const look: Find = (name, type) => {
    const found = find(name, type);
    isWhole &&= found !== undefined;
    // Servers may change the order of records from one answer to the next.
    return found?.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  };
  const title = instanceTitle(instance, domain);
  const lines = [title];
  for (const rdata of look(instance, Type.SRV) ?? []) {
    const { target, port } = srvOf(rdata);
    lines.push(`    ${target.toUnicode()}:${port}`);
    const addresses = addressesAt(target, look, MOST_ALIASES);
    if (addresses.length > 0) lines.push(`    ${addresses.map(addressOf).join(", ")}`);
  }
  for (const rdata of look(instance, Type.TXT) ?? []) {
    const strings = attributesOf(rdata).map(({ string }) => printable(string));
    if (strings.length > 0) lines.push(`    ${strings.join(" ")}`);
  }
  return { key: instance.key, title, lines: isWhole ? lines : undefined };
}

/** Those of a host, or of what it is an alias of: a pushed set has no alias in it (RFC 8765 §6.2.1). */
function addressesAt(host: Name, look: Find, steps: number): readonly Rdata[] {
  const sets = [look(host, Type.A), look(host, Type.AAAA)];
  const found = sets.flatMap((set) => set ?? []);
  if (found.length > 0 || steps === 0 || sets.includes(undefined)) return found;
  const [alias] = look(host, Type.CNAME) ?? [];
  const target = alias && targetOf(alias);
  return target === undefined ? [] : addressesAt(target, look, steps - 1);
}

/** A chain may lead round in a circle. */
const MOST_ALIASES = 8;

function under(text: string, domain: Name): Name {
  try {
    return Name.parse(text, domain);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new ConfigError([`${text}: ${error.message}; ${EXPECTED}`]);
  }
}

/** The name of the list of this type. An empty list says nothing of a type that cannot be. */
function listOf(type: string, domain: Name): Name {
  // `_ipp._tcp.`, as some programs print a type, is not meant to be absolute.
  const text = type.replace(/(^_[^.]+|\._sub\._[^.]+)(\._(?:tcp|udp))\.$/i, "$1$2");
  const relative = under(text, domain);
  const whole = under(text, Name.root);
  if (whole.isUnder(domain)) return checked(type, whole);
  if (whole.isUnder(LOCAL)) throw new ConfigError([`${type}: is a name on a link; ${EXPECTED}`]);
  return checked(type, relative);
}

function checked(type: string, name: Name): Name {
  const [first = "", second = "", third = "", fourth = ""] = name.labels.map(textOfLabel);
  const isType = (service: string, protocol: string) =>
    service.startsWith("_") && /^_(tcp|udp)$/i.test(protocol);
  const isSubtype = /^_sub$/i.test(second) && isType(third, fourth);
  if (isSubtype || isType(first, second)) return name;
  throw new ConfigError([`${type}: is not a service type; ${EXPECTED}`]);
}

const EXPECTED = "expected a service type such as _ipp._tcp";

function sortedTargets(rdatas: readonly Rdata[]): Name[] {
  return rdatas
    .map(targetOf)
    .filter((name) => name !== undefined)
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** `Office Printer  (paris.bonjour.example.com.)`: the instance label and the domain it lives in. */
function instanceTitle(instance: Name, domain: Name): string {
  const label = instance.labels[0];
  if (label === undefined || instance.labels.length < 4) return instance.toUnicode();
  const home = Name.of(instance.labels.slice(3));
  const title = textOfLabel(label);
  return home.equals(domain) ? title : `${title}  (${home.toUnicode()})`;
}

/** Printed as a label is; quoted where it contains a space. */
function printable(string: Uint8Array): string {
  const text = textOfLabel(string);
  return text.includes(" ") ? `"${text}"` : text;
}
