/** `doctor`: what it makes of answers, one way of being wrong after the other. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import type { Ask } from "../../src/cli/doctor/asking.ts";
import { examineClients } from "../../src/cli/doctor/clients.ts";
import { formatFinding } from "../../src/cli/doctor/finding.ts";
import { examineLinks } from "../../src/cli/doctor/links.ts";
import { examineNameservers } from "../../src/cli/doctor/nameservers.ts";
import { examinePublishing } from "../../src/cli/doctor/publishing.ts";
import { examineResolver } from "../../src/cli/doctor/resolvers.ts";
import { examineListening } from "../../src/cli/doctor/server.ts";
import { examineZone } from "../../src/cli/doctor/zone.ts";
import { systemClock } from "../../src/clock.ts";
import { Class, Rcode, Type } from "../../src/dns/constants.ts";
import { extendedError } from "../../src/dns/edns.ts";
import type { Endpoint } from "../../src/dns/endpoint.ts";
import { type Message, makeMessage, makeResponse } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { type RecordSet, recordsOf } from "../../src/dns/record.ts";
import { ExchangeError } from "../../src/net/client/exchange.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";

const ZONE = Name.parse("z.example.");
const SERVER: Endpoint = { address: "192.0.2.1", port: 53 };
const RESOLVER: Endpoint = { address: "192.0.2.53", port: 53 };
const APEX = `$TTL 10
@ SOA ns h 7 1 1 1 1
@ NS ns.example.
b._dns-sd._udp PTR @
lb._dns-sd._udp PTR @
`;
const SERVICES = `
_services._dns-sd._udp PTR _ipp._tcp
_ipp._tcp PTR Office\\032Printer._ipp._tcp.paris
Office\\032Printer._ipp._tcp.paris SRV 0 0 631 printer.paris
Office\\032Printer._ipp._tcp.paris TXT "txtvers=1"
printer.paris A 10.1.0.10
`;

/** What a server says that has this zone. */
type Answering = (name: Name, type: number) => Partial<Message> | ExchangeError;

function serving(text: string, origin = ZONE): Answering {
  const sets = parseMasterFile(text, { origin });
  const soa = sets.find(({ type }) => type === Type.SOA)!;
  return (name, type) => {
    const own = sets.filter((set) => set.name.equals(name));
    const found = own.filter((set) => set.type === type).flatMap(recordsOf);
    const rcode = own.length > 0 || !name.isUnder(origin) ? Rcode.NOERROR : Rcode.NXDOMAIN;
    if (!name.isUnder(origin)) return { rcode: Rcode.REFUSED };
    return found.length > 0
      ? { isAuthoritative: true, answers: found }
      : { isAuthoritative: true, rcode, authorities: recordsOf(soa) };
  };
}

/** Asks whoever is at the address. */
function asking(servers: ReadonlyMap<Endpoint, Answering>): Ask {
  return async (server, name, type) => {
    const said = servers.get(server)?.(name, type) ?? new ExchangeError(server, "ECONNREFUSED");
    if (said instanceof ExchangeError) return said;
    const query = makeMessage({ questions: [{ name, type, class: Class.IN }] });
    return makeResponse(query, said);
  };
}
