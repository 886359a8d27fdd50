/**
 * What the web listener shows: the page, the same as JSON, a stream of serials that says when to look
 * again, and metrics. Who is shown nothing by DNS is shown nothing here, and who has a view sees that.
 *
 * Invariant: what is shown is made of the snapshot of this moment, once for all who ask for it.
 */
import { isIP } from "node:net";
import type { Clock } from "../clock.ts";
import type { WebAnswer, WebHandler, WebRequest } from "../net/server/web.ts";
import type { Snapshot } from "../zone/snapshot.ts";
import type { Zone } from "../zone/zone.ts";
import { renderPage, SCRIPT, STYLE } from "./page.ts";
import { servicesIn } from "./services.ts";

export interface WebsiteOptions {
  /** Undefined where none is served here: then there are metrics alone. */
  readonly zone: Pick<Zone, "current" | "follow"> | undefined;
  /** As the client at this address sees the zone; undefined where it is shown nothing. */
  readonly shownTo: (address: string) => { readonly current: Snapshot } | undefined;
  /** May the client at this address know how the program does? */
  readonly mayMeasure: (address: string) => boolean;
  /** In the text format of Prometheus. */
  readonly metrics: () => Promise<string>;
  /** By which names this server may be called, beside its addresses; lower case. */
  readonly names: ReadonlySet<string>;
  readonly clock: Clock;
}

export class Website {
  readonly #options: WebsiteOptions;
  readonly #pages = new WeakMap<Snapshot, string>();
  #watching = 0;

  constructor(options: WebsiteOptions) {
    this.#options = options;
  }

  readonly answer: WebHandler = (request) => {
    // A page of others whose name leads here would otherwise read this one (DNS rebinding).
    if (!this.#isCalled(request.host)) return refusal(403, "this server has no such name");
    const { path } = request;
    const { address } = request.source;
    const { mayMeasure, metrics } = this.#options;
    if (path === "/page.js")
      return { status: 200, type: "text/javascript; charset=utf-8", body: SCRIPT };
    if (path === "/page.css") return { status: 200, type: "text/css; charset=utf-8", body: STYLE };
    if (path === "/metrics") return mayMeasure(address) ? measured(metrics) : refusal(403, DENIED);
    return this.#answerOfZone(request);
  };

  #answerOfZone({ path, source, signal }: WebRequest): WebAnswer {
    const { zone, shownTo } = this.#options;
    const show = { "/": this.#page, "/services.json": this.#json, "/events": undefined };
    if (zone === undefined || !Object.hasOwn(show, path)) return refusal(404, "nothing is here");
    const shown = shownTo(source.address);
    if (shown === undefined) return refusal(403, DENIED);
    const make = show[path as keyof typeof show];
    if (make !== undefined) return make(shown.current);
    if (this.#watching >= MAX_WATCHING) return refusal(503, "too many look on");
    return { status: 200, type: "text/event-stream", body: this.#serials(zone, shown, signal) };
  }

  readonly #page = (current: Snapshot): WebAnswer => {
    let body = this.#pages.get(current);
    if (body === undefined) {
      const { serial } = current;
      body = renderPage({
        zone: current.origin.toUnicode(),
        serial,
        services: servicesIn(current),
      });
      this.#pages.set(current, body);
    }
    return { status: 200, type: "text/html; charset=utf-8", body, tag: `${current.serial}` };
  };

  readonly #json = (current: Snapshot): WebAnswer => {
    const { origin, serial } = current;
    const body = JSON.stringify({ zone: `${origin}`, serial, services: servicesIn(current) });
    return { status: 200, type: "application/json", body: `${body}\n`, tag: `${serial}` };
  };

  /** That of now, and then each after a change: who reads slowly, or while much changes, gets the latest. */
  async *#serials(
    zone: NonNullable<WebsiteOptions["zone"]>,
    shown: { readonly current: Snapshot },
    signal: AbortSignal,
  ): AsyncGenerator<string> {
    this.#watching++;
    try {
      let told = shown.current;
      yield event(told);
      for await (const _ of zone.follow(zone.current.serial, signal)) {
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
      const cancel = clock.at(clock.now() + PAUSE, resolve);
      const end = () => {
        cancel();
        resolve();
      };
      signal.addEventListener("abort", end, { once: true });
    });
  }

  #isCalled(host: string | undefined): boolean {
    if (host === undefined) return false;
    const name = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
    return isIP(name) !== 0 || this.#options.names.has(name);
  }
}

async function measured(metrics: () => Promise<string>): Promise<WebAnswer> {
  return { status: 200, type: "text/plain; version=0.0.4; charset=utf-8", body: await metrics() };
}

/** HTML §9.2.6. */
function event({ serial }: Snapshot): string {
  return `data: ${serial}\n\n`;
}

function refusal(status: number, why: string): WebAnswer {
  return { status, body: `${why}\n` };
}

const DENIED = "not for your network (query.allow)";
/** Each has a page open. */
const MAX_WATCHING = 32;
/** Milliseconds between two events: a burst is one. */
const PAUSE = 500;
