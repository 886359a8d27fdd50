/**
 * Outgoing NOTIFY (RFC 1996): secondaries are notified when a zone has changed, and at the start, because
 * what they missed while this server was down is unknown.
 *
 * Invariant: a secondary that answers is notified of a zone at most once a second, and always of the last
 * change. One that does not answer is retried with exponential back-off, and given up after `MAX_RETRIES`
 * until the next change (§3.6). Nothing is queued: a notice has the serial of the zone when it is sent. A
 * secondary is notified of a few zones at a time, because all zones start at once, and each may have to
 * wait for a secondary that is down.
 */
import type { Cancel, Clock } from "../clock.ts";
import { Class, Opcode, Rcode, rcodeName, Type } from "../dns/constants.ts";
import { type Message, makeMessage } from "../dns/message.ts";
import type { Name } from "../dns/name.ts";
import { soaOf, targetOf } from "../dns/rdata.ts";
import { recordsOf } from "../dns/record.ts";
import type { Log } from "../log.ts";
import type { Snapshot } from "../zone/snapshot.ts";
import type { Zone } from "../zone/zone.ts";

export type NotifiedZone = Pick<Zone, "origin" | "current" | "follow">;

export interface Secondary {
  /** Its unique name in the log. */
  readonly name: string;
  /** Shared by all zones that it is notified of. */
  readonly slots: NoticeSlots;
  /** Sends a notice; gives its answer, whatever that is (RFC 1996 §3.12), or why none came. */
  tell(notice: Message, signal: AbortSignal): Promise<Rcode | Silence>;
}

/** There is no answer; the reason is for the log. */
export class Silence {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/** Limits the notices in flight; the others wait, first come, first served. */
export class NoticeSlots {
  #left = UNDER_WAY;
  readonly #waiting = new Set<() => void>();

  /** Calls `go` when it is its turn, which is over when `pass` is called. */
  take(go: () => void): void {
    this.#waiting.add(go);
    this.#next();
  }

  /** Stops waiting. */
  leave(go: () => void): void {
    this.#waiting.delete(go);
  }

  pass(): void {
    this.#left++;
    this.#next();
  }

  #next(): void {
    const [go] = this.#waiting;
    if (go === undefined || this.#left === 0) return;
    this.#waiting.delete(go);
    this.#left--;
    go();
  }
}

/** Notices in flight per secondary: hundreds are sent in seconds over any distance, with few sockets. */
const UNDER_WAY = 8;

export interface SecondariesOptions {
  readonly zone: NotifiedZone;
  /** False if nobody may copy the zone; then nobody is notified. */
  readonly isCopied: () => boolean;
  /** Secondaries that are notified whatever NS records the zone has. */
  readonly configured: readonly Secondary[];
  /** The secondary of this name, which is in the zone's NS records. */
  readonly secondaryOf: (name: Name) => Secondary;
  readonly clock: Clock;
  readonly log: Log;
}

/** Runs until its signal ends. */
export async function notifySecondaries(
  { zone, isCopied, configured, secondaryOf, clock, log }: SecondariesOptions,
  signal: AbortSignal,
): Promise<void> {
  const notifier = (secondary: Secondary) => new Notifier({ zone, secondary, clock, log, signal });
  const always = configured.map(notifier);
  const named = new Map<string, Notifier>();
  const wakeAll = () => {
    if (!isCopied()) return;
    const names = secondaryNames(zone.current);
    for (const key of named.keys()) {
      if (names.some((name) => name.key === key)) continue;
      named.get(key)!.end();
      named.delete(key);
    }
    for (const name of names) {
      if (!named.has(name.key)) named.set(name.key, notifier(secondaryOf(name)));
    }
    for (const each of [...always, ...named.values()]) each.wake();
  };
  wakeAll();
  for await (const _ of zone.follow(zone.current.serial, signal)) wakeAll();
  for (const each of [...always, ...named.values()]) each.end();
}

/** The servers in the zone's NS records, without the one named in the SOA (RFC 1996 §2.1). */
function secondaryNames(snapshot: Snapshot): Name[] {
  const { mname } = soaOf(snapshot.soa.rdatas[0]!);
  const servers = snapshot.set(snapshot.origin, Type.NS)?.rdatas ?? [];
  return servers.map((server) => targetOf(server)!).filter((name) => !name.equals(mname));
}

/** Milliseconds between two notices, which combine changes (RFC 1996 §4.3). */
const INTERVAL = 1000;
/** Milliseconds before the first retry, and the most before any; their number (RFC 1996 §3.6: 60 s, 5). */
const FIRST_RETRY = 2000;
const LAST_RETRY = 60_000;
const MAX_RETRIES = 5;

interface NotifierOptions extends Pick<SecondariesOptions, "zone" | "clock" | "log"> {
  readonly secondary: Secondary;
  readonly signal: AbortSignal;
}

/** Notifies one secondary of one zone. */
class Notifier {
  readonly #options: NotifierOptions;
  #cancel: Cancel | undefined;
  #isTelling = false;
  #isEnded = false;
  /** The earliest time for the next notice. */
  #notBefore: number;
  #failures = 0;
  /** Its last answer, undefined if none came, so that each change of it is logged once. */
  #answered: Rcode | undefined = Rcode.NOERROR;
  /** Why none came since: each is logged once, as a missing network may hide a key that it does not know. */
  readonly #reasons = new Set<string>();

