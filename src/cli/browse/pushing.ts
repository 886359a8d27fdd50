/**
 * Keeps a DNS Push session (RFC 8765) with the server that the zone names. When the session ends, it is
 * opened again with back-off, and no sooner than the server allows. Reports on standard error what it does.
 */
import { AgedMap } from "../../agedmap.ts";
import { Alarm, type Clock } from "../../clock.ts";
import { Rcode, rcodeName, Type } from "../../dns/constants.ts";
import { formatEndpoint } from "../../dns/endpoint.ts";
import type { Name } from "../../dns/name.ts";
import { setKey } from "../../dns/record.ts";
import { ExchangeError } from "../../net/client/exchange.ts";
import type { openPushSession, PushServer } from "../../net/client/pushserver.ts";
import { type PushSession, UNSUPPORTED_DELAY } from "../../net/client/pushsession.ts";

export interface PushingOptions {
  /** The owner of the watched list: without its changes all others are useless. */
  readonly name: Name;
  readonly clock: Clock;
  /** Finds servers, in the order to try them, or says why there are none. */
  readonly locate: () => Promise<readonly PushServer[] | string>;
  readonly open: typeof openPushSession;
  /** A session has begun, has pushed something, or has ended. */
  readonly changed: () => void;
  /** A line for people. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

export class Pushing {
  readonly #options: PushingOptions;
  readonly #clock: Clock;
  readonly #alarm: Alarm;
  #session: PushSession | undefined;
  #server: PushServer | undefined;
  #openedAt = 0;
  /** Failures since a session last lasted `LASTING`. */
  #failures = 0;
  /** Consecutive sessions that ended before they were of use, without a delay from the server. */
  #fruitless = 0;
  #said = "";
  /** True once it was reported that a server does not push everything. */
  #isLimited = false;
  /** Until when each server is to be left alone. */
  readonly #avoided = new Map<string, number>();
  /** Until when the server is not to be asked for a set; `#refusedUntil` for any. */
  readonly #refused = new AgedMap<string, number>();
  #refusedUntil = 0;

  constructor(options: PushingOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#alarm = new Alarm(options.clock, () => void this.#open());
    options.signal.addEventListener("abort", () => this.#close(), { once: true });
  }

  start(): void {
    void this.#open();
  }

  get session(): PushSession | undefined {
    return this.#session;
  }

  /** Whether this set may be subscribed to now. */
  canSubscribe(name: Name, type: number): boolean {
    const now = this.#clock.now();
    return (
      this.#session !== undefined &&
      this.#session.size < MAX_SUBSCRIPTIONS &&
      this.#refusedUntil <= now &&
      (this.#refused.get(setKey(name, type)) ?? 0) <= now
    );
  }

  async #open(): Promise<void> {
    const { clock, locate, open, signal } = this.#options;
    const found = await locate();
    if (signal.aborted) return;
    if (typeof found === "string") return this.#fail([found]);
    for (const [key, until] of this.#avoided) {
      if (until <= clock.now()) this.#avoided.delete(key);
    }
    const servers = found.filter((server) => !this.#avoided.has(keyOf(server)));
    // The reason was reported when they were put there.
    if (servers.length === 0) return this.#alarm.set(Math.min(...this.#avoided.values()));
    const reasons: string[] = [];
    for (const server of servers) {
      try {
        const session = await open(server, {
          ...{ clock, signal },
          changed: () => this.#hear(),
          refused: (name, type, rcode, delay) => this.#refuse({ name, type, rcode, delay }),
          ended: ({ reason, delay }) => this.#end(reason, delay),
        });
        return this.#begin(server, session);
      } catch (error) {
        if (!(error instanceof ExchangeError)) throw error;
        if (signal.aborted) return;
        reasons.push(`${nameOf(server)}: ${error.message}`);
      }
    }
    this.#fail(reasons);
  }

  #begin(server: PushServer, session: PushSession): void {
    this.#server = server;
    this.#session = session;
    this.#openedAt = this.#clock.now();
    if (this.#options.signal.aborted) this.#close();
    else this.#options.changed();
  }

  #hear(): void {
    const { name, changed } = this.#options;
    if (this.#session?.find(name, Type.PTR)?.granted !== undefined) {
      this.#fruitless = 0;
      this.#say(`changes are pushed by ${nameOf(this.#server!)}`);
    }
    changed();
  }

  #refuse(no: { name: Name; type: number; rcode: Rcode; delay: number }): void {
    const { name, type, rcode, delay } = no;
    const until = this.#clock.now() + delay;
    // Any error but NOTAUTH means leaving the server alone with all sets (RFC 8765 §6.2.2).
    if (rcode !== Rcode.NOTAUTH) this.#refusedUntil = until;
    this.#refused.set(setKey(name, type), until);
    if (this.#refused.size > MAX_REFUSED) this.#refused.delete(this.#refused.oldest!.key);
    if (name.equals(this.#options.name) && type === Type.PTR) {
      this.#session?.close();
      this.#end(`does not push ${name} (${rcodeName(rcode)})`, delay);
      return;
    }
    if (rcode !== Rcode.NOTAUTH && !this.#isLimited) {
      this.#isLimited = true;
      const why = `${nameOf(this.#server!)} does not push everything (${rcodeName(rcode)})`;
      this.#options.say(`asking again for the rest as answers expire: ${why}`);
    }
    this.#options.changed();
  }

  #end(reason: string, delay: number | undefined): void {
    const server = this.#server!;
    const now = this.#clock.now();
    const wasOfUse = this.#session?.find(this.#options.name, Type.PTR)?.granted !== undefined;
    this.#session = undefined;
    this.#refusedUntil = 0;
    for (let at = this.#refused.oldest; at !== undefined; at = this.#refused.oldest) {
      this.#refused.delete(at.key);
    }
    if (now - this.#openedAt >= LASTING) this.#failures = 0;
    this.#fruitless = wasOfUse || delay !== undefined ? 0 : this.#fruitless + 1;
    // Two in a row count as a server without support (RFC 8490 §6.6.3.2).
    const until = delay ?? (this.#fruitless > 1 ? UNSUPPORTED_DELAY : undefined);
    if (until !== undefined) this.#avoided.set(keyOf(server), now + until);
    this.#fail([`${nameOf(server)} ${reason}`]);
    this.#options.changed();
  }

  #fail(reasons: readonly string[]): void {
    const several = [...new Set(reasons)].slice(0, MAX_REASONS);
    this.#say(`asking again as answers expire: ${several.join("; ")}`);
    const pause = Math.min(FIRST_PAUSE * 2 ** this.#failures++, LONGEST_PAUSE);
    this.#alarm.set(this.#clock.now() + pause * (1 + this.#clock.random()));
  }

  #say(line: string): void {
    if (line === this.#said) return;
    this.#said = line;
    this.#options.say(line);
  }

  #close(): void {
    this.#alarm.set(undefined);
    this.#session?.close();
  }
}

/** A server is identified by host and port, not by its addresses (RFC 8490 §9.1). */
function keyOf({ host, port }: PushServer): string {
  return setKey(host, port);
}

function nameOf(server: PushServer): string {
  return `${server.host} (${formatEndpoint(server)})`;
}

/** At once; further sets are asked for instead. */
const MAX_SUBSCRIPTIONS = 2000;
const MAX_REFUSED = 5000;
/** Reasons in one line. */
const MAX_REASONS = 3;

//---- Milliseconds ----

/** Stretched at random up to twofold, so that clients do not come all at once; doubles up to the longest. */
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 150_000;
/** A session this long was no failure. */
const LASTING = 60_000;
