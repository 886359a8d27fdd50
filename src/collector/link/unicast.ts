/** Which unicast responses are accepted: those to a question that wanted them, for two seconds (RFC 6762 §6). */
import type { Message } from "../../dns/message.ts";
import type { Name, NameKey } from "../../dns/name.ts";

export class Unicast {
  /** The names of the last questions that wanted them. */
  #names: ReadonlySet<NameKey> = new Set();
  #until = Number.NEGATIVE_INFINITY;

  /** A question for each of these has left that wants unicast responses. */
  wanted(questions: readonly { readonly name: Name }[], now: number): void {
    const before = this.isExpected(now) ? this.#names : [];
    this.#names = new Set([...before, ...questions.map(({ name }) => name.key)]);
    this.#until = now + WAIT;
  }

  /** True if there may be any now. */
  isExpected(now: number): boolean {
    return now <= this.#until;
  }

  /** True if this, while one is expected, answers such a question. */
  isAnswer({ isResponse, answers }: Message): boolean {
    return isResponse && answers.some(({ name }) => this.#names.has(name.key));
  }
}

/** Milliseconds in which a unicast response counts as one to our question. */
const WAIT = 2000;
