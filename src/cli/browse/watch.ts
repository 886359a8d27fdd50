/**
 * `browse --watch`: the list, then what comes, changes and goes. Level, not edge: what is printed is the
 * difference of the list as it was printed and as it is now, however what is known of it has come, told by
 * a server (RFC 8765) or asked for again when the answers expire. So nothing is printed twice.
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
import type { Item, Listing } from "./listing.ts";
import { type Print, printing } from "./printing.ts";
import { Pushing } from "./pushing.ts";

/** Until SIGINT or SIGTERM. */
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
}

export interface WatchOptions {
  readonly listing: Listing;
  readonly clock: Clock;
  /** To be asked, without any yet. */
  readonly answers: Answers;
  readonly pushing: (changed: () => void) => Pick<Pushing, "session" | "takes" | "start">;
  readonly print: Print;
  /** For people, beside the list. */
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
  /** What is known of all sets, whoever has said so. */
  readonly #answers: Answers;
  /** What was printed last of each item. */
  readonly #shown = new Map<string, Item>();
  /** Who reads has not taken that yet: what is printed next is the difference from it, however late. */
  #isUnread = false;
  /** What was told of them is all there is. */
  readonly #believed = new WeakSet<Subscription>();
  /** They seemed so at the last look. */
  #suspected = new Set<Subscription>();
  readonly #alarm: Alarm;
  /** When it rings. */
  #due = NEVER;
  #isTold = false;
  /** When that was the last time: till then what was told did hold. */
  #toldUntil = 0;
  #isAsking = false;
  #askedAt = 0;
  /** Times it was asked in vain since. */
  #failures = 0;
  /** It was said that an answer was an error. */
  #isRefused = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#answers = options.answers;
    this.#alarm = new Alarm(options.clock, () => this.#look());
    this.#pushing = options.pushing(() => this.#changed());
  }

  /** Throws ConfigError where there is nobody to ask at the start. */
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
    const items = listing.items(this.#answers.find) ?? [];
    for (const item of items) this.#shown.set(item.key, item);
    this.#print(items.length > 0 ? items.flatMap(({ lines = [] }) => lines) : [listing.none]);
    this.#pushing.start();
    this.#look();
    if (!signal.aborted) {
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    }
    this.#alarm.set(undefined);
  }

  /** What is told in one go may come in several messages. */
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
    const isTold = this.#pushing.session?.find(listing.name, Type.PTR)?.granted !== undefined;
    if (this.#isTold && !isTold) this.#toldUntil = this.#clock.now();
    this.#isTold = isTold;
    const believable = this.#believe();
    const wanted = new Map<string, Wanted>();
    const items = listing.items((name, type) => {
      wanted.set(setKey(name, type), { name, type });
      return this.#answers.find(name, type);
    });
    if (items !== undefined && !this.#isUnread) this.#show(items);
    this.#answers.keep(wanted);
    const now = this.#clock.now();
    const expiry = this.#subscribe(wanted);
    if (expiry <= now) void this.#ask();
    // To ask for a long list takes a while.
    this.#wake(Math.min(believable, this.#isAsking ? now + LEAST_PAUSE : expiry));
  }

  /** Takes over what was told. Gives when there will be more of it. */
  #believe(): number {
    const now = this.#clock.now();
    let next = NEVER;
    const suspected = new Set<Subscription>();
    for (const subscription of this.#pushing.session ?? []) {
      const { name, type, granted, records } = subscription;
      if (granted === undefined) continue;
      if (!this.#believed.has(subscription)) {
        let due = this.#whenWhole(subscription, granted);
        // A process that stood still calls its timers before it reads what has come, so it looks twice.
        if (due > granted && due <= now && !this.#suspected.has(subscription)) {
          suspected.add(subscription);
          due = now + BATCH;
        }
        next = Math.min(next, due > now ? due : NEVER);
        if (due > now) continue;
        this.#believed.add(subscription);
      }
      this.#answers.put(name, type, told([...records.values()]));
    }
    this.#suspected = suspected;
    return next;
  }

  /**
   * What was there and is not told, is gone; but what is there when the server agrees is told after that,
   * and nothing says that it was all (RFC 8765 §6.3). So it may take its time.
   */
  #whenWhole({ name, type, records }: Subscription, granted: number): number {
    const known = this.#answers.find(name, type);
    const isWhole = known?.every(({ key }) => records.has(key)) ?? records.size > 0;
    if (isWhole) return granted;
    const patience = known === undefined ? PATIENCE_FOR_NEW : PATIENCE_FOR_KNOWN;
    return Math.min(this.#pushing.session!.lastHeard + patience, granted + MOST_PATIENCE);
  }

  /** Has what is wanted told where that is possible. Gives when to ask for the rest. */
  #subscribe(wanted: ReadonlyMap<string, Wanted>): number {
    const { session } = this.#pushing;
    for (const { name, type } of session ?? []) {
      if (!wanted.has(setKey(name, type))) session!.unsubscribe(name, type);
    }
    let due = NEVER;
    for (const { name, type } of wanted.values()) {
      if (session?.find(name, type) !== undefined) continue;
      if (this.#pushing.takes(name, type)) {
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
    return Math.max(at, this.#toldUntil) + Math.min((ttl + LONGER) * 1000, MOST_PAUSE);
  }

  /** Asks anew for what nobody tells, where that does not hold any more. */
  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const { listing, signal } = this.#options;
    const begun = this.#clock.now();
    try {
      await this.#answers.ask(listing.items, {
        // Of what is not told yet there is nothing to be asked either.
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

  /** A name cannot be asked for: others can. */
  #refuse(error: ConfigError): void {
    if (!this.#isRefused) this.#complain(error);
    this.#isRefused = true;
  }

  #complain({ message }: ConfigError): void {
    this.#options.say(`${message} Asks again.`);
  }

  #show(items: readonly Item[]): void {
    const here = new Set<string>(items.map(({ key }) => key));
    const lines: string[] = [];
    for (const [key, { title }] of this.#shown) {
      if (here.has(key)) continue;
      this.#shown.delete(key);
      lines.push(`- ${title}`);
    }
    for (const item of items) {
      const shown = this.#shown.get(item.key);
      // Of what is not wholly known there is more to come.
      if (item.lines === undefined || isSame(shown?.lines, item.lines)) continue;
      this.#shown.set(item.key, item);
      const [first, ...rest] = item.lines;
      lines.push(`${shown === undefined ? "+" : "~"} ${first}`, ...rest);
    }
    if (lines.length === 0) return;
    const time = new Date(this.#clock.wall()).toTimeString().slice(0, "12:03:11".length);
    this.#print(lines.map((line) => (line.startsWith(" ") ? line : `${time}  ${line}`)));
  }

  #print(lines: readonly string[]): void {
    const taken = this.#options.print(lines);
    if (taken === undefined) return;
    this.#isUnread = true;
    void taken.then(() => {
      this.#isUnread = false;
      this.#changed();
    });
  }
}

function told(records: readonly ResourceRecord[]) {
  return records.length === 0 ? { rdatas: [], ttl: UNSAID_TTL } : setOf(records);
}

function isSame(a: readonly string[] | undefined, b: readonly string[]): boolean {
  return a !== undefined && a.join("\n") === b.join("\n");
}

const NEVER = Number.POSITIVE_INFINITY;

/** Seconds beyond a TTL, by which it has ended for a resolver on the way as well (RFC 8765 §6.8). */
const LONGER = 2;

//---- Milliseconds ----

/** Until what is told is printed. */
const BATCH = 20;
/** Without a message, until what was not told of a set is taken to be all there is of it. */
const PATIENCE_FOR_NEW = 100;
/** The same of what is gone then. */
const PATIENCE_FOR_KNOWN = 1000;
/** However many messages come. */
const MOST_PATIENCE = 30_000;
/** Between two questions: servers have limits, ours of a hundred denials a second (`query.limit`). */
const QUESTION_PAUSE = 15;
/** Between two times that it asks, and between two looks while it does. */
const LEAST_PAUSE = 1000;
const MOST_PAUSE = 60_000;
