/** A registrar in front of a zone in memory, and the devices that ask it. */
import { parseConfig } from "../../src/config.ts";
import { Opcode, rcodeName, Type, typeName } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { type Lease, readLease } from "../../src/dns/lease.ts";
import { decode, type Message } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import type { ResourceRecord } from "../../src/dns/record.ts";
import { formatRdata } from "../../src/dns/text.ts";
import { Complaints } from "../../src/dnsserver/complaints.ts";
import { byOpcode, edns, layered } from "../../src/dnsserver/layers.ts";
import { updateHandler } from "../../src/dnsserver/update.ts";
import { registering as layerOf } from "../../src/gateway/registering.ts";
import { makeEdge } from "../../src/net/server/edge.ts";
import type { Transport } from "../../src/net/server/handler.ts";
import { apexRecords } from "../../src/zone/apex.ts";
import type { Store } from "../../src/zone/journal/store.ts";
import { Zone } from "../../src/zone/zone.ts";
import { FakeClock } from "../support/clock.ts";
import { silentLog } from "../support/log.ts";
import { Requester, registering, type Times } from "../support/requester.ts";

export const ZONE = "z.example.";
export const SITE = `devices.${ZONE}`;

/** What most devices ask for (RFC 9665 §5.1), but a KEY lease of a day. */
export const LEASE: Lease = { lease: 7200, keyLease: 86_400 };

export interface Wish {
  readonly by?: Requester;
  readonly lease?: Lease | undefined;
  readonly domain?: string;
  readonly from?: string;
  readonly transport?: Transport;
  readonly times?: Times;
  readonly fields?: Partial<Message>;
  /** Aborts when the device goes away. */
  readonly signal?: AbortSignal;
}

export interface Settings {
  readonly registrar?: object;
  readonly policy?: object;
  /** The reverse zones. */
  readonly reverse?: readonly string[];
}

export function openRegistrar(settings: Settings = {}, capacity?: number) {
  const clock = new FakeClock();
  const reverse = (settings.reverse ?? []).map((origin) => makeZone(origin, clock));
  return registrarOf(makeZone(ZONE, clock, { capacity }), clock, settings, reverse);
}

/** An empty zone, for so many records; in memory unless there is a store. */
export function makeZone(
  name: string,
  clock: FakeClock,
  { capacity, store }: { capacity?: number | undefined; store?: Store } = {},
): Zone {
  const origin = Name.parse(name);
  const records = apexRecords({ origin, nameservers: [], serial: 1 });
  return new Zone({ origin, records, clock, ...(capacity && { capacity }) }, store);
}

/** A registrar in front of this zone and these reverse zones. */
export function registrarOf(
  zone: Zone,
  clock: FakeClock,
  settings: Settings = {},
  reverse: readonly Zone[] = [],
) {
  const registrar = { site: "devices", networks: ["10.1.0.0/16", "fd00::/8"] };
  const config = parseConfig(
    JSON.stringify({ zone: ZONE, registrar, ...settings }),
    "gateway.yaml",
    "/",
  );
  const lines: string[] = [];
  const log = { ...silentLog, warn: (_: object, fact: string) => void lines.push(fact) };
  const complaints = new Complaints(clock, log);
  const updates = updateHandler({ find: () => zone, principalOf: () => undefined, complaints });
  const layer = layerOf({ config, zone, reverse, complaints, clock })!;
  const edge = makeEdge({
    handler: layered([edns], byOpcode({ [Opcode.UPDATE]: layer(updates) })),
    ...{ clock, log: silentLog },
  });
  const device = new Requester();

  const ask = async (bytes: Buffer, wish: Wish = {}) => {
    const { from = "10.1.0.9", transport = "tcp", signal = new AbortController().signal } = wish;
    const source = { address: from, port: 4000 };
    for await (const octets of await edge({ bytes, transport, source, signal })) {
      return decode(octets);
    }
    throw new Error("no answer");
  };
  const tell = (records: readonly ResourceRecord[], wish: Wish = {}) => {
    const { by = device, domain = ZONE, times, fields } = wish;
    const lease = "lease" in wish ? wish.lease : LEASE;
    return ask(by.sign(encode(registering(domain, records, lease, fields)), times), wish);
  };
  /** The response code by name. */
  const register = async (records: readonly ResourceRecord[], wish?: Wish) =>
    rcodeName((await tell(records, wish)).rcode);
  /** The lease granted. */
  const granted = async (records: readonly ResourceRecord[], wish?: Wish) =>
    readLease((await tell(records, wish)).edns);
  /** The records at names that end in `suffix`, in zone order: "printer.devices A 10.1.0.9". */
  const known = (suffix = ""): string[] =>
    [...zone.current]
      .filter(({ type }) => type !== Type.SOA && type !== Type.NS)
      .flatMap(({ name, type, rdatas }) =>
        rdatas.map((data) => {
          const text = type === Type.KEY ? "…" : formatRdata(data).replaceAll(`.${ZONE}`, "");
          return `${`${name}`.replace(`.${ZONE}`, "")} ${typeName(type)} ${text}`;
        }),
      )
      .filter((line) => line.split(" ")[0]!.endsWith(suffix));
  /** The names of addresses: "9.0.1.10.in-addr.arpa. lamp.devices". */
  const reversed = (): string[] =>
    reverse.flatMap(({ current }) =>
      [...current]
        .filter(({ type }) => type === Type.PTR)
        .flatMap(({ name, rdatas }) =>
          rdatas.map((data) => `${name} ${formatRdata(data).replace(`.${ZONE}`, "")}`),
        ),
    );
  return { clock, zone, reverse, lines, device, ask, tell, register, granted, known, reversed };
}
