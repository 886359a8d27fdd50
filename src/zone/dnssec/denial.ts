/**
 * Compact denial of existence (RFC 9824): a single NSEC, made for the name that was asked for, whose
 * next name is that name's immediate successor. So it denies types at that name and no other name, and
 * reveals nothing else in the zone. A name that does not exist is said to have only the type NXNAME.
 */
import { typeBitmap } from "../../dns/bitmap.ts";
import { Type } from "../../dns/constants.ts";
import type { Name } from "../../dns/name.ts";
import { Rdata } from "../../dns/rdata.ts";
import type { RecordSet } from "../../dns/record.ts";

export interface Denied {
  readonly name: Name;
  /** The types it has; RRSIG and NSEC are added. */
  readonly types: readonly number[];
  /** True for a delegation: the names beneath it are another zone's to deny (RFC 9824 §3.4). */
  readonly isCut?: boolean;
  readonly origin: Name;
  readonly ttl: number;
}

export function nsecSet({ name, types, isCut = false, origin, ttl }: Denied): RecordSet {
  const next = (isCut ? undefined : firstBeneath(name)) ?? firstBehind(name, origin);
  const bitmap = typeBitmap([...types, Type.RRSIG, Type.NSEC]);
  return { name, type: Type.NSEC, ttl, rdatas: [new Rdata(Type.NSEC, [next, bitmap])] };
}

/** The first name beneath this one; undefined if there is no room for it. */
function firstBeneath(name: Name): Name | undefined {
  return name.toLowerCase().child(Uint8Array.of(0));
}

/** The first name after this one and all beneath it; after the last comes the origin. */
function firstBehind(name: Name, origin: Name): Name {
  if (name.equals(origin)) return origin;
  const { labels, parent } = name.toLowerCase();
  const label = labels[0]!;
  const longer = label.length < MAX_LABEL && parent!.child(Uint8Array.of(...label, 0));
  if (longer) return longer;
  // RFC 4471 §3.1.2: the last octet that can be raised is raised, and what follows it dropped.
  const at = label.findLastIndex((octet) => octet < 0xff);
  if (at < 0) return firstBehind(parent!, origin);
  // After @ come the capitals, which sort as small letters, further on (RFC 4034 §6.1).
  const raised = label[at] === AT_SIGN ? BEHIND_CAPITALS : label[at]! + 1;
  return parent!.child(Uint8Array.of(...label.subarray(0, at), raised))!;
}

const MAX_LABEL = 63;
const AT_SIGN = 0x40;
const BEHIND_CAPITALS = 0x5b;
