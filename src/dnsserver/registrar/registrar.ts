/**
 * Devices that register themselves (RFC 9665): an UPDATE signed by SIG(0) (RFC 2931) is treated as an SRP
 * Update and nothing else. It must come from where devices may register, by a connection unless UDP is
 * configured as safe, have a lease, and be signed by the KEY of its host. Its names are moved to the site,
 * and the zone must accept the update made of it (`claim.ts`); then the reverse names of its host follow
 * (`reverse.ts`). Refusals are logged with the reason.
 *
 * Invariant: nothing waits between looking up what the key holds and applying the update made from that,
 * so no other update comes in between.
 */
import { hash } from "node:crypto";
import type { Clock } from "../../clock.ts";
import { sourceKey } from "../../dns/address.ts";
import { Class, Rcode, Type } from "../../dns/constants.ts";
import { withOption } from "../../dns/edns.ts";
import { type Lease, leaseOption, readLease } from "../../dns/lease.ts";
import { type Message, makeResponse, type Question } from "../../dns/message.ts";
import { Name } from "../../dns/name.ts";
import type { Rdata } from "../../dns/rdata.ts";
import { hasSig0, type Sig0Message, splitSig0, verifySig0 } from "../../dns/sig0.ts";
import type { Layer, Request } from "../../net/server/handler.ts";
import { Quarter } from "../../quarter.ts";
import { requesterPrincipal, reverseRequesterPrincipal } from "../../zone/update/principal.ts";
import type { Zone } from "../../zone/zone.ts";
import type { Complaints } from "../complaints.ts";
import { granted } from "../update.ts";
import { claim } from "./claim.ts";
import { FairQueue } from "./fairqueue.ts";
import { moved, type Registration, readRegistration, type Unfit } from "./registration.ts";
import { type ReverseZone, reverseClaims } from "./reverse.ts";

export interface RegistrarOptions {
  readonly zone: Pick<Zone, "origin" | "current" | "apply" | "heldBy">;
  /** The zones that get the reverse names of hosts. */
  readonly reverse: readonly ReverseZone[];
  /** The domain that devices register in, beneath the zone's. */
  readonly site: Name;
  /** True to accept UDP too, by which any source address can be forged. */
  readonly isByUdp: boolean;
  /** True if a device at this address may register. */
  readonly isAllowed: (address: string) => boolean;
  /** True if the reverse name of this published address may lead to its host. */
  readonly isReversed: (address: Uint8Array) => boolean;
  /** The part of a registration that may be published, or why it is refused. */
  readonly admit: (registration: Registration) => Registration | Unfit;
  readonly clock: Clock;
  readonly complaints: Complaints;
}

/** Wraps the handler of other updates. */
export function registrar(options: RegistrarOptions): Layer {
  const own = new Registrar(options);
  return (next) => (request) => {
    const isOurs = request.key === undefined && hasSig0(request.message);
    return isOurs ? own.register(request) : next(request);
  };
}

/** The contents of a well-formed request. */
interface Application {
  readonly registration: Registration;
  readonly key: Rdata;
  readonly lease: Lease;
  readonly part: Sig0Message;
}

interface Refusal {
  readonly unfit: Unfit;
}

/** The outcome: a refusal, or the zone's RCODE, once all is on disk, and the lease granted if it succeeds. */
type Verdict = Refusal | { readonly done: Promise<Rcode>; readonly lease: Lease };

class Registrar {
  readonly #options: RegistrarOptions;
  readonly #quarter = new Quarter(CREDIT);
  readonly #queue = new FairQueue();

  constructor(options: RegistrarOptions) {
    this.#options = options;
  }

