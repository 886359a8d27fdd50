/** What is no mistake in a configuration, and yet may not be what somebody had in mind: for `check`. */
import { isDeepStrictEqual } from "node:util";
import { type Config, defaultConfig } from "../config.ts";
import { parseEndpoint } from "../dns/endpoint.ts";
import { LOCAL } from "../dns/service.ts";
import { whyNotAsked } from "../gateway/ondemand.ts";

export function notesOn(config: Config): string[] {
  const { zone, links, listen, publish, policy, transfer } = config;
  const isDeaf = links?.length === 0;
  const hasPolicy = !isDeepStrictEqual(policy, defaultConfig().policy);
  const servers = [publish?.server, ...transfer.notify.map(({ server }) => server)];
  const notes = [
    // RFC 6762 §3.
    zone.isUnder(LOCAL) &&
      `${zone} is asked for by multicast, as all names in local. are: clients will not ask this server`,
    whyNotAsked(config),
    isDeaf &&
      hasPolicy &&
      "policy does nothing where no link is heard (links: []); collectors have it",
    isDeaf && publish && "nothing is published, for no link is heard (links: [])",
    publish &&
      listen &&
      "the zone served (listen) gets nothing of what is published elsewhere (publish)",
    ...servers.map((server) => server && whyNoPort(server.host)),
  ];
  return notes.filter((note) => typeof note === "string");
}

/** An IPv6 address without brackets whose last group looks like a port. */
function whyNoPort(host: string): string | undefined {
  const [, address = "", port] = /^(.*:.*):(\d+)$/.exec(host) ?? [];
  const meant = `[${address}]:${port}`;
  if (parseEndpoint(meant) === undefined) return undefined;
  return `${host} is an address without a port; with one it would be ${meant}`;
}
