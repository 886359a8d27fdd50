/**
 * UPDATE (RFC 2136): checks the envelope and leaves the rest to the zone. An update that is unsigned, or
 * whose key may write nothing in the zone, is REFUSED (RFC 3007 §3). A requested lease is granted within
 * bounds, and the response contains the lease granted (RFC 9664 §4.3, §8).
 */
import { Class, Rcode, Type } from "../dns/constants.ts";
import { withOption } from "../dns/edns.ts";
import { type Lease, leaseOption, readLease } from "../dns/lease.ts";
import { makeResponse } from "../dns/message.ts";
import type { Name } from "../dns/name.ts";
import type { Handler, Request } from "../net/server/handler.ts";
import type { Principal } from "../zone/update/principal.ts";
import type { Zone } from "../zone/zone.ts";
import type { Complaints } from "./complaints.ts";

export interface UpdateOptions {
  /** The zone of exactly this name that may be updated here. */
  readonly find: (origin: Name) => Pick<Zone, "apply"> | undefined;
  /** The principal of a key in that zone; undefined if it may write nothing there. */
  readonly principalOf: (key: string, origin: Name) => Principal | undefined;
  readonly complaints: Complaints;
}

export function updateHandler({ find, principalOf, complaints }: UpdateOptions): Handler {
  const refuse = ({ message, key, source }: Request, rcode: Rcode, reason: string, of?: Name) => {
    complaints.tell(key, `an update was refused: ${reason}`, () => ({
      ...{ zone: `${message.questions[0]!.name}`, key, from: source.address },
      ...(of !== undefined && { name: `${of}` }),
    }));
    return [makeResponse(message, { rcode })];
  };
  return (request) => {
    const { message, key } = request;
    const [section, ...more] = message.questions;
    // RFC 2136 §3.1.1.
    if (section?.type !== Type.SOA || more.length > 0) {
      return [makeResponse(message, { rcode: Rcode.FORMERR })];
    }
    const zone = section.class === Class.IN ? find(section.name) : undefined;
    if (zone === undefined)
      return refuse(request, Rcode.NOTAUTH, "no zone of that name takes updates here");
    // Before the prerequisites, which would disclose to a stranger what the zone holds.
    const principal = key === undefined ? undefined : principalOf(key, section.name);
    if (principal === undefined) {
      const reason =
        key === undefined ? "it is not signed" : "its key may write nothing in the zone";
      return refuse(request, Rcode.REFUSED, reason);
    }
    const asked = readLease(message.edns);
    if (asked === "malformed") return [makeResponse(message, { rcode: Rcode.FORMERR })];
    const lease = asked && granted(asked, LONGEST);
    return apply(zone, request, principal, lease).then((rcode) => {
      if (rcode === Rcode.REFUSED) {
        const forbidden = message.authorities.find((record) => !principal.permits(record));
        if (forbidden === undefined)
          return refuse(request, rcode, "it would change what others hold");
        return refuse(request, rcode, "its key may not make this change", forbidden.name);
      }
      const isGranted = rcode === Rcode.NOERROR && lease !== undefined;
      const edns = isGranted ? withOption(undefined, leaseOption(lease)) : undefined;
      return [makeResponse(message, { rcode, edns })];
    });
  };
}

function apply(
  zone: Pick<Zone, "apply">,
  { message, signedAt }: Request,
  by: Principal,
  lease: Lease | undefined,
): Promise<Rcode> {
  const { questions, answers: prerequisites, authorities: updates } = message;
  return zone.apply({ zone: questions[0]!.name, prerequisites, updates, ...lease, signedAt }, by);
}

/** Seconds (RFC 9664 §8). */
const SHORTEST = 30;
const LONGEST: Required<Lease> = { lease: 24 * 3600, keyLease: 7 * 24 * 3600 };

/** The lease granted, in the form in which it was requested, as the response must have the same form. */
export function granted({ lease, keyLease }: Lease, longest: Required<Lease>): Lease {
  const within = (seconds: number, most: number) => Math.min(Math.max(seconds, SHORTEST), most);
  const rest = keyLease === undefined ? {} : { keyLease: within(keyLease, longest.keyLease) };
  return { lease: within(lease, longest.lease), ...rest };
}
