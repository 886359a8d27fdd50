/**
 * DNS Push Notifications (RFC 8765): holds the subscriptions of all clients, limits their number, and
 * follows the zones for them.
 */
import { AgedMap } from "../../agedmap.ts";
import type { Clock } from "../../clock.ts";
import { Class } from "../../dns/constants.ts";
import type { Question } from "../../dns/message.ts";
import { type ResourceRecord, setKey } from "../../dns/record.ts";
import { type Guest, makeRoom } from "../../guests.ts";
import type { Zone } from "../../zone/zone.ts";
import { networkOf } from "../limits.ts";
import type { View } from "../views.ts";
import { Board, type Watcher } from "./board.ts";
import { Subscriptions, type SubscriptionsOptions } from "./subscriptions.ts";

/** The most subscriptions at once. */
export interface PushLimits {
  readonly total: number;
  /** Of one IPv4 /24 or one IPv6 /56. */
  readonly perNetwork: number;
  readonly perSession: number;
  /**
   * Sessions with subscriptions: fewer than the places for connections, because they keep theirs. The network
   * that has most makes room for others.
   */
  readonly sessions: number;
}

const LIMITS: PushLimits = { total: 20_000, perNetwork: 5000, perSession: 1000, sessions: 1000 };

export interface PushOptions {
  readonly clock: Clock;
  /** The view of the client at an address. */
  readonly viewOf: (address: string) => View | undefined;
  /** Called when a client subscribes; what it returns is called when the subscription ends. */
  readonly asked?: (question: Question, address: string) => (() => void) | undefined;
  /** Called when a client reports that it could not reach a record of its view. */
  readonly reconfirm?: (record: Omit<ResourceRecord, "ttl">) => void;
  readonly limits?: PushLimits;
}

export class Push {
  readonly #options: PushOptions;
  readonly #limits: PushLimits;
  readonly #boards = new Map<View, Board>();
  /** Watchers to flush, in order. */
  readonly #due = new Set<Watcher>();
  readonly #perNetwork = new Map<number, number>();
  #total = 0;
  /** Those with subscriptions. */
  readonly #sessions = new Set<Guest>();
  /** When each set was last reconfirmed. */
  readonly #reconfirmed = new AgedMap<string, number>();

  constructor(options: PushOptions) {
    this.#options = options;
    this.#limits = options.limits ?? LIMITS;
  }

  /** Number of sessions with subscriptions. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Number of subscriptions. */
  get size(): number {
    return this.#total;
  }

  /** The subscriptions of a new client, none at first; `dismiss` ends them at once, and the client's session. */
  open(address: string, send: SubscriptionsOptions["send"], dismiss: () => void): Subscriptions {
    const board = this.#boardOf(address);
    const network = networkOf(address);
    const session = { client: `${network}`, dismiss };
    return new Subscriptions({
      board,
      send,
      enter: (size) => this.#enter(network, size, session),
      leave: (count, left) => this.#leave(network, count, left, session),
      asked: (question) => this.#options.asked?.(question, address),
      reconfirm: (record) => board && this.#reconfirm(board, record),
    });
  }

  /** Follows these zones until `signal` ends. */
  async run(zones: readonly Zone[], signal: AbortSignal): Promise<void> {
    const follow = async (zone: Zone) => {
      for await (const _ of zone.follow(zone.current.serial, signal)) this.look();
    };
    await Promise.all(zones.map(follow));
  }

  /** To be called when the zones may have changed. */
  look(): void {
    const isWaiting = this.#due.size > 0;
    for (const board of this.#boards.values()) {
      for (const watcher of board.look()) this.#due.add(watcher);
    }
    if (!isWaiting) this.#tell();
  }

  /** Flushes some watchers at a time, with a turn for all other work in between. */
  #tell(): void {
    const { clock } = this.#options;
    let told = 0;
    for (const watcher of this.#due) {
      if (told >= TOLD) return void clock.at(clock.now(), () => this.#tell());
      this.#due.delete(watcher);
      told += CLIENT + watcher.flush();
    }
  }

  #boardOf(address: string): Board | undefined {
    const view = this.#options.viewOf(address);
    if (view === undefined) return undefined;
    const board = this.#boards.get(view) ?? new Board(view.zones);
    this.#boards.set(view, board);
    return board;
  }

  #enter(network: number, size: number, session: Guest): boolean {
    const { total, perNetwork, perSession, sessions } = this.#limits;
    const count = this.#perNetwork.get(network) ?? 0;
    if (size >= perSession || count >= perNetwork || this.#total >= total) return false;
    if (size === 0 && !makeRoom(this.#sessions, session.client, sessions)) return false;
    this.#sessions.add(session);
    this.#total++;
    this.#perNetwork.set(network, count + 1);
    return true;
  }

  #leave(network: number, count: number, left: number, session: Guest): void {
    if (count === 0) return;
    if (left === 0) this.#sessions.delete(session);
    this.#total -= count;
    const others = this.#perNetwork.get(network)! - count;
    if (others === 0) this.#perNetwork.delete(network);
    else this.#perNetwork.set(network, others);
  }

  /** Only records that the client can see, and each set once in a while, however many ask (RFC 8765 §6.5). */
  #reconfirm(board: Board, record: Omit<ResourceRecord, "ttl">): void {
    const { clock, reconfirm } = this.#options;
    const { name, type, class: klass, rdata } = record;
    if (klass !== Class.IN) return;
    const set = board.zoneOf(record)?.current.set(name, type);
    if (!set?.rdatas.some((each) => each.equals(rdata))) return;
    const now = clock.now();
    for (let at = this.#reconfirmed.oldest; at !== undefined; at = this.#reconfirmed.oldest) {
      if (at.value > now - RECONFIRMATION) break;
      this.#reconfirmed.delete(at.key);
    }
    const key = setKey(name, type);
    if (this.#reconfirmed.has(key) || this.#reconfirmed.size >= MAX_RECONFIRMED) return;
    this.#reconfirmed.set(key, now);
    reconfirm?.(record);
  }
}

/** Octets produced in one turn of the event loop: some milliseconds' work. */
const TOLD = 64 * 1024;
/** Octets that take as long to produce as a client takes to which little is sent. */
const CLIENT = 1024;
/** Milliseconds for the devices to answer (RFC 6762 §10.4), during which a set is not asked for again. */
const RECONFIRMATION = 10_000;
/** Sets reconfirmed in this time: one device that has gone accounts for no more. */
const MAX_RECONFIRMED = 100;
