/** Do all servers of the zone have its current state: those it names, and those notified of changes? */
import type { Clock } from "../../clock.ts";
import type { Config } from "../../config.ts";
import { DNS_PORT, Type } from "../../dns/constants.ts";
import { type Endpoint, formatEndpoint } from "../../dns/endpoint.ts";
import { Name } from "../../dns/name.ts";
import { targetOf } from "../../dns/rdata.ts";
import { compareSerials } from "../../dns/serial.ts";
import { ExchangeError } from "../../net/client/exchange.ts";
import { endpointsOf } from "../../net/client/hosts.ts";
import { addressesOf, type Resolve } from "../../net/client/resolver.ts";
import { type Ask, dataOf, describe, hasNoWay, soaIn } from "./asking.ts";
import type { Finding } from "./finding.ts";
import type { Refusal } from "./refusal.ts";

export interface NameserversOptions {
  readonly ask: Ask;
  /** The zone's server, as it is asked from here. */
  readonly server: Endpoint;
  readonly zone: Name;
  /** `transfer.notify` of the configuration. */
  readonly notify: Config["transfer"]["notify"];
  readonly refusal: Refusal;
  readonly resolve: Resolve;
  readonly clock: Clock;
}

export async function examineNameservers(options: NameserversOptions): Promise<Finding[]> {
  const { ask, server, zone, notify, resolve } = options;
  const set = await ask(server, zone, Type.NS);
  const names = dataOf(set, zone, Type.NS).flatMap((rdata) => targetOf(rdata) ?? []);
  const findings = names.map(async (name): Promise<Finding[]> => {
    const place = `nameserver ${name}`;
    if (name.equals(NOBODY)) {
      const fact =
        "the zone names no server that others could find; secondaries and delegations need";
      return [{ verdict: "odd", place, fact, remedy: ["nameservers: [ns1.example.com]"] }];
    }
    const addresses = await addressesOf(name, resolve);
    if (addresses.length === 0) {
      return [{ verdict: "broken", place, fact: "this host's resolver finds no address for it" }];
    }
    return Promise.all(
      addresses.map((address) => examine(place, { address, port: DNS_PORT }, options)),
    );
  });
  const told = notify.map(async ({ server: { host, port } }): Promise<Finding[]> => {
    const place = `secondary ${host}`;
    const endpoints = await endpointsOf(host, port, { resolve });
    if (endpoints.length === 0) {
      return [{ verdict: "broken", place, fact: "this host finds no address for it" }];
    }
    return Promise.all(endpoints.map((endpoint) => examine(place, endpoint, options)));
  });
  return (await Promise.all([...findings, ...told])).flat();
}

async function examine(
  place: string,
  endpoint: Endpoint,
  { ask, server, zone, refusal, clock }: NameserversOptions,
): Promise<Finding> {
  const at = formatEndpoint(endpoint);
  const end = clock.now() + PATIENCE;
  const current = async () => soaIn(await ask(server, zone, Type.SOA), zone)?.serial;
  for (;;) {
    const ours = await current();
    const answer = await ask(endpoint, zone, Type.SOA);
    const theirs = soaIn(answer, zone)?.serial;
    if (hasNoWay(answer)) {
      const fact = `at ${at}: cannot be asked from here: ${answer.message}`;
      return { verdict: "odd", place, fact };
    }
    const refused = await refusal(answer, endpoint);
    if (refused !== undefined) return { place, ...refused, fact: `at ${at}: ${refused.fact}` };
    if (answer instanceof ExchangeError || theirs === undefined) {
      const fact = `at ${at}: ${answer instanceof ExchangeError ? "" : "it "}${describe(answer)} to ${zone}`;
      return { verdict: "broken", place, fact };
    }
    if (!answer.isAuthoritative) {
      return {
        verdict: "broken",
        place,
        fact: `at ${at}: its answer is not authoritative for ${zone}`,
      };
    }
    // While theirs was on its way, the zone may have changed.
    const next = await current();
    const isBehind = ours !== undefined && compareSerials(theirs, ours) < 0;
    const isAhead = next !== undefined && compareSerials(theirs, next) > 0;
    if (!isBehind && !isAhead) {
      return { verdict: "ok", place, fact: `at ${at}: has ${zone}, serial ${theirs}` };
    }
    if (clock.now() > end) {
      const [where, remedy] = isBehind ? ["behind", BEHIND] : ["ahead", AHEAD];
      const fact = `at ${at}: is ${where} with ${zone}: its serial is ${theirs}, the current one ${next ?? ours}`;
      return { verdict: "odd", place, fact, remedy };
    }
    await new Promise<void>((resolve) => clock.at(clock.now() + AGAIN, resolve));
  }
}

/** The NS record of a zone where none is configured. */
const NOBODY = Name.parse("localhost.");
const BEHIND = [
  "Is it notified of changes (transfer.notify), and may it transfer the zone (transfer.allow)? Its log",
  "says what became of the last transfer.",
];
const AHEAD = [
  "Until the zone's serial has reached that, it copies nothing. If the zone was restored from a backup, or",
  "has begun anew, let it copy all: rndc retransfer, knotc zone-retransfer, nsd-control force_transfer,",
  "pdns_control retrieve. Or is it a primary too, or does it sign the zone itself, with serials of its own?",
];
/** Milliseconds. A server that is notified has a change within a second or two. */
const PATIENCE = 5000;
const AGAIN = 500;
