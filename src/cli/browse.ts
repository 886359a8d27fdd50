/**
 * `browse`: what a DNS-SD client sees, by unicast (RFC 6763 §4, §9). Everything is asked of the
 * server; additional records save questions, nothing depends on them (RFC 6763 §12).
 */
import { ConfigError } from "../config/mistakes.ts";
import { attributesOf } from "../dns/attribute.ts";
import { Rcode, rcodeName, Type } from "../dns/constants.ts";
import { formatEndpoint } from "../dns/endpoint.ts";
import { FormatError } from "../dns/format.ts";
import type { Message } from "../dns/message.ts";
import { labelToUnicode, Name } from "../dns/name.ts";
import { addressOf, type Rdata, srvOf, targetOf } from "../dns/rdata.ts";
import { setKey } from "../dns/record.ts";
import { chooseServer, type Server, type ServerOptions } from "./server.ts";

export async function browse(type: string | undefined, options: ServerOptions): Promise<void> {
  const known = new Answers(chooseServer(options));
  const lines = type === undefined ? await listTypes(known) : await listInstances(known, type);
  process.stdout.write(lines.map((line) => `${line}\n`).join(""));
}

async function listTypes(known: Answers): Promise<string[]> {
  const types = await known.find(under("_services._dns-sd._udp", known.domain), Type.PTR);
  if (types.length === 0) return [`no services in ${known.domain.toUnicode()}`];
  const rows: string[] = [];
  for (const type of sortedTargets(types)) {
    const instances = await known.find(type, Type.PTR);
    const text = type.isUnder(known.domain)
      ? type.labelsUnder(known.domain).map(labelToUnicode).join(".")
      : type.toUnicode();
    rows.push(`${String(instances.length).padStart(6)}  ${text}`);
  }
  return rows;
}

async function listInstances(known: Answers, type: string): Promise<string[]> {
  const instances = await known.find(under(type, known.domain), Type.PTR);
  if (instances.length === 0) return [`no ${type} in ${known.domain.toUnicode()}`];
  const lines: string[] = [];
  for (const instance of sortedTargets(instances)) {
    lines.push(instanceTitle(instance, known.domain));
    for (const rdata of await known.find(instance, Type.SRV)) {
      const { target, port } = srvOf(rdata);
      lines.push(`    ${target.toUnicode()}:${port}`);
      const addresses = [
        ...(await known.find(target, Type.A)),
        ...(await known.find(target, Type.AAAA)),
      ];
      if (addresses.length > 0) lines.push(`    ${addresses.map(addressOf).join(", ")}`);
    }
    for (const rdata of await known.find(instance, Type.TXT)) {
      const strings = attributesOf(rdata).map(({ string }) => printable(string));
      if (strings.length > 0) lines.push(`    ${strings.join(" ")}`);
    }
  }
  return lines;
}

/** What the server has said so far, and the way to ask for more. */
class Answers {
  readonly domain: Name;
  readonly #server: Server;
  readonly #sets = new Map<string, Rdata[]>();

  constructor(server: Server) {
    this.#server = server;
    this.domain = server.domain;
  }

  async find(name: Name, type: number): Promise<readonly Rdata[]> {
    const known = this.#sets.get(setKey(name, type));
    if (known !== undefined) return known;
    const message = await this.#ask(name, type);
    const isKnown = message.rcode === Rcode.NOERROR || message.rcode === Rcode.NXDOMAIN;
    const isReferral = refers(message);
    // What leads out of the domain, to the host of a service say, is for other servers to answer, as is
    // what is delegated within it.
    const isExpected = this.#sets.size === 0 || (name.isUnder(this.domain) && !isReferral);
    if ((!isKnown || isReferral) && isExpected) {
      const server = formatEndpoint(this.#server.address);
      const said = isReferral ? "with a referral" : rcodeName(message.rcode);
      throw new ConfigError([
        `${server} answers ${said} for ${name}; expected a server of ${this.domain}`,
      ]);
    }
    // Additional sets are whole (RFC 2181 §9), so they may stand for an answer.
    const sections = new Map<string, Rdata[]>();
    for (const record of [...message.answers, ...message.additionals]) {
      const key = setKey(record.name, record.type);
      sections.set(key, [...(sections.get(key) ?? []), record.rdata]);
    }
    for (const [key, rdatas] of sections) this.#sets.set(key, rdatas);
    const found = sections.get(setKey(name, type)) ?? [];
    this.#sets.set(setKey(name, type), found);
    return found;
  }

  async #ask(name: Name, type: number): Promise<Message> {
    try {
      return await this.#server.ask(name, type);
    } catch (error) {
      const server = formatEndpoint(this.#server.address);
      throw new ConfigError([`${server}: ${(error as Error).message}; is the gateway running?`]);
    }
  }
}

/** That others know, and nothing of what is there: without an SOA, which denies (RFC 2308 §2.2). */
function refers({ rcode, answers, authorities }: Message): boolean {
  const has = (wanted: number) => authorities.some(({ type }) => type === wanted);
  return rcode === Rcode.NOERROR && answers.length === 0 && has(Type.NS) && !has(Type.SOA);
}

function under(type: string, domain: Name): Name {
  try {
    // `_ipp._tcp.`, as some programs print a type, is no name of the root's.
    return Name.parse(type.replace(/(^_[^.]+|\._sub\._[^.]+)(\._(?:tcp|udp))\.$/i, "$1$2"), domain);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new ConfigError([`${type}: ${error.message}; expected a service type such as _ipp._tcp`]);
  }
}

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
  const title = plainLabel(label);
  return home.equals(domain) ? title : `${title}  (${home.toUnicode()})`;
}

/** UTF-8 as it is, dots and backslashes too; controls and everything else escaped. */
function plainLabel(octets: Uint8Array): string {
  return labelToUnicode(octets).replace(/\\([.\\])/g, "$1");
}

/** As a label is printed; quoted where a space is inside. */
function printable(string: Uint8Array): string {
  const text = plainLabel(string);
  return text.includes(" ") ? `"${text}"` : text;
}
