/**
 * Everything that can be observed of a zone: the answers to many questions, asked over and over, and every
 * version of the zone, by serial (RFC 1995), however short-lived.
 */
import type { Change } from "./gateway.ts";
import type { Host } from "./lab.ts";
import type { Running } from "./process.ts";
import { sleep } from "./wait.ts";

export interface Question {
  readonly name: string;
  readonly type: string;
}

export interface Version {
  readonly serial: number;
  /** When it was seen, in milliseconds since 1970. */
  readonly at: number;
  /** Each as a line without its TTL; the SOA record is not among them. */
  readonly records: ReadonlySet<string>;
}

interface Place {
  readonly host: Host;
  readonly server: string;
  readonly zone: string;
}

export class Observer {
  readonly versions: Version[];
  /** Serials of transfers that were full, where versions may have been missed. */
  readonly gaps: number[] = [];
  readonly #place: Place;
  readonly #questions: readonly Question[];
  readonly #watcher: Running;
  #isStopped = false;
  readonly #following: Promise<void>;

  private constructor(place: Place, questions: readonly Question[], first: Version) {
    const asked = [{ name: `${place.zone}.`, type: "SOA" }, ...questions];
    this.#place = place;
    this.#questions = asked;
    this.versions = [first];
    const parameters = asked.flatMap(({ name, type }) => [name, type]);
    this.#watcher = place.host.script("watcher", place.server, `${EACH}`, ...parameters);
    this.#following = this.#follow();
  }

  /** The server must let this host transfer the zone, and answer however often it is asked. */
  static async start(place: Place, questions: readonly Question[]): Promise<Observer> {
    const records = await transfer(place, "AXFR");
    const serial = serialOf(records[0]!);
    return new Observer(place, questions, { serial, at: Date.now(), records: bodyOf(records) });
  }

  /** The answers to a question, each different from the one before. */
  answers({ name, type }: Question): Change[] {
    const id = this.#questions.findIndex((each) => each.name === name && each.type === type);
    return this.#watcher.events<Change>("change").filter(({ question }) => question === id);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([this.#following, this.#watcher.stop("SIGKILL")]);
  }

  async #follow(): Promise<void> {
    const [soa] = this.#questions;
    for (let seen = 0; !this.#isStopped; await sleep(EACH)) {
      const { length } = this.answers(soa!);
      if (length > seen) await this.#catchUp();
      seen = length;
    }
  }

  async #catchUp(): Promise<void> {
    const { serial, records } = this.versions.at(-1)!;
    const lines = await transfer(this.#place, `IXFR=${serial}`);
    const at = Date.now();
    if (lines.length === 1) return;
    if (!isSoa(lines[1]!)) {
      const last = serialOf(lines[0]!);
      this.gaps.push(last);
      this.versions.push({ serial: last, at, records: bodyOf(lines) });
      return;
    }
    // A difference is the old SOA record, removed records, the new SOA record, and added records.
    const starts = [...lines.keys()].filter((i) => i > 0 && isSoa(lines[i]!));
    let state = records;
    for (let i = 0; i + 2 < starts.length; i += 2) {
      const [from, middle, to] = starts.slice(i) as [number, number, number];
      const now = new Set(state);
      for (const line of lines.slice(from + 1, middle)) now.delete(line);
      for (const line of lines.slice(middle + 1, to)) now.add(line);
      this.versions.push({ serial: serialOf(lines[middle]!), at, records: now });
      state = now;
    }
  }
}

/** Milliseconds from one round of questions to the next. */
const EACH = 150;

/** Records as lines, without their TTLs. */
async function transfer({ host, server, zone }: Place, type: string): Promise<readonly string[]> {
  const text = await host.succeed(["dig", `@${server}`, zone, type, "+noall", "+answer"]);
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(/\s+/))
    .map(([name, , ...rest]) => [name, ...rest].join(" "));
}

function isSoa(line: string): boolean {
  return / IN SOA /.test(line);
}

function serialOf(soa: string): number {
  return Number(soa.split(" ")[5]);
}

function bodyOf(lines: readonly string[]): ReadonlySet<string> {
  return new Set(lines.filter((line) => !isSoa(line)));
}
