/** Do the links exist, and does anybody speak on them? */
import type { Clock } from "../../clock.ts";
import type { Config } from "../../config.ts";
import { Class, Type } from "../../dns/constants.ts";
import { encode } from "../../dns/encode.ts";
import { makeMessage } from "../../dns/message.ts";
import { LOCAL, serviceTypesName } from "../../dns/service.ts";
import type { Log } from "../../log.ts";
import type { Link, LinkWatch } from "../../net/links/link.ts";
import type { Finding } from "./finding.ts";

export interface LinksOptions {
  readonly links: Config["links"];
  /** The links that exist; passes to `warn` what is odd about them. */
  readonly watch: (warn: Log["warn"]) => LinkWatch;
  readonly clock: Clock;
}

/** A link, and the hosts that were heard on it. */
interface Heard {
  readonly link: Link;
  readonly hosts: Readonly<Record<4 | 6, Set<string>>>;
}

/** Asks each link for its service types, and listens for a while. */
export async function examineLinks({ links, watch, clock }: LinksOptions): Promise<Finding[]> {
  if (links?.length === 0) return [];
  const heard: Heard[] = [];
  const concerns = new Map<string, object>();
  const over = new AbortController();
  const follow = watch((fields, fact) => concerns.set(fact, fields));
  follow.follow((link) => heard.push(listen(link, clock, over.signal)), over.signal);
  await new Promise<void>((resolve) => clock.at(clock.now() + PATIENCE, resolve));
  over.abort();
  if (heard.length === 0 && concerns.size === 0) concerns.set("no interface can multicast", {});
  return [
    ...[...concerns].map(([fact, fields]): Finding => {
      const place = "links";
      if (!("subnet" in fields)) return { verdict: "broken", place, fact };
      return { verdict: "odd", place, fact, remedy: ONE_SUBNET };
    }),
    ...heard.map(findingOn),
  ];
}

function listen(link: Link, clock: Clock, signal: AbortSignal): Heard {
  const hosts = { 4: new Set<string>(), 6: new Set<string>() };
  link.listen(({ family, source }) => {
    // Another program of this host says nothing about the network.
    if (!link.addresses.some(({ address }) => address === source)) hosts[family].add(source);
  }, signal);
  const ask = () => {
    if (!signal.aborted) link.send(TYPES);
  };
  for (const after of [OPEN, OPEN + AGAIN]) clock.at(clock.now() + after, ask);
  return { link, hosts };
}

function findingOn({ link, hosts }: Heard): Finding {
  const place = `link ${link.name}`;
  const own = link.addresses.map(({ address, prefix }) => `${address}/${prefix}`).join(", ");
  const count = Math.max(hosts[4].size, hosts[6].size);
  if (count > 0) {
    const fact = `${own}; ${count} ${count === 1 ? "host speaks" : "hosts speak"} multicast DNS`;
    return { verdict: "ok", place, fact };
  }
  return {
    verdict: "odd",
    place,
    fact: `${own}; nobody else speaks multicast DNS`,
    remedy: [
      "Either no device there advertises anything, or packets are lost on the way:",
      "a firewall of this host (UDP port 5353), a switch that filters multicast (IGMP snooping",
      "without a querier), a wireless network that keeps its clients apart.",
    ],
  };
}

const ONE_SUBNET = [
  "In one network, as cable and Wi-Fi are: name one of them in links, or give both one site; else each",
  "service is listed twice. In two networks: docs/operations.md, Two links with one prefix.",
];
/** RFC 6763 §9. */
const TYPES = encode(
  makeMessage({
    questions: [{ name: serviceTypesName(LOCAL)!, type: Type.PTR, class: Class.IN }],
  }),
);
/** Milliseconds. An answer that many hosts give may take half a second (RFC 6762 §6), or get lost. */
const PATIENCE = 3000;
/** What is sent before the link's sockets are open is lost. */
const OPEN = 200;
/** A question of the gateway here that has shown the answer keeps hosts silent for a while (RFC 6762 §7.1). */
const AGAIN = 1000;
