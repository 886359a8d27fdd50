/**
 * QUERY (RFC 1034 §4.3.2): one question, answered by the authority of the zone that it lies in, or with
 * REFUSED outside every zone. Never recursive: RA is off and RD only copied (RFC 1035 §4.1.1).
 */
import { Class, Rcode, Type } from "../dns/constants.ts";
import { type Edns, ExtendedError, extendedError, UDP_SIZE, withOption } from "../dns/edns.ts";
import { type Message, makeResponse, type Question } from "../dns/message.ts";
import { Name } from "../dns/name.ts";
import { LEAST_RECORD, type RecordSet, type ResourceRecord, recordsOf } from "../dns/record.ts";
import type { Request, Transport } from "../net/server/handler.ts";
import type { Catalog } from "./catalog.ts";
import { zoneOptions } from "./zoneoptions.ts";

/** The fields of a response that are not taken from its query. */
type Fields = Partial<Message>;

export function queryHandler(catalog: Catalog): (request: Request) => readonly Message[] {
  return ({ message, transport }: Request) => {
    const [question] = message.questions;
    // RFC 9619 §4: QDCOUNT must be 1. Otherwise there is no question to echo.
    if (question === undefined || message.questions.length > 1) {
      return [makeResponse(message, { rcode: Rcode.FORMERR, questions: [] })];
    }
    // RFC 9824 §3.5: NXNAME marks a name that does not exist in its NSEC, and cannot be queried.
    if (question.type === Type.NXNAME) return [makeResponse(message, noQueryType)];
    const rcode = refusalOf(question);
    if (rcode !== undefined) return [makeResponse(message, { rcode })];
    return [makeResponse(message, answer(catalog, question, message.edns, transport))];
  };
}

/** The RCODE of a question that is not looked up at all; undefined for others. */
function refusalOf(question: Question): Rcode | undefined {
  switch (question.type) {
    // Not data types (RFC 6895 §3.1), so they cannot be queried (RFC 8906 §3.1.2).
    case Type.OPT:
    case Type.TSIG:
    case Type.TKEY:
      return Rcode.FORMERR;
    // Obsolete (RFC 1035 §3.2.3); as BIND answers them.
    case Type.MAILA:
    case Type.MAILB:
      return Rcode.NOTIMP;
    // Left over by the transfer layer: by UDP (RFC 5936 §4.2) or HTTPS, or not of class IN.
    case Type.AXFR:
    case Type.IXFR:
      return Rcode.REFUSED;
  }
  return question.class === Class.IN || question.class === Class.ANY ? undefined : Rcode.REFUSED;
}

function answer(
  catalog: Catalog,
  question: Question,
  edns: Edns | undefined,
  transport: Transport,
): Fields {
  const authority = catalog.findFor(question);
  if (authority === undefined) return isForLinkAlone(question.name) ? nowhere : outside;
  const dnssecOk = edns?.dnssecOk === true;
  const found = authority.answer({ ...question, class: Class.IN }, dnssecOk);
  const isCompact = dnssecOk && found.isSigned === true;
  const isCompactSaid = isCompact && edns.compactOk === true;
  const options = zoneOptions(edns, question, authority);
  const isNoError = isCompact && found.rcode === Rcode.NXDOMAIN && !edns.compactOk;
  const answers = toRecords(
    question.type === Type.ANY ? some(found.answers, transport) : found.answers,
  );
  return {
    // The NSEC denies the name; only clients that set CO get NXDOMAIN with it (RFC 9824 §5.1).
    rcode: isNoError ? Rcode.NOERROR : found.rcode,
    // A query for all classes never gets an authoritative answer (RFC 1035 §6.2).
    isAuthoritative: found.isAuthoritative && question.class === Class.IN,
    answers,
    authorities: toRecords(found.authorities),
    additionals: isCut(answers, transport) ? [] : toRecords(found.additionals),
    ...((options.length > 0 || isCompactSaid) && {
      edns: { ...reply, options, ...(isCompactSaid && { compactOk: true }) },
    }),
  };
}

/** True if there is certainly no room for additionals after the answers, so none need be looked for. */
function isCut(answers: readonly ResourceRecord[], transport: Transport): boolean {
  return transport === "udp" && answers.length * LEAST_RECORD > UDP_SIZE;
}

/** Carries a Handler's options and CO flag; the EDNS layer sets the rest. */
const reply: Edns = { udpSize: 0, version: 0, dnssecOk: false, options: [] };

/** No SOA, no referral upward (RFC 8906 §3.1.1), but the reason (RFC 8914 §4.21). */
const outside: Fields = {
  rcode: Rcode.REFUSED,
  edns: withOption(undefined, extendedError(ExtendedError.NOT_AUTHORITATIVE)),
};

/** Names that only multicast can resolve get an immediate NXDOMAIN (RFC 6762 §22.1 item 5). */
const nowhere: Fields = { rcode: Rcode.NXDOMAIN };

const ofLinks = [
  "local.",
  "254.169.in-addr.arpa.",
  ...["8", "9", "a", "b"].map((digit) => `${digit}.e.f.ip6.arpa.`),
].map((text) => Name.parse(text));

function isForLinkAlone(name: Name): boolean {
  return ofLinks.some((domain) => name.isUnder(domain));
}

const noQueryType: Fields = {
  rcode: Rcode.FORMERR,
  edns: withOption(undefined, extendedError(ExtendedError.INVALID_QUERY_TYPE)),
};

/**
 * ANY by UDP gets one set with its signatures, to avoid amplification; over a stream it gets all sets
 * (RFC 8482 §4.1, §4.4).
 */
function some(sets: readonly RecordSet[], transport: Transport): readonly RecordSet[] {
  return transport === "udp" ? sets.slice(0, sets[1]?.type === Type.RRSIG ? 2 : 1) : sets;
}

function toRecords(sets: readonly RecordSet[]): ResourceRecord[] {
  return sets.flatMap(recordsOf);
}
