/**
 * Updates that come again (RFC 8945 §5.2.3, §10): whoever recorded one must not undo with it what
 * was done since. What was signed well before the latest update of its key is too late. Of what is
 * not, one that came before is not done twice: a datagram sent again for want of an answer gets the
 * answer of the first (RFC 2136 §5).
 *
 * Honest updates overtake each other on their way, those of two programs with one key above all, and
 * clients do not try again; so some seconds are let pass, and within them MACs are remembered. After
 * a restart none are known, and nothing overtakes what was done before it.
 */
export class ReplayGuard<Answer> {
  /** By the identity of the key, so there are no more than keys. */
  readonly #recent = new Map<string, Recent<Answer>>();
  readonly #before: (key: string) => number | undefined;

  /** `before` tells when the last was signed that was done before the start: all MACs are forgotten. */
  constructor(before: (key: string) => number | undefined) {
    this.#before = before;
  }

  /**
   * The answer to the first with this MAC; undefined where its time has passed. `latest` is the latest
   * time that can be right, whatever a signature allows itself (§5.2.3, fudge): where a later one was
   * taken, it was by a clock that was wrong.
   */
  once(key: string, { time, mac, latest }: SignedAt, answer: () => Answer): Answer | undefined {
    if (time > latest) return undefined;
    let recent = this.#recent.get(key);
    if (recent === undefined || recent.latest > latest) {
      const before = recent === undefined ? (this.#before(key) ?? 0) : 0;
      recent = { before: before > latest ? 0 : before, latest: time, answers: new Map() };
      this.#recent.set(key, recent);
    }
    if (time <= recent.before || time < recent.latest - OVERTAKING) return undefined;
    const id = Buffer.from(mac).toString("latin1");
    const known = recent.answers.get(id);
    if (known !== undefined) return known.answer;
    if (time > recent.latest) {
      recent.latest = time;
      forget(recent.answers, (each) => each.time < time - OVERTAKING);
    }
    if (recent.answers.size >= MAX_ANSWERS) {
      let left = MAX_ANSWERS / 2;
      forget(recent.answers, () => left-- > 0);
    }
    const first = answer();
    recent.answers.set(id, { time, answer: first });
    return first;
  }
}

/** Times in seconds. */
interface SignedAt {
  readonly time: number;
  readonly mac: Uint8Array;
  readonly latest: number;
}

interface Recent<Answer> {
  readonly before: number;
  /** Seconds, as signed. */
  latest: number;
  /** By MAC, oldest first. */
  readonly answers: Map<string, { readonly time: number; readonly answer: Answer }>;
}

/** From the oldest on, until one is not to be forgotten. */
function forget<T>(answers: Map<string, T>, isForgotten: (answer: T) => boolean): void {
  for (const [id, answer] of answers) {
    if (!isForgotten(answer)) return;
    answers.delete(id);
  }
}

/**
 * Seconds by which one update may overtake another: what a datagram takes on a bad day. It is less
 * than what a client waits for an answer, 5 s as a rule: one that was given up must not undo what
 * was said since.
 */
const OVERTAKING = 3;

/** Of one key; at the fastest that updates are done, those of a second. */
const MAX_ANSWERS = 10_000;
