/**
 * `browse --watch`: prints the list, then what comes, changes and goes. Level, not edge: what is printed is
 * the difference between the list as last printed and as it is now, whether a server pushed a change
 * (RFC 8765) or was asked again as answers expired. So nothing is printed twice.
 */
import { Alarm, type Clock, systemClock } from "../../clock.ts";
import { ConfigError } from "../../config/mistakes.ts";
import { Type } from "../../dns/constants.ts";
import type { Name } from "../../dns/name.ts";
import { type ResourceRecord, setKey } from "../../dns/record.ts";
import { findPushServers, openPushSession } from "../../net/client/pushserver.ts";
import { resolver } from "../../net/client/resolver.ts";
import type { Subscription } from "../../net/client/subscriptions.ts";
import type { Server } from "../server.ts";
import { forTerminal } from "../terminal.ts";
import { Answers, type KnownSet, setOf, UNSAID_TTL } from "./answers.ts";
import type { Listing } from "./listing.ts";
import { type Print, printing } from "./printing.ts";
import { Printout } from "./printout.ts";
import { Pushing } from "./pushing.ts";

/** Runs until SIGINT or SIGTERM. */
export async function watch(listing: Listing, server: Server): Promise<void> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stop.abort());
  const clock = systemClock;
  const resolve = resolver({ clock, servers: [server.address] });
  const resolveElsewhere = resolver({ clock });
  const { signal } = stop;
  const say = (line: string) => void process.stderr.write(`${forTerminal(line)}\n`);
  await new Watch({
    ...{ listing, clock, signal, say },
    answers: new Answers(server, clock),
    pushing: (changed) =>
      new Pushing({
        ...{ name: listing.name, clock, signal, say, changed, open: openPushSession },
        locate: () =>
          findPushServers(listing.name, {
            ...{ resolve, resolveElsewhere, signal },
            random: () => clock.random(),
          }),
      }),
    print: printing(process.stdout),
  }).run();
  // Lines still pending are for a reader that has stalled, such as a pager, and must not delay the end.
  process.exit();
}

