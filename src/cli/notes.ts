/** Notes for `check`: what is valid in a configuration, and yet may not be what somebody had in mind. */
import { X509Certificate } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { folded } from "../collector/projection/policy.ts";
import { type Config, parseConfig } from "../config.ts";
import { parseEndpoint } from "../dns/endpoint.ts";
import { LOCAL } from "../dns/service.ts";
import { whyNotAsked } from "../gateway/ondemand.ts";
import { judgedSites } from "./sites.ts";

/** Fields that matter only where links are heard, and those that matter only where zones are served. */
const HEARING = ["policy", "subtypes", "grace", "refresh"] as const;
const SERVING = [
  ...(["nameservers", "contact", "transfer", "query", "views", "identity"] as const),
  ...(["catalog", "dnssec"] as const),
];

export function notesOn(config: Config): string[] {
  const { zone, links, listen, publish, transfer } = config;
  const isDeaf = links?.length === 0;
  // The policy also applies to devices that register themselves.
  const hearing = HEARING.filter((field) => field !== "policy" || config.registrar === undefined);
  const servers = [publish?.server, ...transfer.notify.map(({ server }) => server)];
  const notes = [
    // RFC 6762 §3.
    zone.isUnder(LOCAL) &&
      `names in local. are resolved by multicast: clients will not ask this server for ${zone}`,
    whyNotAsked(config) ?? whyNotForViews(config),
    isDeaf &&
      whyIdle(config, hearing, "there are no links (links: []); set this at the collectors"),
    listen === undefined &&
      whyIdle(
        config,
        SERVING,
        "nothing is served (publish without listen); set this at the server",
      ),
    listen?.isUnread &&
      "certificate and privateKey do nothing where listen has neither tls nor https",
    whyNotPushed(config),
    ...sitesWithoutLink(config),
    isDeaf && publish && "nothing is published: no links are configured (links: [])",
    publish &&
      listen &&
      "what is published elsewhere (publish) is not in the zone served here (listen)",
    ...servers.map((server) => server && whyNoPort(server.host)),
  ];
  return notes.filter((note) => typeof note === "string");
}

/** A view shows what is in the zone, and what is learnt on demand is not. */
function whyNotForViews({ links = [], views }: Config): string | undefined {
  if (views.length === 0 || !links.some((link) => link.onDemand)) return undefined;
  return "clients with a view get nothing on demand (views)";
}

/** A client of DNS Push checks that the certificate is for the host it meant (RFC 8765 §7.2). */
function whyNotPushed({ listen }: Config): string | undefined {
  const host = listen?.push?.toString().slice(0, -1);
  const certificate = listen?.credentials?.read.certificate;
  if (host === undefined || certificate === undefined) return undefined;
  if (new X509Certificate(certificate).checkHost(host) !== undefined) return undefined;
  return `clients get no changes pushed: the certificate is not valid for ${host} (listen.push)`;
}

/** On fields that are set where they have no effect. */
function whyIdle(config: Config, fields: readonly (keyof Config)[], where: string) {
  // No path matters for these, and the working directory may be gone.
  const usual = parseConfig("", "default", "/");
  const idle = fields.filter((field) => !isDeepStrictEqual(config[field], usual[field]));
  if (idle.length === 0) return undefined;
  return `${idle.join(", ")} ${idle.length === 1 ? "does" : "do"} nothing where ${where}`;
}

/** A rule that names a site by its former label hides nothing, and nobody would notice. */
function sitesWithoutLink(config: Config): string[] {
  const { policy } = config;
  const labels = judgedSites(config)?.map(folded) ?? [];
  if (labels.length === 0) return [];
  return (["rules", "text", "addresses"] as const).flatMap((field) =>
    policy[field].flatMap(({ sites = [] }: { sites?: readonly string[] | undefined }, i) => {
      const missing = sites.filter((site) => !labels.includes(folded(site)));
      if (missing.length === 0) return [];
      const these = missing.length === 1 ? "this site" : "these sites";
      return `policy.${field}[${i}] does nothing at ${missing.join(", ")}: no link has ${these}`;
    }),
  );
}

/** An IPv6 address without brackets whose last group looks like a port. */
function whyNoPort(host: string): string | undefined {
  const [, address = "", port] = /^(.*:.*):(\d+)$/.exec(host) ?? [];
  const meant = `[${address}]:${port}`;
  if (parseEndpoint(meant) === undefined) return undefined;
  return `${host} is an address without a port; with one it would be ${meant}`;
}
