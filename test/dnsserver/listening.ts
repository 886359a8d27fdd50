/** The fixture's zone behind real sockets, UDP and TCP on one port, with ready-made answers. */
import { type Clock, systemClock } from "../../src/clock.ts";
import type { Endpoint } from "../../src/dns/endpoint.ts";
import { ReadyAnswers } from "../../src/dnsserver/ready.ts";
import type { Layer } from "../../src/net/server/handler.ts";
import { listenTcp } from "../../src/net/server/stream.ts";
import { listenUdp, type UdpListener } from "../../src/net/server/udp.ts";
import { silentLog } from "../support/log.ts";
import { makeServer, type Server } from "./fixture.ts";

export interface Listening {
  readonly endpoint: Endpoint;
  readonly udp: UdpListener;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ListeningOptions {
  readonly endpoint?: Endpoint;
  /** The fixture's by default. */
  readonly server?: Server;
  readonly wrap?: Layer;
  readonly clock?: Clock;
}

export async function listenBoth({
  endpoint = { address: "127.0.0.1", port: 0 },
  server = makeServer(),
  wrap = (handler) => handler,
  clock = systemClock,
}: ListeningOptions = {}): Promise<Listening> {
  const { zone, catalog, handler } = server;
  const ready = new ReadyAnswers({ catalog, zones: [zone] });
  const shared = { handler: wrap(handler), clock, log: silentLog };
  for (let tries = 1; ; tries++) {
    const life = new AbortController();
    const { signal } = life;
    const udp = await listenUdp({ endpoint, ready, signal, ...shared });
    try {
      const tcp = await listenTcp({ endpoint: udp.endpoint, signal, ...shared });
      return {
        endpoint: udp.endpoint,
        udp,
        async [Symbol.asyncDispose]() {
          life.abort();
          await Promise.all([udp.closed, tcp.closed]);
        },
      };
    } catch (error) {
      // Another program may have the TCP port with the number that UDP was given.
      life.abort();
      await udp.closed;
      if (endpoint.port !== 0 || tries === 10) throw error;
    }
  }
}
