/** Asks servers and resolvers; no answer is also a result. */
import type { Clock } from "../../clock.ts";
import { OptionCode, Rcode, rcodeName, Type } from "../../dns/constants.ts";
import { ExtendedError, optionOf } from "../../dns/edns.ts";
import type { Endpoint } from "../../dns/endpoint.ts";
import type { Message } from "../../dns/message.ts";
import type { Name } from "../../dns/name.ts";
import { type Rdata, type Soa, soaOf } from "../../dns/rdata.ts";
import { ask, ExchangeError } from "../../net/client/exchange.ts";
import { question } from "../server.ts";

export interface Manner {
  /** Only by this one. */
  readonly transport?: "udp" | "tcp";
  /** As a client asks that does not know EDNS. */
  readonly isPlain?: boolean;
  /** CD: wants what a resolver has, whether it validates or not (RFC 4035 §3.2.2). */
  readonly checkingDisabled?: boolean;
}

/** The response, or why there is none. */
export type Ask = (
  server: Endpoint,
  name: Name,
  type: number,
  manner?: Manner,
) => Promise<Message | ExchangeError>;

export function asking(clock: Clock): Ask {
  return async (server, name, type, { transport, isPlain = false, ...flags } = {}) => {
    const asked = { ...question(name, type), ...flags };
    const query = isPlain ? { ...asked, edns: undefined } : asked;
    try {
      return await ask(server, query, { clock, transport });
    } catch (error) {
      if (error instanceof ExchangeError) return error;
      throw error;
    }
  };
}

/** Whether this host cannot even ask there, as without IPv6. */
export function hasNoWay(answer: Message | ExchangeError): answer is ExchangeError {
  return answer instanceof ExchangeError && NO_WAY.has(answer.code);
}

const NO_WAY: ReadonlySet<string> = new Set(["ENETUNREACH", "EADDRNOTAVAIL", "EAFNOSUPPORT"]);

/** The data of this name and type, or else of what its aliases lead to. */
export function dataOf(answer: Message | ExchangeError, name: Name, type: number): Rdata[] {
  if (answer instanceof ExchangeError) return [];
  const own = answer.answers.filter((record) => record.type === type);
  const direct = own.filter((record) => record.name.equals(name));
  return (direct.length > 0 ? direct : own).map(({ rdata }) => rdata);
}

/** The SOA of the zone itself. */
export function soaIn(answer: Message | ExchangeError, zone: Name): Soa | undefined {
  const [soa] = dataOf(answer, zone, Type.SOA);
  return soa && soaOf(soa);
}

/** The zone that denies the name (RFC 2308 §2). */
export function denierOf({ authorities }: Message): Name | undefined {
  return authorities.find(({ type }) => type === Type.SOA)?.name;
}

/** Seconds for which this zone's denial lasts, and those for which it may (RFC 2308 §5). */
export function denialOf(answer: Message | ExchangeError, zone: Name) {
  if (answer instanceof ExchangeError) return undefined;
  const soa = answer.authorities.find(({ type, name }) => type === Type.SOA && name.equals(zone));
  return soa && { lasts: soa.ttl, may: soaOf(soa.rdata).minimum };
}

/** "answers SERVFAIL (extended error 6: no key)": describes what is no answer to the question. */
export function describe(answer: Message | ExchangeError): string {
  if (answer instanceof ExchangeError) return answer.message;
  const why = reasonsOf(answer);
  const said = why.length > 0 ? ` (${why.join("; ")})` : "";
  const isEmpty = answer.rcode === Rcode.NOERROR && answer.answers.length === 0;
  return `${isEmpty ? "answers without a record" : `answers ${rcodeName(answer.rcode)}`}${said}`;
}

/** What else a refusal may mean: a gateway that listens at some address is asked from that address. */
export function keptOut(answer: Message | ExchangeError): string[] {
  if (answer instanceof ExchangeError || answer.rcode !== Rcode.REFUSED) return [];
  return [
    "Or it answers others, but not the address that this host asks from (query.allow, views).",
  ];
}

/** Whether it was refused for who asks, and not for what is asked (RFC 8914 §4.19). */
export function isProhibited(answer: Message | ExchangeError): boolean {
  if (answer instanceof ExchangeError || answer.rcode !== Rcode.REFUSED) return false;
  return extendedErrorOf(answer)?.code === ExtendedError.PROHIBITED;
}

function reasonsOf(answer: Message): string[] {
  const error = extendedErrorOf(answer);
  if (error === undefined) return [];
  const { code, text } = error;
  return [text === "" ? `extended error ${code}` : `extended error ${code}: ${text}`];
}

/** A number, and text if there is any (RFC 8914 §2). */
function extendedErrorOf({ edns }: Message) {
  const data = optionOf(edns, OptionCode.EXTENDED_ERROR);
  if (data === undefined || data.length < 2) return undefined;
  const text = Buffer.from(data.subarray(2)).toString().replace(/\0$/, "");
  return { code: (data[0]! << 8) | data[1]!, text };
}
