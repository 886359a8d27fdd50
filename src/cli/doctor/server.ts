/** Does the gateway here answer, where the configuration says that it listens? */
import type { Clock } from "../../clock.ts";
import type { Listening } from "../../config/listening.ts";
import { Type } from "../../dns/constants.ts";
import { type Endpoint, formatEndpoint } from "../../dns/endpoint.ts";
import type { Name } from "../../dns/name.ts";
import { ExchangeError } from "../../net/client/exchange.ts";
import { LOOPBACK, Networks } from "../../net/networks.ts";
import { reachable } from "../server.ts";
import { type Ask, describe, hasNoWay, keptOut, soaIn } from "./asking.ts";
import type { Finding } from "./finding.ts";
import type { Refusal } from "./refusal.ts";

export interface ListeningOptions {
  readonly ask: Ask;
  readonly listen: Listening;
  readonly zone: Name;
  readonly refusal: Refusal;
  readonly clock: Clock;
}

export async function examineListening(options: ListeningOptions): Promise<Finding[]> {
  const { listen, clock } = options;
  const all = await Promise.all(listen.dns.map((each) => examineEndpoint(each, options)));
  return [...all, ...loopbackFinding(listen), ...certificateFinding(listen, clock)].flat();
}

async function examineEndpoint(
  endpoint: Endpoint,
  { ask, zone, refusal }: ListeningOptions,
): Promise<Finding> {
  const place = `server ${formatEndpoint(endpoint)}`;
  const server = reachable(endpoint);
  const transports = ["udp", "tcp"] as const;
  for (const transport of transports) {
    const answer = await ask(server, zone, Type.SOA, { transport });
    const by = `by ${transport.toUpperCase()}`;
    if (endpoint.address === "::" && hasNoWay(answer)) {
      return { verdict: "odd", place, fact: "this host has no IPv6, so nobody can ask it there" };
    }
    if (answer instanceof ExchangeError) {
      const fact = `${by}: ${answer.message}; is the gateway running, with this configuration?`;
      return { verdict: "broken", place, fact };
    }
    const refused = await refusal(answer, server);
    if (refused !== undefined) return { place, ...refused };
    if (soaIn(answer, zone) === undefined) {
      const fact = `${by} it ${describe(answer)} to ${zone}; is another server, or another configuration, running?`;
      return { verdict: "broken", place, fact, remedy: keptOut(answer) };
    }
    if (!answer.isAuthoritative) {
      const fact = `${by} its answer is not authoritative for ${zone}; another server has this port`;
      return { verdict: "broken", place, fact };
    }
  }
  return { verdict: "ok", place, fact: `serves ${zone} by UDP and TCP` };
}

function loopbackFinding({ dns }: Listening): Finding[] {
  if (!dns.every(isLoopback)) return [];
  return [
    {
      verdict: "odd",
      place: "server",
      fact: "it listens on loopback only, so no other host can ask it; listen.dns lets others:",
      remedy: ['listen: { dns: ["0.0.0.0:53", "[::]:53"] }'],
    },
  ];
}

export function isLoopback({ address }: Pick<Endpoint, "address">): boolean {
  return ITSELF.includes(address);
}

/** From the file as it is now; a running gateway rereads it by itself. */
function certificateFinding({ credentials, tls, https }: Listening, clock: Clock): Finding[] {
  if (credentials === undefined) return [];
  const place = [tls.length > 0 && "TLS", https.length > 0 && "HTTPS"].filter(Boolean).join(", ");
  const { expires } = credentials.read;
  const left = expires - clock.wall();
  const date = new Date(expires).toISOString();
  if (left <= 0)
    return [{ verdict: "broken", place, fact: `the certificate has expired, ${date}` }];
  return [{ verdict: left < SOON ? "odd" : "ok", place, fact: `the certificate expires ${date}` }];
}

const ITSELF = new Networks(LOOPBACK);
/** Milliseconds: a week. */
const SOON = 7 * 86_400_000;
