/** A watched zone in memory: the watcher, the server that it asks, and the server that pushes to it. */

import { Answers } from "../../src/cli/browse/answers.ts";
import { instancesOf, type Listing } from "../../src/cli/browse/listing.ts";
import { Pushing } from "../../src/cli/browse/pushing.ts";
import { Watch } from "../../src/cli/browse/watch.ts";
import { Class, Rcode } from "../../src/dns/constants.ts";
import { type Message, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { type RecordSet, recordsOf } from "../../src/dns/record.ts";
import { Push, type PushLimits } from "../../src/dnsserver/push/push.ts";
import { StatefulSession } from "../../src/dnsserver/push/session.ts";
import { ExchangeError } from "../../src/net/client/exchange.ts";
import type { openPushSession, PushServer } from "../../src/net/client/pushserver.ts";
import { PushSession } from "../../src/net/client/pushsession.ts";
import { lookup } from "../../src/zone/lookup/lookup.ts";
import type { Zone } from "../../src/zone/zone.ts";
import { viewOf } from "../dnsserver/pushing.ts";
import { FakeClock } from "../support/clock.ts";
import { operator, origin, updateOf, zoneOf } from "../zone/fixture.ts";

export const SERVER: PushServer = {
  ...{ address: "192.0.2.1", port: 853, host: Name.parse("ns.z.example.") },
  tls: { serverName: "ns.z.example" },
};

export interface Connection {
  readonly client: PushSession;
  /** The server ends the session, and says so. */
  retire(): void;
  /** The session ends without a word. */
  cut(): void;
  /** While true, messages of the server stay on the way. */
  isHeld: boolean;
  /** How many messages are on the way. */
  readonly waiting: number;
  /** Delivers `count` of them, all if not given. Returns the sum of their octets. */
  deliver(count?: number): number;
}

export interface WatchedOptions {
  readonly records: string;
  readonly chance?: readonly number[];
  readonly limits?: PushLimits;
  readonly listing?: Listing;
  /** See `Watched`. */
  readonly failing?: RegExp;
  /** Handles a message of the client in place of the server; true if it has. */
  readonly intercept?: (message: Buffer, client: PushSession) => boolean;
}

export class Watched implements AsyncDisposable {
  readonly clock: FakeClock;
  readonly zone: Zone;
  /** "name type" of each question. */
  readonly asked: string[] = [];
  /** Lines without their time of day. */
  readonly printed: string[] = [];
  readonly said: string[] = [];
  /** When the client tried to open a session. */
  readonly tried: number[] = [];
  readonly connections: Connection[] = [];
  /** What the client knows. */
  readonly answers: Answers;
  /** The servers that push changes, or why none does. */
  offered: readonly PushServer[] | string = [SERVER];
  /** The error that opening a session fails with, if it is to fail. */
  obstacle: string | undefined;
  /** While true, nobody answers questions. */
  isMute = false;
  /** Questions that get SERVFAIL, written as in `asked`. */
  failing: RegExp;
  /** Completes the last print; set while the reader stands still. */
  #taken: (() => void) | undefined;
  /** True: the reader stands still from the next line on. */
  isUnread = false;
  /** What `isHeld` of new connections begins with. */
  isHeld = false;
  readonly watch: Watch;
  readonly ended: Promise<void>;
  readonly #push: Push;
  readonly #options: WatchedOptions;
  readonly #stop = new AbortController();

  constructor(options: WatchedOptions) {
    this.#options = options;
    this.failing = options.failing ?? /^$/;
    this.clock = new FakeClock({ chance: [...(options.chance ?? [0])] });
    const clock = this.clock;
    this.zone = zoneOf(options.records, { clock });
    const view = viewOf([this.zone]);
    const limits = options.limits;
    this.#push = new Push({ clock, viewOf: () => view, ...(limits && { limits }) });
    const { signal } = this.#stop;
    void this.#push.run([this.zone], signal);
    const listing = options.listing ?? instancesOf("_ipp._tcp", origin);
    const say = (line: string) => void this.said.push(line);
    const address = { address: "192.0.2.1", port: 53 };
    const ask = async (name: Name, type: number) => this.#answer(name, type);
    this.answers = new Answers({ address, domain: origin, ask }, clock);
    this.watch = new Watch({
      ...{ listing, clock, say, signal },
      answers: this.answers,
      pushing: (changed) =>
        new Pushing({
          ...{ name: listing.name, clock, say, signal, changed },
          locate: async () => this.offered,
          open: this.#open,
        }),
      print: (lines) => {
        this.printed.push(...lines.map((line) => line.replace(TIME, "")));
        if (!this.isUnread) return undefined;
        return new Promise((resolve) => {
          this.#taken = resolve;
        });
      },
    });
    this.ended = this.watch.run();
  }

  /** Starts the watch, and waits for what it prints and does at once. */
  static async start(options: WatchedOptions): Promise<Watched> {
    const watched = new Watched(options);
    await watched.pass(2000);
    return watched;
  }

  async pass(milliseconds: number): Promise<void> {
    await this.clock.elapse(milliseconds);
  }

  /** Applies updates, in the form of `updateOf`; returns what is printed within a second. */
  async change(...updates: readonly string[]): Promise<readonly string[]> {
    for (const update of updates) await this.zone.apply(updateOf(update), operator);
    return await this.within(1000);
  }

  /** What is printed in that time. */
  async within(milliseconds: number): Promise<readonly string[]> {
    this.printed.length = 0;
    await this.pass(milliseconds);
    return this.printed.splice(0);
  }

  /** The reader goes on. */
  read(): void {
    this.isUnread = false;
    this.#taken?.();
  }

  get session(): Connection {
    return this.connections.at(-1)!;
  }

  stop(): void {
    this.#stop.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await this.ended.catch(() => {});
  }

  #answer(name: Name, type: number): Message {
    this.asked.push(`${name} ${type}`);
    if (this.isMute) throw new ExchangeError({ address: "192.0.2.1", port: 53 }, "timeout");
    if (!name.isUnder(origin)) return makeMessage({ isResponse: true, rcode: Rcode.REFUSED });
    const isFailing = this.failing.test(`${name} ${type}`);
    if (isFailing) return makeMessage({ isResponse: true, rcode: Rcode.SERVFAIL });
    const { rcode, answers, authorities, additionals } = lookup(this.zone.current, {
      ...{ name, type, class: Class.IN },
    });
    // In another order each time, as many servers do.
    const isTurned = this.asked.filter((each) => each === this.asked.at(-1)).length % 2 === 0;
    const recordsIn = (sets: readonly RecordSet[]) => {
      const records = sets.flatMap(recordsOf);
      return isTurned ? records.reverse() : records;
    };
    return makeMessage({
      ...{ isResponse: true, rcode },
      answers: recordsIn(answers),
      authorities: recordsIn(authorities),
      additionals: recordsIn(additionals),
    });
  }

  /** Messages take a millisecond. */
  #soon(arrive: () => void): void {
    this.clock.at(this.clock.now() + 1, arrive);
  }

  readonly #open: typeof openPushSession = async (server, options) => {
    this.tried.push(this.clock.now());
    if (this.obstacle !== undefined) throw new ExchangeError(server, this.obstacle);
    const life = new AbortController();
    const { intercept } = this.#options;
    const held: { readonly octets: number; readonly arrive: () => void }[] = [];
    const connection: Omit<Connection, "client"> & { client?: PushSession } = {
      isHeld: this.isHeld,
      retire: () => far.retire(),
      cut: () => {
        life.abort();
        client.lost("closed the connection");
      },
      get waiting() {
        return held.length;
      },
      deliver: (count = held.length) => {
        const arriving = held.splice(0, count);
        for (const { arrive } of arriving) arrive();
        return arriving.reduce((sum, { octets }) => sum + octets, 0);
      },
    };
    const end = () => life.abort();
    const client = new PushSession(
      {
        send: (message) => {
          this.#soon(() => {
            if (life.signal.aborted || intercept?.(message, client)) return;
            far.receive(message);
          });
        },
        close: end,
        abort: end,
      },
      options,
    );
    const far = new StatefulSession(
      {
        ...{ source: { address: "192.0.2.9", port: 4000 }, isBusy: false, isCrowded: false },
        signal: life.signal,
        ...{ retire: () => connection.cut(), abort: () => connection.cut() },
        send: (message, taken) => {
          const arrive = () => {
            client.receive(message);
            if (!life.signal.aborted) taken();
          };
          held.push({ octets: message.length, arrive });
          this.#soon(() => connection.isHeld || connection.deliver());
        },
      },
      { push: this.#push, clock: this.clock },
    );
    connection.client = client;
    this.connections.push(connection as Connection);
    return client;
  };
}

const TIME = /^\d\d:\d\d:\d\d {2}/;

/** All records of a device; `sign` as in updates. */
export function printer(label: string, number: number, sign = ""): string {
  return [
    `_ipp._tcp PTR ${label}._ipp._tcp`,
    `${label}._ipp._tcp SRV 0 0 631 ${label}`,
    `${label}._ipp._tcp TXT "rp=${label}"`,
    `${label} A 10.1.0.${number}`,
  ]
    .map((line) => `${sign} ${line}\n`.trimStart())
    .join("");
}

/** The lines that list it; `sign` as in printed changes. */
export function listed(label: string, number: number, sign = ""): string[] {
  return [
    `${sign} ${label}`.trimStart(),
    `    ${label}.z.example.:631`,
    `    10.1.0.${number}`,
    `    rp=${label}`,
  ];
}
