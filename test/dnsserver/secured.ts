/**
 * The fixture's zone with keys: Paris and Lyon have a collector each, the operator may do anything,
 * the secondary's key may write nothing. In memory, or behind real sockets.
 */
import { type Clock, systemClock } from "../../src/clock.ts";
import { Class, Opcode, Type } from "../../src/dns/constants.ts";
import type { Endpoint } from "../../src/dns/endpoint.ts";
import { type Message, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import type { ResourceRecord } from "../../src/dns/record.ts";
import { type TsigKey, tsigAlgorithms } from "../../src/dns/tsig.ts";
import { Catalog } from "../../src/dnsserver/catalog.ts";
import { Complaints } from "../../src/dnsserver/complaints.ts";
import { byOpcode, edns, layered } from "../../src/dnsserver/layers.ts";
import { queryHandler } from "../../src/dnsserver/query.ts";
import { ReadyAnswers } from "../../src/dnsserver/ready.ts";
import { transfers } from "../../src/dnsserver/transfer.ts";
import { tsig } from "../../src/dnsserver/tsig.ts";
import { updateHandler } from "../../src/dnsserver/update.ts";
import type { Log } from "../../src/log.ts";
import { makeEdge } from "../../src/net/server/edge.ts";
import type { Handler, Layer, Transport } from "../../src/net/server/handler.ts";
import { listenTcp } from "../../src/net/server/stream.ts";
import { listenUdp, type UdpListener } from "../../src/net/server/udp.ts";
import { ZoneAuthority } from "../../src/zone/lookup/authority.ts";
import type { Principal } from "../../src/zone/update/principal.ts";
import { collectorPrincipal, operatorPrincipal } from "../../src/zone/update/principal.ts";
import type { Zone } from "../../src/zone/zone.ts";
import { FakeClock } from "../support/clock.ts";
import { silentLog } from "../support/log.ts";
import { makeZone, name, origin, zoneRecords } from "./fixture.ts";

const key = (name: string, algorithm: TsigKey["algorithm"] = "hmac-sha256"): TsigKey => ({
  name: Name.parse(`${name}.`),
  algorithm,
  secret: Buffer.from(`the secret of ${name}, at length`.padEnd(64, ".")),
});

export const paris = key("paris");
/** The key of a second collector in Paris. */
export const paris2 = key("paris2");
export const lyon = key("lyon");
export const operator = key("operator");
export const secondary = key("secondary");
/** An operator's key with a name that takes up much of a datagram. */
export const wordy = key(`operator.${[60, 60, 34].map((length) => "x".repeat(length)).join(".")}`);

/** An operator's key for each algorithm: "operator-hmac-sha1" and so on. */
export const operators = tsigAlgorithms.map((each) => key(`operator-${each}`, each));

export const keys: ReadonlyMap<string, TsigKey> = new Map(
  [paris, paris2, lyon, operator, secondary, wordy, ...operators].map((each) => [
    `${each.name}`.slice(0, -1),
    each,
  ]),
);

export function principalOf(identity: string): Principal | undefined {
  if (identity.startsWith("operator")) return operatorPrincipal(identity);
  if (identity === "secondary") return undefined;
  const site = origin.child(identity.replace(/\d$/, ""))!;
  return collectorPrincipal(identity, origin, (other) => other.equals(site));
}

export interface Secured {
  readonly zone: Zone;
  readonly handler: Handler;
  readonly ready: ReadyAnswers;
  /** All responses to these octets. */
  ask(query: Uint8Array, transport?: Transport): Promise<Buffer[]>;
}

export interface SecuredOptions {
  readonly zone?: Zone;
  readonly clock?: Clock;
  readonly log?: Log;
  /** The layer next to the handlers. */
  readonly inner?: Layer;
}

export function makeSecured({
  clock = systemClock,
  zone = makeZone(zoneRecords(), clock),
  log = silentLog,
  inner = (next) => next,
}: SecuredOptions = {}): Secured {
  const catalog = new Catalog([new ZoneAuthority(zone)]);
  const find = (name: Name) => (name.equals(zone.origin) ? zone : undefined);
  const transfer = transfers({
    find,
    isAllowed: (request) => request.key !== undefined,
    // Transfers take turns by it, so it must run even if `clock` stands still.
    clock: systemClock,
    log,
  });
  const complaints = new Complaints(clock, log);
  const handler = layered(
    [
      tsig({ keys, clock, complaints, signedBefore: (key) => zone.lastSigned(key) }),
      edns,
      inner,
      transfer,
    ],
    byOpcode({
      [Opcode.QUERY]: queryHandler(catalog),
      [Opcode.UPDATE]: updateHandler({ find, principalOf, complaints }),
    }),
  );
  const ready = new ReadyAnswers({ catalog, zones: [zone] });
  const edge = makeEdge({ handler, clock, log, ready });
  const { signal } = new AbortController();
  const source = { address: "192.0.2.99", port: 4000 };
  return {
    zone,
    handler,
    ready,
    async ask(bytes, transport = "udp") {
      const responses: Buffer[] = [];
      for await (const octets of await edge({ bytes, transport, source, signal }))
        responses.push(octets);
      return responses;
    },
  };
}

/** A server whose clock stands still, and what its clients need of it. */
export function stillServer(options: SecuredOptions = {}) {
  const clock = new FakeClock();
  const server = makeSecured({ clock, ...options });
  const now = () => Math.floor(clock.wall() / 1000);
  return {
    ...server,
    clock,
    now,
    /** The one response to these octets. */
    async one(bytes: Uint8Array, transport?: "udp" | "tcp"): Promise<Buffer> {
      const [octets, ...more] = await server.ask(bytes, transport);
      if (octets === undefined || more.length > 0) throw new Error("not one answer");
      return octets;
    },
  };
}

/** An update that adds `owner`. */
export function adding(
  owner: string,
  address = "10.9.9.9",
  fields: Partial<Message> = {},
): Message {
  const add: ResourceRecord = {
    ...{ name: name(owner), type: Type.A, class: Class.IN, ttl: 10 },
    rdata: rdata.a(address),
  };
  const zone = { name: origin, type: Type.SOA, class: Class.IN };
  return makeMessage({
    ...{ id: 0x1234, opcode: Opcode.UPDATE, questions: [zone], authorities: [add] },
    ...fields,
  });
}

export interface SecuredListener extends Secured {
  readonly endpoint: Endpoint;
  readonly udp: UdpListener;
  [Symbol.asyncDispose](): Promise<void>;
}

/** UDP and TCP on one port of the loopback interface. */
export async function listenSecured(options: SecuredOptions = {}): Promise<SecuredListener> {
  const secured = makeSecured(options);
  const { handler, ready } = secured;
  const { clock = systemClock, log = silentLog } = options;
  for (let tries = 1; ; tries++) {
    const life = new AbortController();
    const shared = { handler, clock, log, signal: life.signal };
    const udp = await listenUdp({ endpoint: { address: "127.0.0.1", port: 0 }, ready, ...shared });
    try {
      const tcp = await listenTcp({ endpoint: udp.endpoint, ...shared });
      const end = async () => {
        life.abort();
        await Promise.all([udp.closed, tcp.closed]);
      };
      return { ...secured, endpoint: udp.endpoint, udp, [Symbol.asyncDispose]: end };
    } catch (error) {
      // Another program may have the TCP port with the number that UDP was given.
      life.abort();
      await udp.closed;
      if (tries === 10) throw error;
    }
  }
}
