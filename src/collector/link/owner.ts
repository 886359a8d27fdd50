/**
 * Who can be asked alone to refresh a set: the host that announced all of it, if it is on the link
 * (draft-pusateri-dnssd-update-proxy-01). Asked from a port other than 5353, it answers us alone
 * (RFC 6762 §6.7), so neither question nor answer wakes anybody else.
 */
import { addressOctets } from "../../dns/address.ts";
import type { Family, LinkAddress } from "../../net/links/link.ts";
import { isOn, subnetsOf } from "../subnets.ts";
import { type HeardRecord, type HeardSet, isCalledOff } from "./heard.ts";

export interface Owner {
  readonly family: Family;
  readonly address: string;
}

/** Undefined if all have to be asked: there are several owners, or the owner was asked in vain. */
export function ownerOf(
  { records }: HeardSet,
  addresses: readonly LinkAddress[],
  now: number,
): Owner | undefined {
  const heard = [...records.values()];
  if (heard.some((record) => isAskedInVain(record, now))) return undefined;
  const [address, ...others] = new Set(heard.map(({ speaker }) => speaker));
  return address === undefined || others.length > 0 ? undefined : nearby(address, addresses);
}

/**
 * Owners whose entries of a list have not been heard again since all were asked. Multicast gets lost more
 * easily than unicast, and some hosts answer if asked alone (RFC 6762 §5.5). However often others have the
 * list asked for, an owner is among these once in a twentieth of a life: §5.2 has no more.
 */
export function silentOf(
  { records }: HeardSet,
  addresses: readonly LinkAddress[],
  since: number,
  now: number,
): Owner[] {
  const silent = new Set<string>();
  for (const record of records.values()) {
    if (!isAskedInVain(record, now) || isCalledOff(record)) continue;
    if (partOf(record, now) > partOf(record, since)) silent.add(record.speaker);
  }
  return [...silent].flatMap((address) => nearby(address, addresses) ?? []);
}

function isAskedInVain({ lastHeard, lifetime }: HeardRecord, now: number): boolean {
  return now - lastHeard > FIRST_REFRESH * lifetime;
}

/** The twentieth of its life that a record is in at that time. */
function partOf({ lastHeard, lifetime }: HeardRecord, time: number): number {
  return Math.floor((20 * (time - lastHeard)) / lifetime);
}

function nearby(address: string, addresses: readonly LinkAddress[]): Owner | undefined {
  const family = address.includes(":") ? 6 : 4;
  const isNear = address.startsWith("fe80:") || isOn(subnetsOf(addresses), addressOctets(address));
  return isNear ? { family, address } : undefined;
}

/** The fraction of a life by which the first refresh has been asked for; the second is due at 0.85. */
const FIRST_REFRESH = 0.84;
