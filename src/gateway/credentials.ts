/**
 * Certificate and key while the gateway runs: looked at on request and every few seconds, and presented once
 * they are good. After a bad change the old ones stay, and one line in the log says so; another says that
 * those in use have expired.
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
  /** Presented now. */
  readonly shown: Credentials;
  readonly present: (credentials: Credentials) => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Milliseconds between two looks at the files. */
const INTERVAL = 5000;

/**
 * Milliseconds after which the same credentials are presented anew. Session ticket keys change with them, and
 * whoever learns an old one can read what it protected (RFC 9325 §3.4: a week at most).
 */
const TICKET_LIFE = 24 * 3600 * 1000;

/** Follows the files; the function it returns looks at them at once. */
export function followCredentials(options: FollowOptions): () => void {
  const { paths, present, clock, log, signal } = options;
  let { shown } = options;
  /** The mistake at the last look, reported if it lasts: two files are not replaced in one moment. */
  let suspicion: string | undefined;
  let complaint: string | undefined;
  let renewal = clock.now() + TICKET_LIFE;
  /** Those of which the log says that they have expired. */
  let toldOf: Credentials | undefined;

  const look = (isAsked: boolean): void => {
    follow(isAsked);
    if (hasExpired() && toldOf !== shown) tell();
  };
  const follow = (isAsked: boolean): void => {
    if (clock.now() >= renewal) show(shown);
    const found = attempt(paths, shown);
    if (typeof found === "string") {
      if (found !== complaint && (isAsked || found === suspicion)) {
        complaint = found;
        log.warn({ mistake: found }, "the new certificate is not used; the old one stays in use");
      }
      suspicion = found;
      return;
    }
    suspicion = complaint = undefined;
    if (found === shown) return;
    show(found);
    tell();
  };
  const show = (credentials: Credentials): void => {
    shown = credentials;
    renewal = clock.now() + TICKET_LIFE;
    present(credentials);
  };
  const hasExpired = () => shown.expires <= clock.wall();
  const tell = () => {
    const expires = new Date(shown.expires).toISOString();
    if (!hasExpired()) return log.info({ expires }, "certificate in use");
    toldOf = shown;
    log.warn({ expires }, "the certificate has expired");
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

/** The contents of the files, or what is wrong with them. */
function attempt(paths: CredentialPaths, known: Credentials): Credentials | string {
  try {
    return readCredentials(paths, known);
  } catch (error) {
    if (error instanceof CredentialsError) return error.message;
    throw error;
  }
}
