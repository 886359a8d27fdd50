/**
 * The server's identity: NSID (RFC 5001) if requested, and in class CH the names of RFC 4892 (`id.server`,
 * `version.server`) with the older names of BIND. What is not configured is not disclosed: the option is
 * left out, the query REFUSED.
 */
import { Class, OptionCode, Type } from "../dns/constants.ts";
import { optionOf } from "../dns/edns.ts";
import { type Message, makeResponse, type Question } from "../dns/message.ts";
import { Name, type NameKey } from "../dns/name.ts";
import { rdata } from "../dns/rdata.ts";
import type { Layer } from "../net/server/handler.ts";
import { addOption } from "./layers.ts";

export interface Identity {
  /** Which of several servers this is. */
  readonly server?: string | undefined;
  readonly version?: string | undefined;
}

export function identified(identity: Identity): Layer {
  const { server, version } = identity;
  const texts = new Map<NameKey, string | undefined>([
    [Name.parse("id.server.").key, server],
    [Name.parse("hostname.bind.").key, server],
    [Name.parse("version.server.").key, version],
    [Name.parse("version.bind.").key, version],
  ]);
  return (next) => (request) => {
    const { message } = request;
    const [question, ...more] = message.questions;
    const text = question && more.length === 0 ? asksFor(texts, question) : undefined;
    const responses = text === undefined ? next(request) : [tell(message, question!, text)];
    if (server === undefined || !asksForNsid(message)) return responses;
    return addOption(responses, { code: OptionCode.NSID, data: Buffer.from(server) });
  };
}

function asksFor(
  texts: ReadonlyMap<NameKey, string | undefined>,
  { name, type, class: klass }: Question,
): string | undefined {
  const isText = klass === Class.CH && (type === Type.TXT || type === Type.ANY);
  return isText ? texts.get(name.key) : undefined;
}

function asksForNsid({ edns }: Message): boolean {
  return optionOf(edns, OptionCode.NSID) !== undefined;
}

/** TTL 0: another server may answer next time (RFC 4892 §3). */
function tell(query: Message, { name }: Question, text: string): Message {
  const answer = { name, type: Type.TXT, class: Class.CH, ttl: 0, rdata: rdata.txt(text) };
  return makeResponse(query, { isAuthoritative: true, answers: [answer] });
}