  constructor(options: NotifierOptions) {
    this.#options = options;
    this.#notBefore = options.clock.now();
  }

  /** Schedules a notice, unless one is scheduled or in flight. */
  wake(): void {
    if (this.#isEnded || this.#isTelling || this.#cancel !== undefined) return;
    const { clock, secondary } = this.#options;
    const { slots } = secondary;
    const tell = () => void this.#tell().finally(() => slots.pass());
    this.#cancel = clock.at(this.#notBefore, () => {
      this.#cancel = () => slots.leave(tell);
      slots.take(tell);
    });
  }

  end(): void {
    this.#isEnded = true;
    this.#cancel?.();
  }

  async #tell(): Promise<void> {
    const { zone, secondary, clock, signal } = this.#options;
    const snapshot = zone.current;
    const sent = clock.now();
    this.#cancel = undefined;
    this.#isTelling = true;
    const answered = await secondary.tell(notice(snapshot), signal).catch((error) => {
      // An error of our own, which must not keep queries from being answered.
      this.#options.log.error(
        { err: error, secondary: secondary.name },
        "NOTIFY could not be sent",
      );
      return new Silence("NOTIFY could not be sent");
    });
    this.#isTelling = false;
    if (this.#isEnded || signal.aborted) return;
    this.#report(answered);
    if (!(answered instanceof Silence)) {
      this.#failures = 0;
      this.#notBefore = sent + INTERVAL;
      if (zone.current !== snapshot) this.wake();
      return;
    }
    const wait = Math.min(FIRST_RETRY * 2 ** this.#failures, LAST_RETRY);
    this.#notBefore = clock.now() + wait;
    if (this.#failures++ < MAX_RETRIES || zone.current !== snapshot) this.wake();
  }

  #report(answered: Rcode | Silence): void {
    const { zone, secondary, log } = this.#options;
    const isSilent = answered instanceof Silence;
    if (isSilent ? this.#reasons.has(answered.reason) : answered === this.#answered) return;
    this.#answered = isSilent ? undefined : answered;
    if (isSilent) this.#reasons.add(answered.reason);
    else this.#reasons.clear();
    const fields = { zone: `${zone.origin}`, secondary: secondary.name };
    if (isSilent) {
      log.warn({ ...fields, reason: answered.reason }, "the secondary does not answer NOTIFY");
    } else if (answered === Rcode.NOERROR) {
      log.info(fields, "the secondary accepts NOTIFY again");
    } else {
      log.warn({ ...fields, rcode: rcodeName(answered) }, "the secondary refuses NOTIFY");
    }
  }
}

/** A NOTIFY with the SOA, as a hint (RFC 1996 §3.7). */
function notice({ origin, soa }: Snapshot): Message {
  return makeMessage({
    opcode: Opcode.NOTIFY,
    isAuthoritative: true,
    questions: [{ name: origin, type: Type.SOA, class: Class.IN }],
    answers: recordsOf(soa),
  });
}
