/**
 * Certificate and key while the gateway runs: looked at when it is told to and now and then, and shown
 * once they are good. A change that is not good keeps what was there, and is told of in one line.
 */
import type { Clock } from "../clock.ts";
import {
  type CredentialPaths,
  type Credentials,
  CredentialsError,
  readCredentials,
} from "../config/credentials.ts";
import type { Log } from "../log.ts";

export interface FollowOptions {
  readonly paths: CredentialPaths;
  /** What is shown now. */
  readonly shown: Credentials;
  readonly present: (credentials: Credentials) => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Milliseconds between two looks at the files. */
const INTERVAL = 5000;

/** Follows the files; the function that is returned looks at them at once. */
export function followCredentials(options: FollowOptions): () => void {
  const { paths, present, clock, log, signal } = options;
  let { shown } = options;
  /** What was wrong at the look before: two files are not replaced in one moment. */
  let suspicion: string | undefined;
  let complaint: string | undefined;

  const look = (isAsked: boolean): void => {
    const found = attempt(paths);
    if (typeof found === "string") {
      if (found !== complaint && (isAsked || found === suspicion)) {
        complaint = found;
        log.warn({ mistake: found }, "the new certificate is not used, the old one stays");
      }
      suspicion = found;
      return;
    }
    suspicion = complaint = undefined;
    if (isSame(found, shown)) return;
    shown = found;
    present(found);
    tell();
  };
  const tell = () => {
    const expires = new Date(shown.expires).toISOString();
    const hasExpired = shown.expires <= clock.wall();
    if (hasExpired) log.warn({ expires }, "the certificate has expired");
    else log.info({ expires }, "certificate in use");
  };
  const schedule = () => {
    const cancel = clock.at(clock.now() + INTERVAL, () => {
      signal.removeEventListener("abort", cancel);
      look(false);
      schedule();
    });
    signal.addEventListener("abort", cancel, { once: true });
  };
  tell();
  if (!signal.aborted) schedule();
  return () => look(true);
}

/** What is in the files, or what is wrong with them. */
function attempt(paths: CredentialPaths): Credentials | string {
  try {
    return readCredentials(paths);
  } catch (error) {
    if (error instanceof CredentialsError) return error.message;
    throw error;
  }
}

function isSame(a: Credentials, b: Credentials): boolean {
  return a.certificate === b.certificate && a.privateKey === b.privateKey;
}
