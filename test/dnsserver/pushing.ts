/** A zone behind TLS, with sessions that have its changes pushed. */
import { type Clock, systemClock } from "../../src/clock.ts";
import { Opcode } from "../../src/dns/constants.ts";
import { Catalog } from "../../src/dnsserver/catalog.ts";
import { keepalive } from "../../src/dnsserver/keepalive.ts";
import { byOpcode, edns, layered } from "../../src/dnsserver/layers.ts";
import { Push, type PushOptions } from "../../src/dnsserver/push/push.ts";
import { StatefulSession } from "../../src/dnsserver/push/session.ts";
import { queryHandler } from "../../src/dnsserver/query.ts";
import { type FollowedZone, ReadyAnswers } from "../../src/dnsserver/ready.ts";
import type { View } from "../../src/dnsserver/views.ts";
import { Places } from "../../src/net/server/places.ts";
import { listenTls } from "../../src/net/server/tls.ts";
import { ZoneAuthority } from "../../src/zone/lookup/authority.ts";
import type { Zone } from "../../src/zone/zone.ts";
import { type Certificate, makeCertificate } from "../support/certificate.ts";
import { silentLog } from "../support/log.ts";
import { type ConnectOptions, PushClient } from "../support/pushclient.ts";
import { operator, updateOf, zoneOf } from "../zone/fixture.ts";

export interface PushingSettings extends Partial<PushOptions> {
  /** Records of `z.example.`, as `zoneOf` takes them. */
  readonly records?: string;
  readonly zones?: readonly FollowedZone[];
  readonly places?: Places;
}

let shared: Certificate | undefined;

export class Pushing {
  readonly zone: Zone;
  readonly push: Push;
  readonly places: Places;
  readonly certificate: Certificate;
  readonly #life = new AbortController();
  readonly #clock: Clock;
  readonly #clients: PushClient[] = [];
  #listener: Awaited<ReturnType<typeof listenTls>> | undefined;

  private constructor(settings: PushingSettings) {
    const { records = RECORDS, clock = patient, places = new Places() } = settings;
    shared ??= makeCertificate();
    this.certificate = shared;
    this.#clock = clock;
    this.places = places;
    this.zone = zoneOf(records, { clock });
    const view = viewOf(settings.zones ?? [this.zone]);
    this.push = new Push({ viewOf: () => view, ...settings, clock });
    void this.push.run([this.zone], this.#life.signal);
  }

  static async open(settings: PushingSettings = {}): Promise<Pushing> {
    const pushing = new Pushing(settings);
    await pushing.#listen();
    return pushing;
  }

  /** Applies updates in turn, each as `updateOf` takes it. */
  async change(...updates: readonly string[]): Promise<void> {
    for (const update of updates) await this.zone.apply(updateOf(update), operator);
  }

  async connect(options: ConnectOptions = {}): Promise<PushClient> {
    const client = await PushClient.connect(this.#listener!.endpoint, options);
    this.#clients.push(client);
    return client;
  }

  /** Ends the server; clients stay. */
  async close(): Promise<void> {
    this.#life.abort();
    await this.#listener?.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await this.close();
  }

  async #listen(): Promise<void> {
    const catalog = new Catalog([new ZoneAuthority(this.zone)]);
    this.#listener = await listenTls({
      endpoint: { address: "127.0.0.1", port: 0 },
      handler: layered([edns, keepalive], byOpcode({ [Opcode.QUERY]: queryHandler(catalog) })),
      openSession: (peer) => new StatefulSession(peer, { push: this.push, clock: this.#clock }),
      clock: this.#clock,
      log: silentLog,
      places: this.places,
      signal: this.#life.signal,
      credentials: this.certificate,
    });
  }
}

/** Never disconnects a slow reader: on a slow machine any client may be one for a while. */
const patient: Clock = {
  now: () => systemClock.now(),
  wall: () => systemClock.wall(),
  random: () => systemClock.random(),
  at: (time, wake) => (time < systemClock.now() + 5000 ? systemClock.at(time, wake) : () => {}),
};

export function viewOf(zones: readonly FollowedZone[]): View {
  const catalog = new Catalog(zones.map((zone) => new ZoneAuthority(zone)));
  return { handler: queryHandler(catalog), ready: new ReadyAnswers({ catalog, zones }), zones };
}

/** A list of two printers, one of them complete. */
const RECORDS = `
  _ipp._tcp PTR one._ipp._tcp
  _ipp._tcp PTR two._ipp._tcp
  one._ipp._tcp SRV 0 0 631 printer
  one._ipp._tcp TXT "a=1"
  printer A 10.1.0.10
  printer AAAA 2001:db8::10
  alias CNAME printer
`;
