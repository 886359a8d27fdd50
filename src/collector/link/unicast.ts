/** Which unicast responses are accepted: those to a question that wanted them, for two seconds (RFC 6762 §6). */
import type { Message } from "../../dns/message.ts";
import type { Name, NameKey } from "../../dns/name.ts";

export class Unicast {
  /** The names of the last questions that wanted them. */
  #names: ReadonlySet<NameKey> = new Set();
  #until = Number.NEGATIVE_INFINITY;
  /** Hosts that have answered since. */
  #answering = new Set<string>();

  /** A question for each of these has left that wants unicast responses. */
  wanted(questions: readonly { readonly name: Name }[], now: number): void {
    const before = this.isExpected(now) ? this.#names : [];
    this.#names = new Set([...before, ...questions.map(({ name }) => name.key)]);
    if (!this.isExpected(now)) this.#answering.clear();
    this.#until = now + WAIT;
  }

  /** True if there may be any now. */
  isExpected(now: number): boolean {
    return now <= this.#until;
  }

  /**
   * True if this, while one is expected, answers such a question, or is from a host that has done so: Avahi
   * sends what belongs to an answer in a packet of its own if it does not fit. A host could as well say all
   * that beside its answer.
   */
  isAnswer({ isResponse, answers }: Message, source: string): boolean {
    if (!isResponse) return false;
    if (!answers.some(({ name }) => this.#names.has(name.key))) return this.#answering.has(source);
    if (this.#answering.size < MOST) this.#answering.add(source);
    return true;
  }
}

/** Milliseconds in which a unicast response counts as one to our question. */
const WAIT = 2000;
/** Hosts to be remembered: anybody can speak from any address. */
const MOST = 1000;