  async register(request: Request): Promise<readonly Message[]> {
    const { message, transport, source } = request;
    const { isAllowed, isByUdp } = this.#options;
    const [section, ...more] = message.questions;
    if (section?.type !== Type.SOA || more.length > 0) return [formErr(message)];
    // RFC 9665 §6.1.
    if (transport === "udp" && !isByUdp) return this.#refuse(request, "it came over UDP");
    if (!isAllowed(source.address)) return this.#refuse(request, "it is from elsewhere");
    const verdict = await this.#inTurn(request, () => this.#judge(request));
    if (verdict === "left") return [];
    if (verdict === "crowded")
      return this.#refuse(request, "too many registrations are waiting", Rcode.SERVFAIL);
    if (verdict === "malformed") return [formErr(message)];
    if ("unfit" in verdict) return this.#refuse(request, verdict.unfit);
    const rcode = resultOf(await verdict.done);
    if (rcode === Rcode.YXDOMAIN)
      return this.#refuse(request, "a name belongs to another device", rcode);
    if (rcode === Rcode.REFUSED)
      return this.#refuse(request, "the zone does not accept such a name or such data");
    const granted = leaseOption(verdict.lease);
    const edns = rcode === Rcode.NOERROR ? withOption(undefined, granted) : undefined;
    return [makeResponse(message, { rcode, edns })];
  }

  #refuse({ message, source }: Request, reason: Unfit, rcode: Rcode = Rcode.REFUSED) {
    this.#options.complaints.tell(undefined, `a registration was refused: ${reason}`, () => ({
      zone: `${message.questions[0]!.name}`,
      from: source.address,
    }));
    return [makeResponse(message, { rcode })];
  }

  /** Does the work in its turn and when there is time for it, unless nobody waits for the answer by then. */
  async #inTurn<T>(request: Request, work: () => Promise<T>): Promise<T | "crowded" | "left"> {
    const { source, bytes, signal } = request;
    const { clock } = this.#options;
    const leave = await this.#queue.enter(sourceKey(source.address), bytes.length);
    if (leave === undefined) return "crowded";
    try {
      if (clock.now() < this.#quarter.next) {
        await new Promise<void>((resolve) => clock.at(this.#quarter.next, resolve));
      }
      return signal.aborted ? "left" : await work();
    } finally {
      leave();
    }
  }

  #timed<T>(work: () => T): T {
    const { clock } = this.#options;
    const from = clock.now();
    const result = work();
    this.#quarter.spent(from, clock.now());
    return result;
  }

  async #judge(request: Request): Promise<Verdict | "malformed"> {
    const application = this.#timed(() => this.#read(request));
    if (application === "malformed" || "unfit" in application) return application;
    const time = Math.floor(this.#options.clock.wall() / 1000);
    const { part, key } = application;
    // Importing the key takes longer than everything else.
    const isSigned = await this.#timed(() => verifySig0(part, key, time));
    if (!isSigned) return BAD_SIGNATURE;
    return this.#timed(() => this.#apply(application));
  }

  #read({ message, bytes }: Request): Application | Refusal | "malformed" {
    const domain = this.#domainOf(message.questions[0]!);
    if (domain === undefined) return { unfit: "it is for another domain" };
    const lease = readLease(message.edns);
    if (lease === "malformed") return lease;
    if (lease === undefined) return { unfit: "it requests no lease" };
    if (lease.lease > (lease.keyLease ?? lease.lease)) {
      return { unfit: "its KEY lease is shorter than its lease" };
    }
    const said = readRegistration(message, domain);
    if (typeof said === "string") return { unfit: said };
    const registration = moved(said, domain, this.#options.site);
    if (registration === undefined) return { unfit: "a name is too long beneath the site" };
    const key = registration.key ?? this.#keyAt(registration.host);
    if (key === undefined) return { unfit: "it has no KEY, and none is registered for its host" };
    const isThere = registration.addresses.length > 0;
    if (!isThere && lease.lease > 0) return { unfit: "its host has no address" };
    const part = splitSig0(message, bytes);
    return part === undefined ? BAD_SIGNATURE : { registration, key, lease, part };
  }

  /** The domain of the names in an update for this zone; a device may know only the default domain. */
  #domainOf({ name, class: klass }: Question): Name | undefined {
    const { zone, site } = this.#options;
    if (klass !== Class.IN) return undefined;
    if (name.equals(DEFAULT)) return DEFAULT;
    return name.equals(zone.origin) || name.equals(site) ? site : undefined;
  }

  #keyAt(host: Name): Rdata | undefined {
    return this.#options.zone.current.set(host, Type.KEY)?.rdatas[0];
  }

  /** Takes an application whose signature has been verified. */
  #apply({ registration, key, lease: asked }: Application): Verdict {
    const { zone, site, admit, clock } = this.#options;
    const admitted = asked.lease === 0 ? registration : admit(registration);
    if (typeof admitted === "string") return { unfit: admitted };
    const lease = grantOf(asked);
    const holder = nameOf(key);
    const by = requesterPrincipal(holder, zone.origin, site);
    // `heldBy` reflects every update worked out before this moment, and later ones will find this one.
    const update = claim(admitted, {
      ...{ zone: zone.origin, site, key, now: clock.now() },
      held: zone.heldBy(by.name),
      lease: { keyLease: lease.lease, ...lease },
    });
    const done = zone.apply(update, by).then(async (rcode) => {
      if (rcode === Rcode.NOERROR) await this.#reverse(admitted, holder, lease.lease);
      return rcode;
    });
    return { lease, done };
  }

  /** Writes the reverse names of a host that is registered now, for as long as its lease. */
  async #reverse(registration: Registration, holder: string, lease: number): Promise<void> {
    const { zone, reverse, site, isReversed, complaints } = this.#options;
    const by = reverseRequesterPrincipal(holder, zone.origin, site);
    const written = this.#timed(() => {
      const claims = reverseClaims(registration, {
        zones: reverse,
        by: by.name,
        isReversed,
        lease,
      });
      return claims.map((each) => ({ ...each, done: each.zone.apply(each.update, by) }));
    });
    for (const { zone, done } of written) {
      if ((await done) === Rcode.NOERROR) continue;
      complaints.tell(undefined, "the reverse names of a registered host are not written", () => ({
        zone: `${zone.origin}`,
        host: `${registration.host}`,
      }));
    }
  }
}

