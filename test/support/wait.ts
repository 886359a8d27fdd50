/** Waiting for a condition, never for a guess. */

/** Milliseconds, many times what a busy machine takes. */
export const DEADLINE = 30_000;

type Falsy = false | 0 | "" | null | undefined;

/**
 * What `condition` gives as soon as it gives something true; after `deadline` milliseconds an
 * error that says what was waited for.
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | Falsy | Promise<T | Falsy>,
  deadline = DEADLINE,
  interval = 20,
): Promise<T> {
  // Not the wall clock, which may be put back.
  const end = performance.now() + deadline;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > end) throw new Error(`waited ${deadline} ms for ${what}`);
    await sleep(interval);
  }
}

/**
 * Waits for a later second than that of `since`, milliseconds since 1970: of what is signed in the second
 * of the latest update that it has, a server takes nothing after a restart.
 */
export async function laterSecond(since: number): Promise<void> {
  const second = (time: number) => Math.floor(time / 1000);
  await waitFor("a later second", () => second(Date.now()) > second(since));
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
