/**
 * What devices that register themselves send (RFC 9665), honest and not: mutated before they sign it, so that
 * it gets past the check of the signature, or after. A seed determines everything but keys and signatures.
 */
import { Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { HEADER_LENGTH } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { Rdata, rdata } from "../../src/dns/rdata.ts";
import {
  add,
  clear,
  host,
  pointer,
  Requester,
  registering,
  remove,
  service,
} from "../support/requester.ts";
import { Mutator } from "./mutation.ts";

/** Where they register, beneath the zone. */
export const SITE = "devices";

export class RegistrationMutator {
  /** Several devices that want the same names. */
  readonly #devices = ([15, 15, 13] as const).map((algorithm) => new Requester(algorithm));
  readonly #mutators: readonly Mutator[];

  constructor(seed: number, zone: string, address: string) {
    this.#mutators = this.#devices.map(
      ({ key }, i) => new Mutator(seed + i, registrations(zone, address, key)),
    );
  }

  next(): Buffer {
    const [first] = this.#mutators;
    const which = first!.chance.below(this.#devices.length);
    const [device, mutator] = [this.#devices[which]!, this.#mutators[which]!];
    const body = mutator.next();
    // Without a header there is nothing to sign, and a full count has no room.
    if (body.length < HEADER_LENGTH || body.readUInt16BE(10) === 0xffff) return body;
    const signed = device.sign(body);
    return mutator.chance.below(4) === 0 ? mutator.damaged(signed) : signed;
  }
}

/** Registrations, not signed yet. */
function registrations(zone: string, address: string, key: Rdata): Buffer[] {
  const of = (site: string, domain: string) => {
    const [lamp, type] = [`lamp.${site}`, `_ipp._tcp.${site}`];
    const [one, two] = [`One.${type}`, `Two\\.2.${type}`];
    const color = `_color._sub.${type}`;
    const there = host(lamp, key, address, "fd00::9", "fe80::1");
    const goes = { lease: 0, keyLease: 60 };
    const long = add(one, rdata.txt(...Array.from({ length: 4 }, () => "x".repeat(200))));
    return [
      registering(domain, there, { lease: 30 }),
      registering(domain, [...there, ...service(one, lamp)], { lease: 60, keyLease: 3600 }),
      registering(domain, [...there, ...service(two, lamp), pointer(color, two)], {
        ...{ lease: 7200, keyLease: 1_209_600 },
      }),
      registering(domain, [...there, ...service(one, lamp), add(one, key), long], { lease: 30 }),
      registering(domain, [...there, remove(type, rdata.ptr(Name.parse(one))), clear(one)], {
        ...{ lease: 45, keyLease: 90 },
      }),
      registering(domain, host(`door.${site}`, key, address), { lease: 3_000_000_000 }),
      registering(domain, [clear(lamp), add(lamp, key)], goes),
      registering(domain, [clear(lamp)], { lease: 0, keyLease: 0 }),
      registering(domain, [...there, ...host(`a.b.${site}`, key, address)], { lease: 30 }),
      registering(domain, [...there, add(lamp, new Rdata(Type.NULL, [key.toWire()]))], goes),
      registering(domain, there, undefined),
    ];
  };
  return [
    ...of(`${SITE}.${zone}`, zone),
    ...of(`${SITE}.${zone}`, `${SITE}.${zone}`).slice(0, 3),
    ...of("default.service.arpa.", "default.service.arpa."),
  ].map((message) => encode(message));
}
