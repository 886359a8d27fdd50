/** The listeners of TLS and HTTPS; the credentials that they present follow the files. */
import type { Listening } from "../config/listening.ts";
import { listenHttps } from "../net/server/https.ts";
import { listenTls, type SecureListener, type SecureOptions } from "../net/server/tls.ts";
import { followCredentials } from "./credentials.ts";

export interface SecureListenersOptions extends Omit<SecureOptions, "endpoint" | "credentials"> {
  /** Is passed the function to call when the files are to be reread. */
  readonly onReload?: ((reload: () => void) => void) | undefined;
}

/** Opens them one after the other. Throws ListenError. */
export async function* openSecureListeners(
  { tls, https, credentials }: Listening,
  { onReload, ...options }: SecureListenersOptions,
): AsyncGenerator<SecureListener> {
  if (credentials === undefined) return;
  const { paths, read } = credentials;
  const listeners: SecureListener[] = [];
  for (const [endpoints, listen] of [[tls, listenTls] as const, [https, listenHttps] as const]) {
    for (const endpoint of endpoints) {
      const listener = await listen({ ...options, endpoint, credentials: read });
      listeners.push(listener);
      yield listener;
    }
  }
  const { clock, log, signal } = options;
  const look = followCredentials({
    ...{ paths, shown: read, clock, log, signal },
    present: (credentials) => {
      for (const listener of listeners) listener.present(credentials);
    },
  });
  onReload?.(look);
}
