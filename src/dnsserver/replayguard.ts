/**
 * Updates that come again (RFC 8945 §5.2.3, §10): whoever recorded one must not undo with it what
 * was done since. What was signed earlier than the latest update of its key is too late. Of those
 * signed in the same second, one that came before is not done twice: a datagram sent again for want
 * of an answer gets the answer of the first (RFC 2136 §5).
 */
export class ReplayGuard<Answer> {
  /** By the identity of the key, so there are no more than keys. */
  readonly #latest = new Map<string, Latest<Answer>>();

  /** The answer to the first with this MAC; undefined where its time has passed. */
  once(
    key: string,
    { time, mac }: { readonly time: number; readonly mac: Uint8Array },
    answer: () => Answer,
  ): Answer | undefined {
    let latest = this.#latest.get(key);
    if (latest === undefined || latest.time < time) {
      latest = { time, answers: new Map() };
      this.#latest.set(key, latest);
    }
    if (time < latest.time) return undefined;
    const { answers } = latest;
    const id = Buffer.from(mac).toString("latin1");
    const known = answers.get(id);
    if (known !== undefined) return known;
    if (answers.size >= MAX_ANSWERS) answers.delete(answers.keys().next().value!);
    const first = answer();
    answers.set(id, first);
    return first;
  }
}

interface Latest<Answer> {
  /** Seconds, as signed. */
  readonly time: number;
  /** By MAC, oldest first. */
  readonly answers: Map<string, Answer>;
}

/** Of one key in one second: more than come again within it. */
const MAX_ANSWERS = 4096;
