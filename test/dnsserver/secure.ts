/** A zone behind TLS and HTTPS, on ports of the loopback interface. */
import { type Clock, systemClock } from "../../src/clock.ts";
import type { Endpoint } from "../../src/dns/endpoint.ts";
import type { Log } from "../../src/log.ts";
import type { Handler } from "../../src/net/server/handler.ts";
import { listenHttps } from "../../src/net/server/https.ts";
import { Places } from "../../src/net/server/places.ts";
import { listenTls, type SecureListener } from "../../src/net/server/tls.ts";
import { type Certificate, makeCertificate } from "../support/certificate.ts";
import { silentLog } from "../support/log.ts";
import { makeServer } from "./fixture.ts";

export interface Secure {
  readonly tls: SecureListener & { readonly endpoint: Endpoint };
  readonly https: SecureListener & { readonly endpoint: Endpoint };
  readonly places: Places;
  readonly certificate: Certificate;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface SecureSettings {
  readonly handler?: Handler;
  readonly clock?: Clock;
  readonly places?: Places;
  readonly log?: Log;
}

let shared: Certificate | undefined;

/** Serves the fixture's zone by default. */
export async function listenSecurely({
  handler = makeServer().handler,
  clock = systemClock,
  places = new Places(),
  log = silentLog,
}: SecureSettings = {}): Promise<Secure> {
  shared ??= makeCertificate();
  const life = new AbortController();
  const endpoint = { address: "127.0.0.1", port: 0 };
  const options = {
    ...{ endpoint, handler, clock, log, places },
    ...{ signal: life.signal, credentials: shared },
  };
  const tls = await listenTls(options);
  const https = await listenHttps(options);
  return {
    ...{ tls, https, places, certificate: shared },
    async [Symbol.asyncDispose]() {
      life.abort();
      await Promise.all([tls.closed, https.closed]);
    },
  };
}
