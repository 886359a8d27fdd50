/**
 * A zone on a remote server of any make: updates by RFC 2136, with the lease of RFC 9664 for servers that
 * know it, and reading back by transfer (RFC 5936); both signed by TSIG (RFC 8945).
 *
 * Invariant: with a key, nothing that it has not signed counts as an answer.
 */
import type { Clock } from "../../clock.ts";
import { Class, Opcode, Rcode, rcodeName, Type } from "../../dns/constants.ts";
import { UDP_SIZE } from "../../dns/edns.ts";
import { encode } from "../../dns/encode.ts";
import { formatEndpoint } from "../../dns/endpoint.ts";
import { leaseOption, readLease } from "../../dns/lease.ts";
import { decode, decodeHeader, type Message, makeMessage } from "../../dns/message.ts";
import type { Name } from "../../dns/name.ts";
import { type Rdata, soaOf } from "../../dns/rdata.ts";
import { type RecordSet, type ResourceRecord, setKey } from "../../dns/record.ts";
import { compareSerials } from "../../dns/serial.ts";
import {
  FUDGE,
  signTsig,
  splitTsig,
  type TsigKey,
  tsigLength,
  verifyTsig,
} from "../../dns/tsig.ts";
import type { PersistentConnection } from "../../net/client/persistent.ts";
import type { Update } from "../../zone/update/update.ts";
import { weightOf } from "../../zone/update/weight.ts";
import { RecordSets } from "../recordsets.ts";

export interface FarZoneOptions {
  readonly origin: Name;
  readonly connection: Pick<PersistentConnection, "ask" | "askAll" | "server">;
  readonly clock: Clock;
  readonly key?: TsigKey | undefined;
  /** Records to read back at most, since a transfer may have no end; all if not given. */
  readonly capacity?: number;
}

/** There is no answer that counts, so the fate of the request is unknown. The message says why. */
export class PublishError extends Error {
  override readonly name = "PublishError";
}

export class FarZone {
  /** Seconds that the server granted for the last addition; undefined if it knows no leases. */
  lease: number | undefined;
  readonly #options: FarZoneOptions;
  /** The serial last seen, and the server that gave it. */
  #serial: number | undefined;
  #server: string | undefined;

  constructor(options: FarZoneOptions) {
    this.#options = options;
  }

  /** Rejects if there is no answer. */
  readonly publish = async (update: Update): Promise<Rcode> => {
    const { origin, connection } = this.#options;
    const { lease, prerequisites, updates } = update;
    const exchange = this.#exchange({
      opcode: Opcode.UPDATE,
      questions: [{ name: origin, type: Type.SOA, class: Class.IN }],
      answers: prerequisites,
      authorities: updates,
      edns: lease === undefined ? undefined : { ...EDNS, options: [leaseOption({ lease })] },
    });
    const answer = exchange.verify(await connection.ask(exchange.compose));
    if (answer.rcode === Rcode.NOERROR && lease !== undefined) {
      const granted = readLease(answer.edns);
      this.lease = typeof granted === "object" ? granted.lease : undefined;
    }
    return answer.rcode;
  };

  /** What the zone holds now; a response code if the server refuses. */
  readonly readBack = async (): Promise<RecordSets | Rcode> => {
    const { origin, connection, capacity = Number.POSITIVE_INFINITY } = this.#options;
    const exchange = this.#exchange({
      questions: [{ name: origin, type: Type.AXFR, class: Class.IN }],
    });
    const isSoa = ({ name, type }: ResourceRecord) => type === Type.SOA && name.equals(origin);
    const sets = new Gathering();
    let soas = 0;
    let weight = 0;
    for await (const octets of connection.askAll(exchange.compose)) {
      const { rcode, answers } = exchange.verify(octets);
      if (rcode !== Rcode.NOERROR) return rcode;
      if (answers.length === 0 || (soas === 0 && !isSoa(answers[0]!))) {
        throw new PublishError("the server's response is not a zone transfer");
      }
      for (const record of answers) {
        if (soas === 0) this.#note(answers);
        if (isSoa(record) && ++soas === 2) break;
        weight += weightOf(record.rdata);
        // Records outside the zone are not its to give.
        if (record.name.isUnder(origin)) sets.add(record);
      }
      if (weight > capacity) {
        throw new PublishError(`the zone has more than ${capacity} records and is not read`);
      }
      // RFC 5936 §2.2: it ends with the SOA that it began with.
      if (soas === 2) break;
    }
    exchange.end();
    return RecordSets.of(sets.values());
  };

  /**
   * True if the serial is lower than when it was last seen: the server has gone back to an older zone, with
   * what was removed since. True also if another server answers, whatever its serial. Rejects if there is
   * no answer.
   */
  readonly isOlder = async (): Promise<boolean> => {
    const { origin, connection } = this.#options;
    const exchange = this.#exchange({
      questions: [{ name: origin, type: Type.SOA, class: Class.IN }],
    });
    const [before, by] = [this.#serial, this.#server];
    this.#note(exchange.verify(await connection.ask(exchange.compose)).answers);
    if (before === undefined) return false;
    return this.#server !== by || compareSerials(this.#serial!, before) < 0;
  };

  #note(answers: readonly ResourceRecord[]): void {
    const soa = answers.find(({ type }) => type === Type.SOA);
    if (soa === undefined) return;
    const { server } = this.#options.connection;
    this.#serial = soaOf(soa.rdata).serial;
    this.#server = server && formatEndpoint(server);
  }

  #exchange(fields: Partial<Message>): Exchange {
    const { key, clock } = this.#options;
    return new Exchange(fields, key, () => Math.floor(clock.wall() / 1000));
  }
}

