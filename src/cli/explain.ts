/**
 * `explain`: why a service, a host or a list of services is published, or not. Prints what the zone has, what
 * the links of this host say, and the verdict of the projection under the policy of the configuration. It
 * changes nothing.
 */
import { systemClock } from "../clock.ts";
import type { Config } from "../config.ts";
import { encode } from "../dns/encode.ts";
import { type Endpoint, formatEndpoint } from "../dns/endpoint.ts";
import { decode } from "../dns/message.ts";
import type { Name } from "../dns/name.ts";
import { openLinks } from "../gateway/links.ts";
import { locating } from "../gateway/publishing.ts";
import type { Log } from "../log.ts";
import { PersistentConnection } from "../net/client/persistent.ts";
import { resolver } from "../net/client/resolver.ts";
import { multicastLinks } from "../net/links/multicast.ts";
import { readZone } from "../zone/openzone.ts";
import type { ZoneRecord } from "../zone/update/recordmap.ts";
import { linkLines, namesFrom, zoneLines } from "./explain/account.ts";
import { Hearing } from "./explain/hearing.ts";
import { readSubject } from "./explain/subject.ts";
import { verdictLines } from "./explain/verdict.ts";
import { type Ask, ZoneInquiry } from "./explain/zoneword.ts";
import { asking, question, readOptions, type ServerOptions } from "./server.ts";
import { forTerminal } from "./terminal.ts";

export async function explain(text: string, options: ServerOptions): Promise<void> {
  const { config, address, domain: zone } = readOptions(options);
  const subject = readSubject(text, zone);
  const { listen, publish, policy, links } = config;
  const server = address === undefined ? farServer(publish!, zone) : nearServer(address);
  const ended = new AbortController();
  const concerns = new Set<string>();
  const log = { ...SILENT, warn: (_: object, fact: string) => void concerns.add(fact) };
  const interfaces = links?.map((link) => link.interface);
  try {
    const hearing = new Hearing({
      ...{ zone, policy, subject, clock, signal: ended.signal },
      watch: multicastLinks({ clock, log, interfaces, isGuest: true }),
      place: (watch) => {
        const resolve = resolver({ clock });
        return openLinks(config, { zone, clock, log, resolve, links: watch, moved: () => {} });
      },
    });
    await hearing.placed;
    const { ears } = hearing;
    const registering = config.registrar && zone.child(config.registrar.site);
    const domains = ears.map(({ site }) => site.domain);
    // At once: what nobody answers for, the collector on this host soon drops (RFC 6762 §10.5).
    const word = new ZoneInquiry(
      server.ask,
      zone,
      registering === undefined ? domains : [...domains, registering],
    );
    await word.ask(subject);
    await hearing.over;
    for (const ear of ears) {
      const hosts = subject.locals.flatMap((local) => namesFrom(ear, local).slice(1));
      await word.askHosts(ear.site.domain, hosts);
    }
    // The journal here says nothing about the zone of another server.
    const isHere = options.server === undefined && listen !== undefined;
    const evidence = {
      ...{ zone, subject, word, ears, now: clock.now(), server: server.name },
      holds: isHere ? await holdsIn(config, zone) : undefined,
      ...{ isNear: publish === undefined, registering },
      file: options.config,
    };
    const lines = [
      ...zoneLines(evidence),
      ...ears.flatMap((ear) => linkLines(ear, subject)),
      ...hearing.unplaced.map((link) => `On ${link}: its site is not known yet`),
      ...concerns,
      ...verdictLines(evidence),
    ];
    process.stdout.write(`${forTerminal(lines.join("\n"))}\n`);
  } finally {
    ended.abort();
    server.close();
  }
}

interface ZoneServer {
  readonly ask: Ask;
  readonly name: string;
  close(): void;
}

function nearServer(address: Endpoint): ZoneServer {
  return { ask: asking(address), name: formatEndpoint(address), close: () => {} };
}

/** The server that is published to, found and reached as the collector does it. */
function farServer(publish: NonNullable<Config["publish"]>, zone: Name): ZoneServer {
  const locate = locating(zone, { publish, resolve: resolver({ clock }), clock });
  const connection = new PersistentConnection({ locate, clock });
  return {
    ask: async (name, type) => {
      const compose = (id: number) => encode({ ...question(name, type), id });
      return decode(await connection.ask(compose), { isLenient: true });
    },
    get name() {
      return connection.server ? formatEndpoint(connection.server) : "its server";
    },
    close: () => connection.close(),
  };
}

/** Who holds what according to the journal, which a running gateway has open. */
async function holdsIn({ data: folder }: Config, origin: Name) {
  try {
    const state = await readZone({ origin, folder, clock });
    if (state === undefined) return undefined;
    const { snapshot, leases } = state;
    return (record: ZoneRecord) => {
      const { rdata } = record;
      const set = snapshot.set(record.name, rdata.type);
      return set?.rdatas.some((each) => each.equals(rdata)) ? leases.holds(record) : [];
    };
  } catch {
    // It may not be readable for this user, or is being written.
    return undefined;
  }
}

const clock = systemClock;
const SILENT: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
