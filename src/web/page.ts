/**
 * The page: the known services, by site and type, as a document that needs no script; a script of a few lines
 * fetches it again when the zone has changed. All text in it is escaped, whoever it is from.
 */
import { LONG_LIST } from "../dns/service.ts";
import type { Listing } from "./listings.ts";
import type { Service } from "./services.ts";

export function renderPage({ snapshot, services }: Pick<Listing, "snapshot" | "services">): string {
  const { origin, serial } = snapshot;
  const shown = services.slice(0, MAX_SHOWN);
  const bySite = grouped(shown, ({ site }) => site);
  const sites = [...bySite].map(([site, all]) => renderSite(site, all));
  const more = services.length - shown.length;
  const title = escaped(origin.toUnicode().replace(/\.$/, ""));
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<link rel="stylesheet" href="page.css">
<script src="page.js" defer></script>
<main data-serial="${serial}">
<h1>${title}</h1>
<p>${services.length} ${services.length === 1 ? "service" : "services"}, serial ${serial} · <a href="services.json">JSON</a> · <a href="metrics">metrics</a></p>
${longLists(services).join("\n")}
${sites.join("\n")}
${more > 0 ? `<p>And ${more} more, in <a href="services.json">JSON</a>.</p>` : ""}
</main>
</html>
`;
}

/** Limits of other servers (docs/operations.md), which a person who looks for a service may not know. */
function longLists(services: readonly Service[]): string[] {
  const byType = grouped(services, ({ type }) => type.toLowerCase());
  return [...byType].flatMap(([type, { length }]) => {
    if (length <= LONG_LIST) return [];
    const what = `${length} instances of ${escaped(type)}`;
    return `<p><strong>${what}</strong>: BIND refuses more than ${LONG_LIST} unless it has <code>max-records-per-type 0;</code></p>`;
  });
}

function renderSite(site: string, services: readonly Service[]): string {
  const byType = grouped(services, ({ type }) => type);
  const types = [...byType].map(([type, all]) => {
    const rows = all.map(renderService).join("\n");
    return `<table>
<caption>${escaped(type)}</caption>
${rows}
</table>`;
  });
  const heading = site === "" ? "" : `<h2>${escaped(site)}</h2>\n`;
  return `<section>\n${heading}${types.join("\n")}\n</section>`;
}

function renderService({ instance, type, host, port, addresses, text }: Service): string {
  const where = host === undefined ? "" : `${host}:${port}`;
  const scheme = SCHEMES[type.toLowerCase()];
  const isLinked = scheme !== undefined && HOST.test(host ?? "") && port !== 0;
  const place = isLinked ? `<a href="${scheme}://${where}/">${where}</a>` : escaped(where);
  return `<tr><th scope="row">${escaped(instance)}</th><td>${place}</td><td>${escaped(addresses.join(", "))}</td><td>${text.map((each) => `<code>${escaped(each)}</code>`).join(" ")}</td></tr>`;
}

function grouped(services: readonly Service[], keyOf: (service: Service) => string) {
  const groups = new Map<string, Service[]>();
  for (const service of services) {
    const group = groups.get(keyOf(service));
    if (group === undefined) groups.set(keyOf(service), [service]);
    else group.push(service);
  }
  return groups;
}

/** For the text of an element, or an attribute in quotes. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Schemes of services that a person may open. */
const SCHEMES: Readonly<Record<string, string>> = {
  "_http._tcp": "http",
  "_https._tcp": "https",
};
/** Needs no escape, neither in a URL nor here. */
const HOST = /^[a-z0-9.-]+$/i;
/** A longer page is of no use to anybody. */
const MAX_SHOWN = 1000;

export const SCRIPT = `"use strict";
let latest;
let isLooking = false;
new EventSource("events").onmessage = async ({ data }) => {
  latest = data;
  // One page at a time, so that none comes after a later one.
  if (isLooking) return;
  isLooking = true;
  try {
    for (let seen; seen !== latest; ) {
      seen = latest;
      const old = document.querySelector("main");
      if (old.dataset.serial === seen) continue;
      const page = await (await fetch(".")).text();
      const main = new DOMParser().parseFromString(page, "text/html").querySelector("main");
      if (main !== null) old.replaceWith(main);
    }
  } finally {
    isLooking = false;
  }
};
`;

export const STYLE = `:root { color-scheme: light dark; font: 100%/1.5 system-ui, sans-serif; }
main { max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; }
h2 { font-size: 1.2rem; margin: 2rem 0 0; border-bottom: 1px solid; }
table { width: 100%; border-collapse: collapse; margin: 1rem 0; table-layout: fixed; }
caption { text-align: left; font-weight: bold; opacity: 0.7; }
th, td { text-align: left; vertical-align: top; padding: 0.2rem 1rem 0.2rem 0; font-weight: normal; overflow-wrap: anywhere; }
th, td:nth-child(3) { width: 20%; }
td:nth-child(2), td:nth-child(4) { width: 30%; }
code { font-size: 0.85em; opacity: 0.8; }
`;
