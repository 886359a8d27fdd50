/**
 * What to write into the configuration of others (docs/operations.md, Behind a resolver). Each piece can be
 * pasted as it stands, except that BIND has only one `options`.
 */
import type { Endpoint } from "../../dns/endpoint.ts";
import { Name } from "../../dns/name.ts";
import { LOOPBACK, Networks } from "../../net/networks.ts";

export interface Forwarding {
  readonly zones: readonly Name[];
  /** Their server, at an address that the resolver can reach. */
  readonly server: Endpoint;
  /** Those of `zones` that are signed. */
  readonly signed: readonly Name[];
}

/** Lets a resolver ask the server of these zones. */
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

/** Keeps a validating resolver from expecting signatures. */
export function notValidating(zone: Name): string[] {
  return [
    `BIND:     ${bindOptions(`validate-except { ${quoted(zone)} };`)}`,
    `Unbound:  server: domain-insecure: "${zone}"`,
  ];
}

/** Lets private addresses through a resolver that protects from rebinding. */
export function privateAddresses(zone: Name): string[] {
  return [
    `Unbound:  server: private-domain: "${zone}"`,
    `dnsmasq:  rebind-domain-ok=/${bare(zone)}/`,
  ];
}

/** Makes this domain the clients' search domain, or announces it in those that they have. */
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

/** Allows lists of any length. */
export const NO_LIMIT = "max-records-per-type 0;";

/** BIND reads no second `options`. */
export function bindOptions(statement: string): string {
  return `options { ${statement} };  # within the existing options`;
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

/** Whether Unbound itself answers that nothing exists there (RFC 6303, RFC 6761 §6). */
function isEmpty(zone: Name): boolean {
  return EMPTY.some((each) => zone.isUnder(each));
}

const ITSELF = new Networks(LOOPBACK);
const ARPA = Name.parse("arpa.");
const HOME = Name.parse("home.arpa.");
const EMPTY = [ARPA, Name.parse("test."), Name.parse("invalid.")];
