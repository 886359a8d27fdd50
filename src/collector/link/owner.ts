/**
 * Who can be asked alone for what has grown old: the host that said all of it, where it is on the
 * link (draft-pusateri-dnssd-update-proxy-01). Asked from a port other than 5353 it answers us alone
 * (RFC 6762 §6.7), so neither question nor answer wakes anybody else.
 */
import { addressOctets } from "../../dns/address.ts";
import type { Family, LinkAddress } from "../../net/links/link.ts";
import { isOn, subnetsOf } from "../subnets.ts";
import type { HeardSet } from "./heard.ts";

export interface Owner {
  readonly family: Family;
  readonly address: string;
}

/** Undefined where it has to be asked of all: there are several, or it was asked in vain. */
export function ownerOf(
  { records }: HeardSet,
  addresses: readonly LinkAddress[],
  now: number,
): Owner | undefined {
  const speakers = new Set<string>();
  for (const record of records.values()) {
    if (now - record.lastHeard > FIRST_REFRESH * record.lifetime) return undefined;
    speakers.add(record.speaker);
  }
  const [address, ...others] = speakers;
  if (address === undefined || others.length > 0) return undefined;
  const family = address.includes(":") ? 6 : 4;
  const isNear = address.startsWith("fe80:") || isOn(subnetsOf(addresses), addressOctets(address));
  return isNear ? { family, address } : undefined;
}

/** The part of a life until when the first refresh is asked: the second is at 0.85 of it. */
const FIRST_REFRESH = 0.84;
