/**
 * NOTIFY as it goes out (RFC 1996): whoever copies a zone is told that it has changed, and at the
 * start, as nobody knows what was missed while there was none to tell.
 *
 * Invariant: a secondary that answers is told of a zone once a second at most, and of the last change
 * always. One that does not is told again after a time that doubles each time, and is let be after
 * `MAX_RETRIES`, until there is another change (§3.6). Nothing is queued: what there is to tell is
 * the serial that the zone has by then. Of many zones a secondary is told of a few at a time, for they
 * all begin at once, and one that is away may be waited for by each.
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
  /** As the log calls it; each has another. */
  readonly name: string;
  /** Of all zones that it is told of. */
  readonly turns: Turns;
  /** Its answer, whatever it be (RFC 1996 §3.12); undefined where none came. */
  tell(notice: Message, signal: AbortSignal): Promise<Rcode | undefined>;
}

/** How many notices may be under way; the others wait, the first to come the first to go. */
export class Turns {
  #left = UNDER_WAY;
  readonly #waiting = new Set<() => void>();

  /** Calls `go` when it is its turn, which is over when `pass` is called. */
  take(go: () => void): void {
    this.#waiting.add(go);
    this.#next();
  }

  /** Waits no more. */
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

/** To one secondary: hundreds are told in some seconds over any distance, and cost few sockets. */
const UNDER_WAY = 8;

export interface SecondariesOptions {
  readonly zone: NotifiedZone;
  /** Nobody is told of a zone that nobody may copy. */
  readonly isCopied: () => boolean;
  /** Those that are told whatever the zone says. */
  readonly configured: readonly Secondary[];
  /** The server of this name, which the zone has among its NS records. */
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

/** The servers in the zone's NS records, without the one that the SOA names (RFC 1996 §2.1). */
function secondaryNames(snapshot: Snapshot): Name[] {
  const { mname } = soaOf(snapshot.soa.rdatas[0]!);
  const servers = snapshot.set(snapshot.origin, Type.NS)?.rdatas ?? [];
  return servers.map((server) => targetOf(server)!).filter((name) => !name.equals(mname));
}

/** Milliseconds between two notices (RFC 1996 §4.3 has changes told together). */
const INTERVAL = 1000;
/** Milliseconds to the first retry, and at the most; and how many (RFC 1996 §3.6: 60 s, 5 times). */
const FIRST_RETRY = 2000;
const LAST_RETRY = 60_000;
const MAX_RETRIES = 5;

interface NotifierOptions extends Pick<SecondariesOptions, "zone" | "clock" | "log"> {
  readonly secondary: Secondary;
  readonly signal: AbortSignal;
}

/** Tells one secondary of one zone. */
class Notifier {
  readonly #options: NotifierOptions;
  #cancel: Cancel | undefined;
  #isTelling = false;
  #isEnded = false;
  /** Not told before. */
  #notBefore: number;
  #failures = 0;
  /** What it answered last, so that each news of it is told once. */
  #answered: Rcode | undefined = Rcode.NOERROR;

  constructor(options: NotifierOptions) {
    this.#options = options;
    this.#notBefore = options.clock.now();
  }

  /** The zone has changed. */
  wake(): void {
    if (this.#isEnded || this.#isTelling || this.#cancel !== undefined) return;
    const { clock, secondary } = this.#options;
    const { turns } = secondary;
    const tell = () => void this.#tell().finally(() => turns.pass());
    this.#cancel = clock.at(this.#notBefore, () => {
      this.#cancel = () => turns.leave(tell);
      turns.take(tell);
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
      // Our own mistake, and no reason for queries not to be answered.
      this.#options.log.error(
        { err: error, secondary: secondary.name },
        "NOTIFY could not be sent",
      );
      return undefined;
    });
    this.#isTelling = false;
    if (this.#isEnded || signal.aborted) return;
    this.#report(answered);
    if (answered !== undefined) {
      this.#failures = 0;
      this.#notBefore = sent + INTERVAL;
      if (zone.current !== snapshot) this.wake();
      return;
    }
    const wait = Math.min(FIRST_RETRY * 2 ** this.#failures, LAST_RETRY);
    this.#notBefore = clock.now() + wait;
    if (this.#failures++ < MAX_RETRIES || zone.current !== snapshot) this.wake();
  }

  #report(answered: Rcode | undefined): void {
    const { zone, secondary, log } = this.#options;
    if (answered === this.#answered) return;
    this.#answered = answered;
    const fields = { zone: `${zone.origin}`, secondary: secondary.name };
    if (answered === Rcode.NOERROR) log.info(fields, "the secondary takes NOTIFY again");
    else if (answered === undefined) log.warn(fields, "the secondary does not answer to NOTIFY");
    else log.warn({ ...fields, rcode: rcodeName(answered) }, "the secondary refuses NOTIFY");
  }
}

/** With the SOA, as a hint (RFC 1996 §3.7). */
function notice({ origin, soa }: Snapshot): Message {
  return makeMessage({
    opcode: Opcode.NOTIFY,
    isAuthoritative: true,
    questions: [{ name: origin, type: Type.SOA, class: Class.IN }],
    answers: recordsOf(soa),
  });
}
