/**
 * A place and its links. What they say of `local.` is said of the site's domain in the zone: the
 * whole last label is replaced, in owners and in every name of the data, and nothing else is
 * (RFC 8766 §5.5). Names too long for that have no translation; none is ever cut.
 */
import type { Name } from "../dns/name.ts";
import type { Rdata } from "../dns/rdata.ts";
import { LOCAL, parseInstance, parseServiceType } from "../dns/service.ts";
import type { LinkCache } from "./cache.ts";
import { hasControls, isReserved } from "./publishable.ts";

/** Why a service that was heard of is not published. */
export type Reason =
  | "no SRV record is known"
  | "its TXT record is awaited"
  | "no address of its host is known"
  | "no address of its host can be reached from elsewhere"
  | "it says that it is not available"
  | "its name is not that of a service"
  | "its name is reserved"
  | "its name has control characters"
  | "its name is too long beneath the site"
  | "its host's name is reserved"
  | "its host's name is too long beneath the site";

export class Site {
  readonly domain: Name;
  /** One for each leg of the site; what they hear is one. */
  readonly caches = new Set<LinkCache>();
  /** What was found before, for as long as names and data are held: nearly all is asked for again. */
  readonly #names = new WeakMap<Name, Name | typeof NONE>();
  readonly #rdatas = new WeakMap<Rdata, Rdata | typeof NONE>();
  readonly #services = new WeakMap<Name, Reason | typeof NONE>();
  readonly #hosts = new WeakMap<Name, Reason | typeof NONE>();

  constructor(domain: Name) {
    this.domain = domain;
  }

  /** Where a name of the link stands in the zone. */
  name(name: Name): Name | undefined {
    return remember(this.#names, name, () => name.replaceSuffix(LOCAL, this.domain));
  }

  rdata(rdata: Rdata): Rdata | undefined {
    return remember(this.#rdatas, rdata, () => rdata.mapNames((name) => this.name(name)));
  }

  /** Why no service of this name is published, whatever it is. */
  refusesService(name: Name): Reason | undefined {
    return remember(this.#services, name, () => {
      const parts = parseInstance(name);
      if (parts?.domain.equals(LOCAL) !== true) return "its name is not that of a service";
      if (isReserved(name)) return "its name is reserved";
      if (hasControls(parts.instance)) return "its name has control characters";
      return this.name(name) ? undefined : "its name is too long beneath the site";
    });
  }

  /** Why no host of this name is published, whatever is on it. */
  refusesHost(name: Name): Reason | undefined {
    return remember(this.#hosts, name, () => {
      if (isReserved(name) || isOfService(name)) return "its host's name is reserved";
      return this.name(name) ? undefined : "its host's name is too long beneath the site";
    });
  }
}

/** A service type or an instance. */
function isOfService(name: Name): boolean {
  const { parent } = name;
  return [name, parent].some((each) => each !== undefined && parseServiceType(each) !== undefined);
}

const NONE = Symbol("none");

function remember<K extends object, V>(
  memory: WeakMap<K, V | typeof NONE>,
  key: K,
  find: () => V | undefined,
): V | undefined {
  let value = memory.get(key);
  if (value === undefined) {
    value = find() ?? NONE;
    memory.set(key, value);
  }
  return value === NONE ? undefined : (value as V);
}