export interface WatchOptions {
  readonly listing: Listing;
  readonly clock: Clock;
  /** Empty at first. */
  readonly answers: Answers;
  readonly pushing: (changed: () => void) => Pick<Pushing, "session" | "canSubscribe" | "start">;
  readonly print: Print;
  /** Messages for people, apart from the list. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

interface Wanted {
  readonly name: Name;
  readonly type: number;
}

export class Watch {
  readonly #options: WatchOptions;
  readonly #clock: Clock;
  readonly #pushing: ReturnType<WatchOptions["pushing"]>;
  /** All known sets, whatever their source. */
  readonly #answers: Answers;
  readonly #printout: Printout;
  /** Subscriptions whose records are taken to be the whole set. */
  readonly #complete = new WeakSet<Subscription>();
  /** Those whose wait seemed over at the last look. */
  #overdue = new Set<Subscription>();
  readonly #alarm: Alarm;
  /** When the alarm rings. */
  #due = NEVER;
  #isPushed = false;
  /** When the list was last covered by a subscription: until then what was pushed was valid. */
  #pushedUntil = 0;
  #isAsking = false;
  #askedAt = 0;
  /** Consecutive failures to ask. */
  #failures = 0;
  /** True once an error answer was reported. */
  #isRefused = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#answers = options.answers;
    this.#printout = new Printout({ ...options, caughtUp: () => this.#changed() });
    this.#alarm = new Alarm(options.clock, () => this.#look());
    this.#pushing = options.pushing(() => this.#changed());
  }

  /** Throws ConfigError where nobody can be asked at the start. */
  async run(): Promise<void> {
    const { listing, signal } = this.#options;
    try {
      await this.#answers.ask(listing.items, {
        refused: (error) => {
          if (this.#answers.get(listing.name, Type.PTR) === undefined) throw error;
          this.#refuse(error);
        },
        signal,
      });
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    this.#askedAt = this.#clock.now();
    this.#printout.begin(listing, listing.items(this.#answers.find) ?? []);
    this.#pushing.start();
    this.#look();
    if (!signal.aborted) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    }
    this.#alarm.set(undefined);
  }

  /** One change may arrive in several messages. */
  #changed(): void {
    this.#wake(Math.min(this.#due, this.#clock.now() + BATCH));
  }

  #wake(time: number): void {
    this.#due = time;
    this.#alarm.set(time === NEVER ? undefined : time);
  }

  #look(): void {
    const { listing, signal } = this.#options;
    if (signal.aborted) return;
    const isPushed = this.#pushing.session?.find(listing.name, Type.PTR)?.granted !== undefined;
    if (this.#isPushed && !isPushed) this.#pushedUntil = this.#clock.now();
    this.#isPushed = isPushed;
    const completeAt = this.#adopt();
    const wanted = new Map<string, Wanted>();
    const items = listing.items((name, type) => {
      wanted.set(setKey(name, type), { name, type });
      return this.#answers.find(name, type);
    });
    if (items !== undefined) this.#printout.show(items);
    this.#answers.keep(wanted);
    const now = this.#clock.now();
    const expiry = this.#subscribe(wanted);
    if (expiry <= now) void this.#ask();
    // Asking for a long list takes a while.
    this.#wake(Math.min(completeAt, this.#isAsking ? now + LEAST_PAUSE : expiry));
  }

  /** Takes over the sets that have been pushed. Returns when more of them will be complete. */
  #adopt(): number {
    const now = this.#clock.now();
    let next = NEVER;
    const overdue = new Set<Subscription>();
    for (const subscription of this.#pushing.session ?? []) {
      const { name, type, granted, records } = subscription;
      if (granted === undefined) continue;
      if (!this.#complete.has(subscription)) {
        let due = this.#whenWhole(subscription, granted);
        // A process that was stopped runs its timers before it reads what has arrived, so it looks twice.
        if (due > granted && due <= now && !this.#overdue.has(subscription)) {
          overdue.add(subscription);
          due = now + BATCH;
        }
        next = Math.min(next, due > now ? due : NEVER);
        if (due > now) continue;
        this.#complete.add(subscription);
      }
      this.#answers.put(name, type, told([...records.values()]));
    }
    this.#overdue = overdue;
    return next;
  }

  /**
   * When the records of a subscription may be taken for the whole set. The server pushes what exists after it
   * has accepted the subscription, and nothing marks the end of that (RFC 8765 §6.3). So a known record
   * counts as gone only when it has not been pushed for a while.
   */
  #whenWhole({ name, type, records }: Subscription, granted: number): number {
    const known = this.#answers.find(name, type);
    const isWhole = known?.every(({ key }) => records.has(key)) ?? records.size > 0;
    if (isWhole) return granted;
    const patience = known === undefined ? PATIENCE_FOR_NEW : PATIENCE_FOR_KNOWN;
    return Math.min(this.#pushing.session!.lastHeard + patience, granted + MOST_PATIENCE);
  }

  /** Subscribes to what is wanted where possible. Returns when to ask for the rest. */
  #subscribe(wanted: ReadonlyMap<string, Wanted>): number {
    const { session } = this.#pushing;
    for (const { name, type } of session ?? []) {
      if (!wanted.has(setKey(name, type))) session!.unsubscribe(name, type);
    }
    let due = NEVER;
    for (const { name, type } of wanted.values()) {
      if (session?.find(name, type) !== undefined) continue;
      if (this.#pushing.canSubscribe(name, type)) {
        session!.subscribe(name, type);
        continue;
      }
      const known = this.#answers.get(name, type);
      due = Math.min(due, known === undefined ? 0 : this.#expiry(known));
    }
    const pause = Math.min(LEAST_PAUSE * 2 ** this.#failures, MOST_PAUSE);
    return due === NEVER ? NEVER : Math.max(due, this.#askedAt + pause);
  }

  #expiry({ ttl, at }: KnownSet): number {
    return Math.max(at, this.#pushedUntil) + Math.min((ttl + LONGER) * 1000, MOST_PAUSE);
  }

  /** Asks again for expired sets that are not pushed. */
  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const { listing, signal } = this.#options;
    const begun = this.#clock.now();
    try {
      await this.#answers.ask(listing.items, {
        // What is subscribed to is not asked for, even before it is pushed.
        known: (name, type) =>
          this.#pushing.session?.find(name, type) && (this.#answers.find(name, type) ?? []),
        isGood: (set) => this.#expiry(set) > begun,
        refused: (error) => this.#refuse(error),
        pause: QUESTION_PAUSE,
        signal,
      });
      this.#failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ConfigError)) throw error;
      if (this.#failures++ === 0) this.#complain(error);
    }
    this.#isAsking = false;
    this.#askedAt = this.#clock.now();
    this.#look();
  }

  /** One name cannot be asked for; others can. */
  #refuse(error: ConfigError): void {
    if (!this.#isRefused) this.#complain(error);
    this.#isRefused = true;
  }

  #complain({ message }: ConfigError): void {
    this.#options.say(`${message} (asking again)`);
  }
}

function told(records: readonly ResourceRecord[]) {
  return records.length === 0 ? { rdatas: [], ttl: UNSAID_TTL } : setOf(records);
}

const NEVER = Number.POSITIVE_INFINITY;

/** Seconds after its TTL by which a record has also expired in a resolver on the way (RFC 8765 §6.8). */
const LONGER = 2;

//---- Milliseconds ----

/** From the first pushed change to printing. */
const BATCH = 20;
/** How long no message may have come until what was pushed of a set counts as all of it. */
const PATIENCE_FOR_NEW = 100;
/** The same where known records would then be gone. */
const PATIENCE_FOR_KNOWN = 1000;
/** The longest wait, however many messages come. */
const MOST_PATIENCE = 30_000;
/** Between two questions: servers limit rates, ours to a hundred denials a second (`query.limit`). */
const QUESTION_PAUSE = 15;
/** Between two rounds of asking, and between two looks during one. */
const LEAST_PAUSE = 1000;
const MOST_PAUSE = 60_000;
