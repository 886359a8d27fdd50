/**
 * What to write into the configuration of others (docs/operations.md, Behind a resolver). Each piece
 * may be pasted as it stands, but for `options` of BIND, which has one.
 */
import type { Endpoint } from "../../dns/endpoint.ts";
import { Name } from "../../dns/name.ts";
import { LOOPBACK, Networks } from "../../net/networks.ts";

export interface Forwarding {
  readonly zones: readonly Name[];
  /** Who has them, as the resolver can reach it. */
  readonly server: Endpoint;
  /** Those of them that say themselves whether they are to be believed. */
  readonly signed: readonly Name[];
}

/** So that a resolver asks the server of these zones. */
export function forwarding({ zones, server, signed }: Forwarding): string[] {
  const unsigned = zones.filter((zone) => !signed.includes(zone));
  const { address, port } = server;
  return [
    "BIND:",
    ...(unsigned.length > 0
      ? [`  ${bindOptions(`validate-except { ${unsigned.map(quoted).join(" ")} };`)}`]
      : []),
    ...zones.map((zone) => {
      const to = `forwarders { ${address} port ${port}; };`;
      return `  zone "${bare(zone)}" { type forward; forward only; ${to} };`;
    }),
    "Unbound:",
    "  server:",
    ...(ITSELF.includes(address) ? ["    do-not-query-localhost: no"] : []),
    ...unsigned.map((zone) => `    domain-insecure: "${zone}"`),
    ...zones.filter((zone) => !isReverse(zone)).map((zone) => `    private-domain: "${zone}"`),
    ...zones.filter(isEmpty).map((zone) => `    local-zone: "${zone}" transparent`),
    ...zones.flatMap((zone) => [
      "  forward-zone:",
      `    name: "${zone}"`,
      `    forward-addr: ${address}@${port}`,
    ]),
    "dnsmasq:",
    ...zones.map((zone) => `  server=/${bare(zone)}/${address}#${port}`),
    ...zones.filter((zone) => !isReverse(zone)).map((zone) => `  rebind-domain-ok=/${bare(zone)}/`),
  ];
}

/** So that one that validates does not expect signatures. */
export function notValidating(zone: Name): string[] {
  return [
    `BIND:     ${bindOptions(`validate-except { ${quoted(zone)} };`)}`,
    `Unbound:  server: domain-insecure: "${zone}"`,
  ];
}

/** So that one that protects from rebinding lets private addresses through. */
export function privateAddresses(zone: Name): string[] {
  return [
    `Unbound:  server: private-domain: "${zone}"`,
    `dnsmasq:  rebind-domain-ok=/${bare(zone)}/`,
  ];
}

/** So that clients ask this domain where to browse; or else, that they are told by the one they have. */
export function searching(zone: Name, others: readonly Name[]): string[] {
  return [
    "either the clients' search domain, by DHCP (option 119):",
    `  Kea:      "option-data": [{ "name": "domain-search", "data": "${bare(zone)}" }]`,
    `  ISC:      option domain-search "${bare(zone)}";`,
    `  dnsmasq:  dhcp-option=option:domain-search,${bare(zone)}`,
    ...(others.length > 0 ? ["or, in the zone of a search domain that they have:"] : []),
    ...others.flatMap((domain) =>
      ["b", "lb"].map((kind) => `  ${kind}._dns-sd._udp.${domain} PTR ${zone}`),
    ),
  ];
}

/** For lists of any length. */
export const NO_LIMIT = "max-records-per-type 0;";

/** It reads no second one. */
export function bindOptions(statement: string): string {
  return `options { ${statement} };  # within the options that are there`;
}

function bare(zone: Name): string {
  return zone.toString().slice(0, -1);
}

function quoted(zone: Name): string {
  return `"${bare(zone)}";`;
}

function isReverse(zone: Name): boolean {
  return zone.isUnder(ARPA) && !zone.isUnder(HOME);
}

/** Within what Unbound answers for by itself, that nothing is there (RFC 6303, RFC 6761 §6). */
function isEmpty(zone: Name): boolean {
  return EMPTY.some((each) => zone.isUnder(each));
}

const ITSELF = new Networks(LOOPBACK);
const ARPA = Name.parse("arpa.");
const HOME = Name.parse("home.arpa.");
const EMPTY = [ARPA, Name.parse("test."), Name.parse("invalid.")];
