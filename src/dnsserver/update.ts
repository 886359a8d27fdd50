/**
 * UPDATE (RFC 2136): the envelope is checked here, the rest is the zone's. Whoever has not signed, or
 * whose key may write nothing in the zone, is REFUSED (RFC 3007 §3). A lease asked for is granted
 * within bounds, and the answer says what was granted (RFC 9664 §4.3, §8).
 */
import { Class, Rcode, Type } from "../dns/constants.ts";
import { type Lease, leaseOption, readLease } from "../dns/lease.ts";
import { type Message, makeResponse } from "../dns/message.ts";
import type { Name } from "../dns/name.ts";
import type { Handler } from "../net/handler.ts";
import type { Principal } from "../zone/change.ts";
import type { Zone } from "../zone/zone.ts";
import type { Complaints } from "./complaints.ts";

export interface UpdateOptions {
  /** The zone of exactly this name that may be updated here. */
  readonly find: (origin: Name) => Pick<Zone, "apply"> | undefined;
  /** Who a key stands for in that zone; undefined where it has no say. */
  readonly principalOf: (key: string, origin: Name) => Principal | undefined;
  readonly complaints: Complaints;
}

export function updateHandler({ find, principalOf, complaints }: UpdateOptions): Handler {
  return ({ message, key, source }) => {
    const respond = (rcode: Rcode): Message => makeResponse(message, { rcode });
    const [section] = message.questions;
    // RFC 2136 §3.1.1.
    if (section === undefined || message.questions.length > 1 || section.type !== Type.SOA) {
      return [respond(Rcode.FORMERR)];
    }
    const complain = (reason: string, owner?: Name) =>
      complaints.tell(key, `an update was refused: ${reason}`, () => ({
        ...{ zone: `${section.name}`, key, from: source.address },
        ...(owner !== undefined && { name: `${owner}` }),
      }));
    const zone = section.class === Class.IN ? find(section.name) : undefined;
    if (zone === undefined) {
      complain("no zone of this name can be updated here");
      return [respond(Rcode.NOTAUTH)];
    }
    // Before the prerequisites, which would tell a stranger what the zone holds.
    const principal = key === undefined ? undefined : principalOf(key, section.name);
    if (principal === undefined) {
      complain(key === undefined ? "it is not signed" : "its key may write nothing in this zone");
      return [respond(Rcode.REFUSED)];
    }
    const asked = readLease(message.edns);
    if (asked === "malformed") return [respond(Rcode.FORMERR)];
    const refused = () => {
      const forbidden = message.authorities.find((record) => !principal.permits(record));
      const reason = "its key may not write this name, or not so";
      complain(
        forbidden === undefined ? "others have what it would change" : reason,
        forbidden?.name,
      );
    };
    return apply(zone, message, principal, asked && granted(asked), refused);
  };
}

async function apply(
  zone: Pick<Zone, "apply">,
  message: Message,
  by: Principal,
  lease: Lease | undefined,
  refused: () => void,
): Promise<readonly Message[]> {
  const update = {
    zone: message.questions[0]!.name,
    prerequisites: message.answers,
    updates: message.authorities,
    ...lease,
  };
  const rcode = await zone.apply(update, by);
  if (rcode === Rcode.REFUSED) refused();
  const isGranted = rcode === Rcode.NOERROR && lease !== undefined;
  const edns = isGranted ? { ...plain, options: [leaseOption(lease)] } : undefined;
  return [makeResponse(message, { rcode, edns })];
}

/** Its options are all that the EDNS layer looks at. */
const plain = { udpSize: 0, version: 0, dnssecOk: false };

/** Seconds (RFC 9664 §8). */
const MIN_LEASE = 30;
const MAX_LEASE = 24 * 3600;
const MAX_KEY_LEASE = 7 * 24 * 3600;

/** In the form it was asked in, which is the form of the answer. */
function granted({ lease, keyLease }: Lease): Lease {
  const within = (seconds: number, most: number) => Math.min(Math.max(seconds, MIN_LEASE), most);
  const rest = keyLease === undefined ? {} : { keyLease: within(keyLease, MAX_KEY_LEASE) };
  return { lease: within(lease, MAX_LEASE), ...rest };
}
