/**
 * How a site's addresses are seen from elsewhere, and which of those there were heard: networks are mapped
 * host by host, each to one of the same length, and the first entry that fits is used.
 */
import { Rdata } from "../../dns/rdata.ts";
import { isOn, type Subnet } from "../subnets.ts";

/** Two prefixes of one length. */
export interface MappedSubnet {
  readonly from: Subnet;
  readonly to: Subnet;
}

export type Mapping = (address: Uint8Array) => Uint8Array;

export class AddressMap {
  readonly #entries: readonly MappedSubnet[];

  constructor(entries: readonly MappedSubnet[]) {
    this.#entries = entries;
  }

  /** The subnets that are mapped to. */
  get targets(): readonly Subnet[] {
    return this.#entries.map(({ to }) => to);
  }

  /** True if this address, as it was heard, is mapped. */
  has(heard: Uint8Array): boolean {
    return this.#entries.some(({ from }) => isOn([from], heard));
  }

  /** An address that was heard, as it is seen from elsewhere. */
  readonly mapped: Mapping = (heard) => {
    const entry = this.#entries.find(({ from }) => isOn([from], heard));
    return entry === undefined ? heard : moved(heard, entry.to);
  };

  /** An address of the zone as it was heard: undoes the map that may have led to it. */
  readonly heard: Mapping = (address) => {
    for (const { from, to } of this.#entries) {
      if (!isOn([to], address)) continue;
      const heard = moved(address, from);
      if (Buffer.compare(this.mapped(heard), address) === 0) return heard;
    }
    return address;
  };

  /** An address of the zone as it should be: one that a map may have led to stays as it is. */
  readonly standing: Mapping = (address) => this.mapped(this.heard(address));
}

/** An A or AAAA record with another address; `data` itself if it is the same. */
export function mapAddress(data: Rdata, map: Mapping): Rdata {
  const before = data.values[0] as Uint8Array;
  const after = map(before);
  return Buffer.compare(after, before) === 0 ? data : new Rdata(data.type, [after]);
}

/** The address of the same host in that network. */
function moved(address: Uint8Array, { base, prefix }: Subnet): Uint8Array {
  return address.map((octet, i) => {
    const mask = (0xff << Math.max(0, Math.min(8, 8 - (prefix - 8 * i)))) & 0xff;
    return (base[i]! & mask) | (octet & ~mask);
  });
}
