/**
 * AXFR (RFC 5936): the whole zone over a stream, as one snapshot, so that it is one version however
 * long it takes to send. Whoever is not allowed gets REFUSED, and the connection stays.
 */
import { Opcode, Rcode, Type } from "../dns/constants.ts";
import { type Message, makeResponse } from "../dns/message.ts";
import type { Name } from "../dns/name.ts";
import { type RecordSet, type ResourceRecord, recordsOf } from "../dns/record.ts";
import type { Handler, Layer, Request } from "../net/handler.ts";
import type { Snapshot } from "../zone/snapshot.ts";

/** Octets of uncompressed records a message is filled to; TCP allows 65,535 (RFC 1035 §4.2.2). */
const MESSAGE_FILL = 16_384;

export interface TransferOptions {
  /** The zone of exactly this name, as it is now; undefined where there is none. */
  readonly find: (origin: Name) => Snapshot | undefined;
  readonly isAllowed: (request: Request, origin: Name) => boolean;
}

export function transfers({ find, isAllowed }: TransferOptions): Layer {
  return (next: Handler): Handler =>
    (request) => {
      const { message, transport } = request;
      const question = message.questions[0];
      const isTransfer =
        message.opcode === Opcode.QUERY &&
        message.questions.length === 1 &&
        question?.type === Type.AXFR &&
        (transport === "tcp" || transport === "tls");
      if (!isTransfer) return next(request);
      if (!isAllowed(request, question.name)) {
        return [makeResponse(message, { rcode: Rcode.REFUSED })];
      }
      const snapshot = find(question.name);
      // RFC 5936 §2.2.1: not authoritative for a zone of this name.
      if (snapshot === undefined) return [makeResponse(message, { rcode: Rcode.NOTAUTH })];
      return transfer(message, snapshot);
    };
}

/** SOA first and last, every other record once between them (RFC 5936 §2.2). */
function* transfer(query: Message, snapshot: Snapshot): Generator<Message> {
  let isFirst = true;
  const message = (answers: readonly ResourceRecord[]): Message => {
    const response = makeResponse(query, { isAuthoritative: true, answers });
    // Only the first message need repeat the question (RFC 5936 §2.2.1).
    const sent = isFirst ? response : { ...response, questions: [] };
    isFirst = false;
    return sent;
  };
  let batch: ResourceRecord[] = [];
  let octets = 0;
  for (const record of recordsBetweenSoas(snapshot)) {
    const size = record.name.wireLength + 10 + record.rdata.toWire().length;
    if (batch.length > 0 && octets + size > MESSAGE_FILL) {
      yield message(batch);
      batch = [];
      octets = 0;
    }
    batch.push(record);
    octets += size;
  }
  yield message(batch);
}

function* recordsBetweenSoas(snapshot: Snapshot): Generator<ResourceRecord> {
  const isSoa = (set: RecordSet) => set === snapshot.soa;
  yield* recordsOf(snapshot.soa);
  for (const set of snapshot) if (!isSoa(set)) yield* recordsOf(set);
  yield* recordsOf(snapshot.soa);
}
