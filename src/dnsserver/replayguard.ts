/**
 * Protects against replayed updates (RFC 8945 §5.2.3, §10): whoever recorded one must not be able to
 * undo later changes with it. An update signed well before the latest one of its key is too late. Any
 * other is applied only once: a datagram retransmitted for want of an answer gets the answer to the
 * first (RFC 2136 §5).
 *
 * Honest updates overtake each other on their way, above all those of two programs with one key, and
 * clients do not retry; so some seconds are tolerated, and within them MACs are remembered. After a
 * restart no MACs are known, so nothing may overtake an update from before it.
 */
export class ReplayGuard<Answer> {
  /** By the identity of the key, so no more entries than keys. */
  readonly #recent = new Map<string, Recent<Answer>>();
  readonly #before: (key: string) => number | undefined;

  /** `before` returns when a key's last update before the start was signed; its MAC is no longer known. */
  constructor(before: (key: string) => number | undefined) {
    this.#before = before;
  }

  /**
   * The answer to the first update with this MAC; undefined if its time is not acceptable. `latest` is the
   * latest time that can be right, whatever fudge a signature claims (§5.2.3): a later time accepted
   * before came from a wrong clock, and no longer counts.
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
  /** Time signed, in seconds. */
  latest: number;
  /** By MAC, oldest first. */
  readonly answers: Map<string, { readonly time: number; readonly answer: Answer }>;
}

/** Removes answers, oldest first, up to the first that is to be kept. */
function forget<T>(answers: Map<string, T>, isForgotten: (answer: T) => boolean): void {
  for (const [id, answer] of answers) {
    if (!isForgotten(answer)) return;
    answers.delete(id);
  }
}

/**
 * Seconds by which one update may overtake another: what a datagram takes on a bad day. It is less
 * than the usual client timeout of 5 s, because an update that was given up must not undo a later one.
 */
const OVERTAKING = 3;

/** Answers remembered per key: those of a second at the highest rate of updates. */
const MAX_ANSWERS = 10_000;
