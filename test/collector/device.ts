/** Devices of a LAN in memory: they announce, answer as RFC 6762 §6 asks, say goodbye, fall silent. */
import { Class, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { type Message, makeMessage } from "../../src/dns/message.ts";
import type { ResourceRecord } from "../../src/dns/record.ts";
import type { Packet } from "../../src/net/links/link.ts";
import type { Lan, LanHost } from "../support/lan.ts";
import { records, TOP } from "./fixture.ts";

export interface Behaviour {
  /** Milliseconds from a question to its answer. */
  readonly delay?: number;
  /** True if it answers by unicast when a question asks for that. */
  readonly obeysUnicast?: boolean;
}

export class Device {
  readonly host: LanHost;
  /** As sent: with the cache-flush bit where they are unique. */
  records: readonly ResourceRecord[];
  isMute = false;
  readonly #lan: Lan;
  readonly #behaviour: Behaviour;
  /** Parts of a query that is not complete yet, by sender (RFC 6762 §7.2). */
  readonly #pending = new Map<string, Message[]>();

  constructor(lan: Lan, address: string, text: string, behaviour: Behaviour = {}) {
    this.#lan = lan;
    this.#behaviour = behaviour;
    this.host = lan.host(address, ...address.split(" "));
    this.records = records(text);
    this.host.react((message, packet) => this.#hear(message, packet));
  }

  announce(): void {
    this.#say(this.records);
  }

  goodbye(): void {
    this.#say(this.records.map((record) => ({ ...record, ttl: 0 })));
    this.isMute = true;
  }

  #hear(message: Message, packet: Packet): void {
    if (message.isResponse) return;
    const parts = this.#pending.get(packet.source) ?? [];
    parts.push(message);
    if (message.isTruncated) {
      this.#pending.set(packet.source, parts);
      return;
    }
    this.#pending.delete(packet.source);
    const known = parts.flatMap(({ answers }) => answers);
    const questions = parts.flatMap(({ questions }) => questions);
    const isWanted = questions.every((each) => each.class & TOP) && this.#behaviour.obeysUnicast;
    const isUnicast = isWanted || packet.isUnicast;
    const answers = this.records.filter(
      (record) =>
        questions.some(
          ({ name, type }) =>
            name.equals(record.name) &&
            // RFC 6762 §6.
            (type === record.rdata.type || type === Type.ANY || record.rdata.type === Type.CNAME),
        ) && !known.some((other) => isKnown(record, other)),
    );
    if (answers.length === 0) return;
    const { delay = 20 } = this.#behaviour;
    const to = isUnicast ? { family: packet.family, address: packet.source } : undefined;
    this.#lan.clock.at(this.#lan.clock.now() + delay, () => this.#say(answers, to));
  }

  #say(answers: readonly ResourceRecord[], to?: { family: 4 | 6; address: string }): void {
    if (this.isMute) return;
    for (const part of inPackets(answers)) {
      const message = makeMessage({ isResponse: true, isAuthoritative: true, answers: part });
      this.host.send(encode(message, { compression: "multicast" }), to);
    }
  }
}

/** RFC 6762 §7.1. */
function isKnown(record: ResourceRecord, known: ResourceRecord): boolean {
  return (
    known.class === Class.IN &&
    known.name.equals(record.name) &&
    known.rdata.equals(record.rdata) &&
    2 * known.ttl >= record.ttl
  );
}

function inPackets(records: readonly ResourceRecord[]): ResourceRecord[][] {
  const parts: ResourceRecord[][] = [];
  for (let at = 0; at < records.length; at += 12) parts.push(records.slice(at, at + 12));
  return parts;
}