const EDNS = { udpSize: UDP_SIZE, version: 0, dnssecOk: false };

/** One request and its responses, whose signatures form a chain (RFC 8945 §5.3). */
class Exchange {
  readonly #fields: Partial<Message>;
  readonly #key: TsigKey | undefined;
  readonly #now: () => number;
  /** The MAC of the previous message. */
  #mac: Uint8Array = new Uint8Array();
  /** Unsigned messages since then. */
  #unsigned: Uint8Array[] = [];
  #isContinuation = false;

  constructor(fields: Partial<Message>, key: TsigKey | undefined, now: () => number) {
    this.#fields = fields;
    this.#key = key;
    this.#now = now;
  }

  readonly compose = (id: number): Uint8Array => {
    const key = this.#key;
    const message = makeMessage({ ...this.#fields, id });
    const octets = encode(message, { reserve: key === undefined ? 0 : tsigLength(key) });
    // Half an update is a different update.
    if (decodeHeader(octets).isTruncated)
      throw new PublishError("the request is longer than a message may be");
    if (key === undefined) return octets;
    const { bytes, mac } = signTsig(octets, key, { now: this.#now() });
    this.#mac = mac;
    return bytes;
  };

  /** The response in these octets. Throws PublishError or FormatError if they are none. */
  verify(octets: Uint8Array): Message {
    const message = decode(octets, { isLenient: true });
    if (!message.isResponse || message.opcode !== (this.#fields.opcode ?? Opcode.QUERY)) {
      throw new PublishError("the server's response does not answer the request");
    }
    const key = this.#key;
    if (key === undefined) return message;
    const signed = splitTsig(octets);
    if (signed === undefined) {
      if (!this.#isContinuation) throw new PublishError(unsignedAnswer(message.rcode));
      if (this.#unsigned.push(octets) > MAX_UNSIGNED) throw new PublishError(UNSIGNED);
      return message;
    }
    const { error, mac, other } = signed.tsig;
    // These two errors come unsigned (RFC 8945 §5.3.2); nothing is believed except that there is no answer.
    if (mac.length === 0 && refusals[error] !== undefined) {
      throw new PublishError(`${refusals[error]}: ${key.name}`);
    }
    const now = this.#now();
    const verdict = verifyTsig(signed, {
      find: (name) => (name.equals(key.name) ? key : undefined),
      now,
      priorMac: this.#mac,
      unsigned: this.#unsigned,
      isContinuation: this.#isContinuation,
    });
    const isClockOff = verdict.isValid ? error === Rcode.BADTIME : verdict.error === Rcode.BADTIME;
    if (isClockOff) {
      const theirs = other.length === 6 ? Buffer.from(other).readUIntBE(0, 6) : signed.tsig.time;
      throw new PublishError(outOfTime(now - theirs));
    }
    if (!verdict.isValid) {
      throw new PublishError("the server's answer is not signed correctly");
    }
    this.#mac = signed.tsig.mac;
    this.#unsigned = [];
    this.#isContinuation = true;
    return message;
  }

  /** The last response of a stream must be signed (RFC 8945 §5.3.1). */
  end(): void {
    if (this.#unsigned.length > 0) throw new PublishError(UNSIGNED);
  }
}

/** What the errors in an unsigned TSIG mean. */
const refusals: Readonly<Record<number, string>> = {
  [Rcode.BADKEY]:
    "the server does not know the key, or knows it with another algorithm, or its acl does not permit this (BADKEY)",
  [Rcode.BADSIG]: "the server has a different secret for the key (BADSIG)",
};

function outOfTime(ahead: number): string {
  // The server's clock agrees, and what it objects to is the order (RFC 8945 §5.2.3).
  if (Math.abs(ahead) <= FUDGE)
    return "another update, signed later, has overtaken this one (BADTIME)";
  const direction = ahead > 0 ? "ahead of" : "behind";
  return `this host's clock is ${Math.abs(ahead)} s ${direction} the server's (BADTIME)`;
}

/** RFC 8945 §5.3.1. */
const MAX_UNSIGNED = 99;
const UNSIGNED = "the server's answer is not signed";

function unsignedAnswer(rcode: Rcode): string {
  return rcode === Rcode.NOERROR ? UNSIGNED : `${UNSIGNED} (${rcodeName(rcode)})`;
}

/** Collects records into sets, in whatever order they come. */
class Gathering {
  readonly #sets = new Map<string, RecordSet & { readonly rdatas: Rdata[] }>();

  add({ name, type, ttl, rdata }: ResourceRecord): void {
    const key = setKey(name, type);
    const set = this.#sets.get(key);
    if (set === undefined) this.#sets.set(key, { name, type, ttl, rdatas: [rdata] });
    else set.rdatas.push(rdata);
  }

  values(): Iterable<RecordSet> {
    return this.#sets.values();
  }
}
