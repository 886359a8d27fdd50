/**
 * What a collector may publish into, each as a test sees it: the zone of this process, a gateway that
 * listens, and primaries of other makes. Their contents are read with `dig`, where there is a server to ask.
 */
import { type Clock, systemClock } from "../../src/clock.ts";
import { FarZone } from "../../src/collector/publishing/farzone.ts";
import type { PublishedZone } from "../../src/collector/publishing/publication.ts";
import { Type } from "../../src/dns/constants.ts";
import type { Endpoint } from "../../src/dns/endpoint.ts";
import { Name } from "../../src/dns/name.ts";
import { soaOf } from "../../src/dns/rdata.ts";
import type { RecordSet } from "../../src/dns/record.ts";
import type { TsigKey } from "../../src/dns/tsig.ts";
import { PersistentConnection } from "../../src/net/client/persistent.ts";
import { apexRecords } from "../../src/zone/apex.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { openZone } from "../../src/zone/openzone.ts";
import { Zone } from "../../src/zone/zone.ts";
import { listenSecured, paris, paris2, principalOf } from "../dnsserver/secured.ts";
import { startBind } from "./bind.ts";
import { temporaryFolder } from "./gateway.ts";
import { startKnot } from "./knot.ts";
import { silentLog } from "./log.ts";
import type { Primary, PrimarySettings } from "./primary.ts";
import { succeed } from "./process.ts";

export const ORIGIN = Name.parse("bonjour.example.");
export const KEY = paris;
/** The key of another collector at the same site. */
export const SECOND_KEY = paris2;
export const LEASE = 300;

export interface Target {
  /** The zone as a collector with this key and this clock has it. */
  zone(as?: { readonly key?: TsigKey; readonly clock?: Clock }): PublishedZone;
  /** Knot stores names in lower case, however they were sent. */
  readonly foldsCase?: boolean;
  /** Knot keeps a set's old TTL, unlike RFC 2136 §3.4.2.2. */
  readonly keepsTtl?: boolean;
  /** All present records, in any order. */
  records(): Promise<readonly RecordSet[]>;
  /** Stops and starts it again, with its former contents if it keeps them. */
  restart(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function serialOf(target: Target): Promise<number> {
  const soa = (await target.records()).find(({ type }) => type === Type.SOA)!;
  return soaOf(soa.rdatas[0]!).serial;
}

export async function localTarget(): Promise<Target> {
  const life = new AbortController();
  const zone = emptyZone(life.signal);
  return {
    zone: ({ key = KEY } = {}) => ({
      origin: ORIGIN,
      lease: LEASE,
      publish: (update) => zone.apply(update, principalOf(nameOf(key))!),
      readBack: async () => zone.current,
    }),
    records: async () => [...zone.current],
    restart: async () => {},
    [Symbol.asyncDispose]: async () => life.abort(),
  };
}

export async function gatewayTarget(): Promise<Target> {
  const folder = temporaryFolder();
  let server = await serve(folder);
  const far = new Far(server.endpoint);
  return {
    zone: (as) => far.zone(as),
    records: () => far.records(),
    restart: async () => {
      await server.close();
      server = await serve(folder);
      far.endpoint = server.endpoint;
    },
    async [Symbol.asyncDispose]() {
      far.close();
      await server.close();
    },
  };
}

/** A persistent zone in this folder, and its server. */
async function serve(folder: string) {
  const life = new AbortController();
  const zone = await openZone({
    ...{ origin: ORIGIN, folder, fileRecords: APEX },
    ...{ clock: systemClock, log: silentLog, signal: life.signal },
  });
  const server = await listenSecured({ zone });
  const close = async () => {
    await server[Symbol.asyncDispose]();
    life.abort();
    await zone.closed;
  };
  return { endpoint: server.endpoint, close };
}

export const bindTarget = (settings?: Partial<PrimarySettings>) =>
  primaryTarget(startBind, settings);
export const knotTarget = async (settings?: Partial<PrimarySettings>) => ({
  ...(await primaryTarget(startKnot, settings)),
  foldsCase: true,
  keepsTtl: true,
});

async function primaryTarget(
  start: (settings: PrimarySettings) => Promise<Primary>,
  settings: Partial<PrimarySettings> = {},
): Promise<Target & { readonly primary: Primary }> {
  const keys = Object.fromEntries(
    [KEY, SECOND_KEY].map((key) => [nameOf(key), Buffer.from(key.secret).toString("base64")]),
  );
  const primary = await start({ zone: ORIGIN.toString(), keys, ...settings });
  const far = new Far(primary.endpoint);
  return {
    primary,
    zone: (as) => far.zone(as),
    records: () => far.records(),
    restart: async () => {
      await primary.stop();
      await primary.start();
    },
    async [Symbol.asyncDispose]() {
      far.close();
      await primary[Symbol.asyncDispose]();
    },
  };
}

/** A server at the other end of a connection. */
class Far {
  endpoint: Endpoint;
  readonly #connections: PersistentConnection[] = [];

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
  }

  zone({ key = KEY, clock = systemClock } = {}): PublishedZone {
    const connection = new PersistentConnection({ locate: async () => [this.endpoint], clock });
    this.#connections.push(connection);
    const far = new FarZone({ origin: ORIGIN, connection, clock, key });
    const { publish, readBack, isOlder } = far;
    const granted = () => far.lease;
    return { origin: ORIGIN, lease: LEASE, publish, readBack, isOlder, granted };
  }

  async records(): Promise<readonly RecordSet[]> {
    const { address, port } = this.endpoint;
    const secret = Buffer.from(KEY.secret).toString("base64");
    const text = await succeed([
      ...["dig", `@${address}`, "-p", `${port}`, "-y", `hmac-sha256:paris:${secret}`],
      ...["-t", "AXFR", "-q", ORIGIN.toString(), "+noall", "+answer", "+onesoa"],
    ]);
    if (!text.includes("SOA")) throw new Error(`no transfer: ${text}`);
    return parseMasterFile(text, { origin: ORIGIN });
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }
}

function emptyZone(signal: AbortSignal): Zone {
  return new Zone({ origin: ORIGIN, records: APEX, clock: systemClock, signal });
}

function nameOf({ name }: TsigKey): string {
  return `${name}`.slice(0, -1);
}

const APEX = apexRecords({ origin: ORIGIN, nameservers: [], serial: 1 });
