/** Who may do what here, by the keys of the configuration and by where a request comes from. */
import type { Attached } from "../config/asking.ts";
import type { Grant } from "../config/fields.ts";
import type { Key } from "../config/keys.ts";
import type { Config } from "../config.ts";
import { formatAddress, type Prefix } from "../dns/address.ts";
import type { Name, NameKey } from "../dns/name.ts";
import type { HostNetworks } from "../net/links/interfaces.ts";
import { LOOPBACK, Networks } from "../net/networks.ts";
import type { Request } from "../net/server/handler.ts";
import type { Principal } from "../zone/update/principal.ts";
import {
  collectorPrincipal,
  type IsItsSite,
  operatorPrincipal,
  reversePrincipal,
} from "../zone/update/principal.ts";

type AccessConfig = Pick<Config, "zone" | "reverse" | "keys" | "transfer" | "query">;

export class Access {
  readonly #shared: Name;
  /** By zone, and by key. */
  readonly #principals: ReadonlyMap<NameKey, ReadonlyMap<string, Principal>>;
  readonly #readers: Networks;
  readonly #readerKeys: ReadonlySet<string>;
  readonly #isSigned: (origin: Name) => boolean;
  readonly #askers: Networks;
  readonly #askerKeys: ReadonlySet<string>;
  readonly #networks: HostNetworks;
  readonly #isAnyAttached: boolean;

  /** `isSigned`: whether the zone is signed here, at the time of a request. */
  constructor(config: AccessConfig, networks: HostNetworks, isSigned: (origin: Name) => boolean) {
    const { transfer, query } = config;
    this.#shared = config.zone;
    this.#readers = new Networks([...LOOPBACK, ...prefixesOf(transfer.allow)]);
    this.#readerKeys = keysOf(transfer.allow);
    this.#askers = new Networks(prefixesOf(query.allow));
    this.#askerKeys = keysOf(query.allow);
    this.#networks = networks;
    this.#isAnyAttached = query.allow.some((who) => "isAttached" in who);
    this.#isSigned = isSigned;
    const [shared, reverse] = [new Map<string, Principal>(), new Map<string, Principal>()];
    for (const [name, key] of config.keys) {
      if (key.sites?.length === 0) continue;
      const principals = principalsOf(name, config.zone, key);
      shared.set(name, principals.shared);
      reverse.set(name, principals.reverse);
    }
    // There may be hundreds of these zones, and of keys, so they share one map.
    const ofReverse = config.reverse.map(({ key }) => [key, reverse] as const);
    this.#principals = new Map([...ofReverse, [config.zone.key, shared]]);
  }

  /** The rights of a key's holder in a zone; undefined where it has none. */
  readonly principalOf = (key: string, origin: Name): Principal | undefined => {
    return this.#principals.get(origin.key)?.get(key);
  };

  /**
   * Whoever is on this host may copy what it serves, and so may those that are named; whoever publishes into
   * a zone may read back what it has published. A zone signed here is copied by nobody else: a copy has no
   * signatures, and a secondary with it would be taken for a forger.
   */
  readonly mayTransfer = ({ source, key }: Request, origin: Name): boolean => {
    if (key !== undefined && this.principalOf(key, origin) !== undefined) return true;
    if (this.#networks.isOwn(source.address)) return true;
    if (this.#isSigned(origin)) return false;
    if (this.#readers.includes(source.address)) return true;
    return key !== undefined && this.#readerKeys.has(key);
  };

  /**
   * True for loopback and for networks that may copy zones: they see everything. The other addresses of this
   * host do not count, as a resolver on this host asks from them for others.
   */
  isReader(address: string): boolean {
    return this.#readers.includes(address);
  }

  /** True in a network that `query.allow` names, or, if it says so, one to which this host is attached. */
  mayAsk(address: string): boolean {
    if (this.#askers.includes(address)) return true;
    return this.#isAnyAttached && this.#networks.isAttached(address);
  }

  /** True for a key that grants it, wherever the request comes from. */
  seesAll({ key }: Request): boolean {
    if (key === undefined) return false;
    const isKnown = this.#askerKeys.has(key) || this.#readerKeys.has(key);
    return isKnown || this.principalOf(key, this.#shared) !== undefined;
  }
}

type Grants = readonly (Grant | Attached)[];

function prefixesOf(grants: Grants): Prefix[] {
  return grants.filter((who): who is Prefix => "address" in who);
}

function keysOf(grants: Grants): ReadonlySet<string> {
  return new Set(grants.flatMap((who) => ("key" in who ? [who.key] : [])));
}

/** The rights of a key's holder in the shared zone, and in each reverse zone. */
function principalsOf(
  name: string,
  shared: Name,
  { sites, networks }: Pick<Key, "sites" | "networks">,
): { readonly shared: Principal; readonly reverse: Principal } {
  if (sites === undefined) {
    const operator = operatorPrincipal(name);
    return { shared: operator, reverse: operator };
  }
  const domains = sites.flatMap((label) => shared.child(label) ?? []);
  const isItsSite: IsItsSite = (site) => domains.some((domain) => domain.equals(site));
  const own = networks && new Networks(networks);
  const isItsAddress = (address: Uint8Array) => own?.includes(formatAddress(address)) !== false;
  return {
    shared: { ...collectorPrincipal(name, shared, isItsSite), share: SHARE },
    reverse: { ...reversePrincipal(name, shared, isItsSite, isItsAddress), share: SHARE },
  };
}

/** How much of a zone the key of a site may fill: 125,000 records, so some fifteen thousand services. */
const SHARE = 1 / 4;
