/**
 * What the web listener serves: the page, the same as JSON, a stream of serials that tells when to look
 * again, and metrics. A client that DNS shows nothing is shown nothing here, and one with a view sees that.
 *
 * Invariant: once a browser is told of a serial, it can get the page at that serial, or a later one.
 */
import { hash } from "node:crypto";
import { isIP } from "node:net";
import type { Clock } from "../clock.ts";
import type { WebAnswer, WebHandler, WebRequest } from "../net/server/web.ts";
import type { Snapshot } from "../zone/snapshot.ts";
import type { Zone } from "../zone/zone.ts";
import type { Listing, Listings, Shown } from "./listings.ts";
import { renderPage, SCRIPT, STYLE } from "./page.ts";

export interface WebsiteOptions {
  /** Undefined where none is served here: then there are only metrics. */
  readonly zone: Pick<Zone, "current" | "follow"> | undefined;
  /** The zone as the client at this address sees it; undefined where it is shown nothing. */
  readonly shownTo: (address: string) => Shown | undefined;
  readonly listings: Listings;
  /** Whether the client at this address may see the metrics. */
  readonly mayMeasure: (address: string) => boolean;
  /** In the text format of Prometheus. */
  readonly metrics: () => Promise<string>;
  /** The names by which this server may be called, beside its addresses; lower case. */
  readonly names: ReadonlySet<string>;
  readonly clock: Clock;
}

export class Website {
  readonly #options: WebsiteOptions;
  readonly #rendered = new WeakMap<Listing, Rendered>();
  #watching = 0;

  constructor(options: WebsiteOptions) {
    this.#options = options;
  }

  readonly answer: WebHandler = (request) => {
    // A foreign page whose name leads here could otherwise read this one (DNS rebinding).
    if (!this.#isCalled(request.host)) return refusal(403, UNCALLED);
    const answer = this.#pages.get(request.path);
    return answer?.(request) ?? refusal(404, "there is nothing here");
  };

  readonly #pages = new Map<string, Page>([
    ["/page.js", () => ({ status: 200, type: "text/javascript; charset=utf-8", body: SCRIPT })],
    ["/page.css", () => ({ status: 200, type: "text/css; charset=utf-8", body: STYLE })],
    ["/metrics", (request) => this.#metrics(request)],
    ["/", (request) => this.#shown(request, (shown) => this.#page(shown))],
    ["/services.json", (request) => this.#shown(request, (shown) => this.#json(shown))],
    ["/events", (request) => this.#shown(request, (shown) => this.#events(shown, request.signal))],
  ]);

  async #metrics({ source }: WebRequest): Promise<WebAnswer> {
    const { mayMeasure, metrics } = this.#options;
    if (!mayMeasure(source.address)) return refusal(403, DENIED);
    return { status: 200, type: "text/plain; version=0.0.4; charset=utf-8", body: await metrics() };
  }

  #shown(
    { source }: WebRequest,
    show: (shown: Shown) => ReturnType<WebHandler>,
  ): ReturnType<WebHandler> | undefined {
    const { zone, shownTo } = this.#options;
    if (zone === undefined) return undefined;
    const shown = shownTo(source.address);
    return shown === undefined ? refusal(403, DENIED) : show(shown);
  }

  async #page(shown: Shown): Promise<WebAnswer> {
    const listing = await this.#options.listings.of(shown);
    let page = this.#rendered.get(listing);
    if (page === undefined) {
      const body = renderPage(listing);
      page = { body, tag: hash("sha256", body, "base64url") };
      this.#rendered.set(listing, page);
    }
    return { status: 200, type: "text/html; charset=utf-8", ...page };
  }

  async #json(shown: Shown): Promise<WebAnswer> {
    const { snapshot, json, tag } = await this.#options.listings.of(shown);
    const { origin, serial } = snapshot;
    const head = `{"zone":${JSON.stringify(origin)},"serial":${serial},"services":[\n`;
    const body = `${head}${json.join(",\n")}\n]}\n`;
    return { status: 200, type: "application/json", body, tag };
  }

  #events(shown: Shown, signal: AbortSignal): WebAnswer {
    if (this.#watching >= MAX_WATCHING) return refusal(503, "too many clients are watching");
    return { status: 200, type: "text/event-stream", body: this.#serials(shown, signal) };
  }

  /** The serial now, then one after each change; a slow reader, or one in a burst, gets only the latest. */
  async *#serials(shown: Shown, signal: AbortSignal): AsyncGenerator<string> {
    const zone = this.#options.zone!;
    const changes = zone.follow(zone.current.serial, signal);
    this.#watching++;
    try {
      let told = shown.current;
      yield event(told);
      for await (const _ of changes) {
        if (shown.current === told) continue;
        await this.#pause(signal);
        told = shown.current;
        yield event(told);
      }
    } finally {
      this.#watching--;
    }
  }

  #pause(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const cancel = clock.at(clock.now() + PAUSE, end);
      signal.addEventListener("abort", end);
    });
  }

  #isCalled(host: string | undefined): boolean {
    if (host === undefined) return false;
    const name = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
    return isIP(name) !== 0 || this.#options.names.has(name);
  }
}

type Rendered = Required<Pick<WebAnswer, "tag">> & { readonly body: string };

/** Undefined where there is no such page. */
type Page = (request: WebRequest) => ReturnType<WebHandler> | undefined;

/** HTML §9.2.6. */
function event({ serial }: Snapshot): string {
  return `data: ${serial}\n\n`;
}

function refusal(status: number, why: string): WebAnswer {
  return { status, body: `${why}\n` };
}

const UNCALLED =
  "this server does not have that name: use its address, or one of its own names (nameservers)";
const DENIED = "not available to your network (query.allow)";
/** One for each open page. */
const MAX_WATCHING = 32;
/** Milliseconds between two events, so that a burst is one. */
const PAUSE = 500;