function formErr(message: Message): Message {
  return makeResponse(message, { rcode: Rcode.FORMERR });
}

const BAD_SIGNATURE: Refusal = { unfit: "its signature does not fit its KEY, or is not valid now" };

/** Milliseconds of work at once after a quiet time: what a thousand devices take that return together. */
const CREDIT = 2000;

/** The zone in an update from a device that does not know its domain (RFC 9665 §3.1.2). */
const DEFAULT = Name.parse("default.service.arpa.");

/** Seconds (RFC 9665 §5.1). */
const LONGEST: Required<Lease> = { lease: 2 * 3600, keyLease: 14 * 24 * 3600 };

/** The lease granted, in the form in which it was requested; a lease of 0 stays 0. */
function grantOf(asked: Lease): Lease {
  const { lease, keyLease } = granted(asked, LONGEST);
  return {
    lease: asked.lease === 0 ? 0 : lease,
    ...(keyLease !== undefined && { keyLease: asked.keyLease === 0 ? 0 : keyLease }),
  };
}

/** The name of a KEY's holder, whatever it registers. */
function nameOf(key: Rdata): string {
  return hash("sha256", key.toWire(), "hex").slice(0, NAME_LENGTH);
}

/** Hexadecimal digits, half of a digest: nobody can make a key with the name of another. */
const NAME_LENGTH = 32;

/** RFC 9665 §3.3.5. It is a conflict too if a name had this KEY a moment ago but has it no longer. */
function resultOf(rcode: Rcode): Rcode {
  const isConflict = rcode === Rcode.YXDOMAIN || rcode === Rcode.NXRRSET;
  if (isConflict) return Rcode.YXDOMAIN;
  return rcode === Rcode.NOERROR || rcode === Rcode.REFUSED ? rcode : Rcode.SERVFAIL;
}
