/**
 * Parses an SRP Update (RFC 9665 §3.3): a device describes itself and its services in one message, which
 * consists of instructions and nothing else. Who may have which name is not decided here.
 *
 *     one Host Description (§3.3.1.3):    deletes what is at the host; adds its KEY and addresses
 *     Service Descriptions (§3.3.1.2):    each deletes what is at a service; may add SRV to that host and TXT
 *     Service Discovery (§3.3.1.1):       PTRs of its type and subtypes that point to such a service
 *
 * Invariant: the names in a Registration are beneath the domain, those of the host and the services all
 * differ, and one KEY is for all of them.
 */
import { Class, isAddressType, Type } from "../../dns/constants.ts";
import type { Message } from "../../dns/message.ts";
import type { Name, NameKey } from "../../dns/name.ts";
import { type Rdata, srvOf, targetOf } from "../../dns/rdata.ts";
import { type ResourceRecord, setKey } from "../../dns/record.ts";
import { parseInstance, parseServiceType } from "../../dns/service.ts";

export interface Registration {
  readonly host: Name;
  /** Undefined if it is not given, because the host is to be removed. */
  readonly key: Rdata | undefined;
  /** A and AAAA. */
  readonly addresses: readonly Rdata[];
  readonly services: readonly RegisteredService[];
}

export interface RegisteredService {
  readonly name: Name;
  /** The names that list it: its type and its subtypes. */
  readonly lists: readonly Name[];
  /** Undefined for a service to be removed. */
  readonly srv: Rdata | undefined;
  readonly texts: readonly Rdata[];
}

/** Why a registration is not accepted; short, for the log. */
export type Unfit = string;

export function readRegistration(message: Message, domain: Name): Registration | Unfit {
  if (message.answers.length > 0) return "it has prerequisites";
  const places = new Map<NameKey, Place>();
  const pointers: ResourceRecord[] = [];
  const ttls = new Map<string, number>();
  for (const record of message.authorities) {
    const { name, type, ttl, rdata } = record;
    if (!name.isUnder(domain) || name.equals(domain)) return "a name is not beneath the domain";
    if (record.class === Class.IN) {
      const set = setKey(name, type);
      if ((ttls.get(set) ?? ttl) !== ttl) return "the records of a set have several TTLs";
      ttls.set(set, ttl);
    } else if (ttl !== 0) {
      // RFC 2136 §2.5.
      return "a removal has a TTL";
    }
    if (record.class === Class.ANY && type === Type.ANY && rdata.isEmpty) {
      if (places.has(name.key)) return "a name is described twice";
      places.set(name.key, { name, added: [] });
    } else if (type === Type.PTR && (record.class === Class.IN || record.class === Class.NONE)) {
      pointers.push(record);
    } else if (record.class === Class.IN) {
      const place = places.get(name.key);
      if (place === undefined) return "a record is added to a name that was not cleared before";
      place.added.push(rdata);
    } else {
      return "only some records of a name are removed";
    }
  }
  const isService = ({ name }: Place) => parseInstance(name)?.domain.equals(domain) === true;
  const services = [...places.values()].filter(isService);
  const [host, ...hosts] = [...places.values()].filter((place) => !isService(place));
  if (host === undefined || hosts.length > 0) return "it does not describe exactly one host";
  const lists = readLists(pointers, services);
  return typeof lists === "string" ? lists : describe(host, services, lists);
}

/** The same registration beneath another domain; undefined if a name would be too long. */
export function moved(said: Registration, from: Name, to: Name): Registration | undefined {
  if (from.equals(to)) return said;
  let isTooLong = false;
  const move = (name: Name): Name => {
    const elsewhere = name.replaceSuffix(from, to);
    isTooLong ||= elsewhere === undefined;
    return elsewhere ?? name;
  };
  const services = said.services.map(({ name, lists, srv, texts }) => ({
    name: move(name),
    lists: lists.map(move),
    srv: srv?.mapNames(move),
    texts,
  }));
  const registration = { ...said, host: move(said.host), services };
  return isTooLong ? undefined : registration;
}

/** A name at which everything is deleted, and what is then added there. */
interface Place {
  readonly name: Name;
  readonly added: Rdata[];
}

/** By service, the names that are to list it. */
function readLists(pointers: readonly ResourceRecord[], services: readonly Place[]) {
  const lists = new Map<NameKey, Name[]>(services.map(({ name }) => [name.key, []]));
  for (const { name, class: klass, rdata } of pointers) {
    const service = targetOf(rdata);
    const list = service && lists.get(service.key);
    if (list === undefined) return "a PTR leads to a service that is not described";
    const type = parseServiceType(name)?.type;
    if (type?.equals(service!.parent!) !== true) return "a PTR is not of the type of its service";
    // Earlier PTRs are deleted in any case: an update has all that list its services (§3.3.4).
    if (klass === Class.IN) list.push(name);
  }
  return lists;
}

function describe(
  { name: host, added }: Place,
  places: readonly Place[],
  lists: ReadonlyMap<NameKey, readonly Name[]>,
): Registration | Unfit {
  const keys = added.filter(({ type }) => type === Type.KEY);
  const addresses = added.filter(({ type }) => isAddressType(type));
  if (keys.length + addresses.length < added.length)
    return "a host has records other than KEY, A and AAAA";
  const [key] = keys;
  if (keys.length > 1 || (key === undefined && addresses.length > 0))
    return "a host must have exactly one KEY";
  const services: RegisteredService[] = [];
  for (const place of places) {
    const service = describeService(place, host, key, lists.get(place.name.key)!);
    if (typeof service === "string") return service;
    services.push(service);
  }
  return { host, key, addresses, services };
}

function describeService(
  { name, added }: Place,
  host: Name,
  key: Rdata | undefined,
  lists: readonly Name[],
): RegisteredService | Unfit {
  const of = (type: number) => added.filter((rdata) => rdata.type === type);
  const [servers, texts, keys] = [of(Type.SRV), of(Type.TXT), of(Type.KEY)];
  if (servers.length + texts.length + keys.length < added.length) {
    return "a service has records other than SRV, TXT and KEY";
  }
  if (keys.some((each) => key?.equals(each) !== true))
    return "a service has a KEY other than that of its host";
  const [srv] = servers;
  if (srv === undefined) {
    const isGone = texts.length === 0 && lists.length === 0;
    return isGone ? { name, lists, srv, texts } : "a service has no SRV record";
  }
  if (servers.length > 1) return "a service has several SRV records";
  if (!srvOf(srv).target.equals(host)) return "a service leads to another host";
  if (texts.length === 0) return "a service has no TXT record";
  const isListed = lists.some((list) => list.equals(name.parent!));
  return isListed ? { name, lists, srv, texts } : "no PTR of its type leads to a service";
}
