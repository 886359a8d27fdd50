/**
 * What the user asks about: the name of a service, a host or a list of services, written as in the zone, as
 * on a link, or relative to the zone. Pure.
 */
import { ConfigError } from "../../config/mistakes.ts";
import { FormatError } from "../../dns/format.ts";
import { Name } from "../../dns/name.ts";
import {
  isUnderscored,
  LOCAL,
  parseInstance,
  parseServiceType,
  serviceTypesName,
} from "../../dns/service.ts";

export interface Subject {
  /** Its possible names on a link, the likeliest first: a dot in a service's name may be unescaped. */
  readonly locals: readonly Name[];
  /** The domain of the site; undefined where it may be any. */
  readonly site: Name | undefined;
}

export type Kind = "list" | "service" | "host";

/** The kind of a link's name. */
export function kindOf(local: Name): Kind {
  if (parseServiceType(local) !== undefined || local.equals(TYPES)) return "list";
  return parseInstance(local) === undefined ? "host" : "service";
}

/** Throws ConfigError with what was expected. */
export function readSubject(text: string, zone: Name): Subject {
  const written = parse(text, zone);
  const names = [joined(written) ?? written, written];
  if (names[0]!.isUnder(LOCAL)) {
    if (names[0]!.equals(LOCAL)) throw refusal(text, "is not a name on a link");
    return { locals: distinct(names), site: undefined };
  }
  const domain = domainOf(names[0]!, zone);
  if (names[0]!.equals(zone)) throw refusal(text, "is the zone itself");
  if (domain === undefined) throw refusal(text, `is neither in ${zone} nor in a site of it`);
  const locals = names.map((name) => name.replaceSuffix(domain, LOCAL));
  if (locals.includes(undefined)) throw refusal(text, "is too long for a link");
  const site = domain.equals(zone) ? undefined : domain;
  return { locals: distinct(locals as Name[]), site };
}

function parse(text: string, zone: Name): Name {
  try {
    const whole = Name.parse(text);
    if (whole.isUnder(LOCAL) || whole.isUnder(zone)) return whole;
    // `_ipp._tcp.`, as some programs print a type, is not meant to be absolute.
    const relative = text.replace(/(\._(?:tcp|udp))\.$/i, "$1");
    if (!relative.endsWith(".")) return Name.parse(relative, zone);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw refusal(text, error.message);
  }
  throw refusal(text, `is neither in ${zone} nor in ${LOCAL}`);
}

/** With all that precedes the type as one label, as `browse` prints `Laser 2.5._ipp._tcp`. */
function joined(name: Name): Name | undefined {
  const { labels } = name;
  const isText = (label: Uint8Array | undefined, ...texts: string[]) =>
    label !== undefined && texts.includes(Buffer.from(label).toString("latin1").toLowerCase());
  const at = labels.findIndex(
    (label, i) => isUnderscored(label) && isText(labels[i + 1], "_tcp", "_udp"),
  );
  if (at < 2 || isText(labels[at - 1], "_sub")) return undefined;
  const [first, ...more] = labels.slice(0, at);
  const dot = Buffer.from(".");
  const label = Buffer.concat([first!, ...more.flatMap((each) => [dot, each])]);
  return label.length > MAX_LABEL ? undefined : Name.of([label, ...labels.slice(at)]);
}

/** The site, or the zone where no site is named; undefined where it is neither. */
function domainOf(name: Name, zone: Name): Name | undefined {
  const parts = parseServiceType(name) ?? parseInstance(name);
  if (parts !== undefined) {
    const { domain } = parts;
    return domain.equals(zone) || domain.parent?.equals(zone) ? domain : undefined;
  }
  const labels = name.labelsUnder(zone);
  const last = labels.at(-1);
  // A host of one label is named as on a link, without a site.
  return last === undefined || labels.length === 1 || isUnderscored(last) ? zone : zone.child(last);
}

function distinct(names: readonly Name[]): readonly Name[] {
  return names.filter((name, i) => names.findIndex((other) => other.equals(name)) === i);
}

function refusal(text: string, what: string): ConfigError {
  return new ConfigError([`${text}: ${what}; expected ${EXPECTED}`]);
}

const EXPECTED =
  "the name of a service, a type or a host, such as 'Office Printer._ipp._tcp', _ipp._tcp, " +
  "'Office Printer._ipp._tcp.local' or printer.paris";
/** Octets (RFC 1035 §2.3.4). */
const MAX_LABEL = 63;
const TYPES = serviceTypesName(LOCAL)!;
