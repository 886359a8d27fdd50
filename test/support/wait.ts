/** Waits for conditions instead of guessing how long something takes. */

/** Milliseconds: many times what a busy machine needs. */
export const DEADLINE = 30_000;

type Falsy = false | 0 | "" | null | undefined;

/**
 * Returns the first true value of `condition`; after `deadline` milliseconds it throws an error that says
 * what was waited for.
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | Falsy | Promise<T | Falsy>,
  deadline = DEADLINE,
  interval = 20,
): Promise<T> {
  // Not the wall clock, which may be set back.
  const end = performance.now() + deadline;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > end) throw new Error(`waited ${deadline} ms for ${what}`);
    await sleep(interval);
  }
}

/**
 * Waits until the second of `since`, milliseconds since 1970, is over: after a restart a server accepts
 * nothing that was signed in the second of its latest update.
 */
export async function laterSecond(since: number): Promise<void> {
  const second = (time: number) => Math.floor(time / 1000);
  await waitFor("a later second", () => second(Date.now()) > second(since));
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
