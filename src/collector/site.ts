/**
 * A place and its links. What they say of `local.` is said of the site's domain in the zone: the
 * whole last label is replaced, in owners and in every name of the data, and nothing else is
 * (RFC 8766 §5.5). Names too long for that have no translation; none is ever cut.
 */
import type { Name } from "../dns/name.ts";
import type { Rdata } from "../dns/rdata.ts";
import { LOCAL, parseInstance, type ServiceInstance } from "../dns/service.ts";
import type { LinkCache } from "./cache.ts";

export class Site {
  readonly domain: Name;
  /** One for each leg of the site; what they hear is one. */
  readonly caches = new Set<LinkCache>();
  /** What was translated before, for as long as it is held: nearly all of it is asked for again. */
  readonly #names = new WeakMap<Name, Name | typeof NONE>();
  readonly #rdatas = new WeakMap<Rdata, Rdata | typeof NONE>();
  readonly #instances = new WeakMap<Name, ServiceInstance | typeof NONE>();

  constructor(domain: Name) {
    this.domain = domain;
  }

  name(name: Name): Name | undefined {
    return remember(this.#names, name, () => name.replaceSuffix(LOCAL, this.domain));
  }

  rdata(rdata: Rdata): Rdata | undefined {
    return remember(this.#rdatas, rdata, () => rdata.mapNames((name) => this.name(name)));
  }

  instance(name: Name): ServiceInstance | undefined {
    return remember(this.#instances, name, () => {
      const instance = parseInstance(name);
      return instance?.domain.equals(LOCAL) ? instance : undefined;
    });
  }
}

const NONE = Symbol("none");

function remember<K extends object, V extends object>(
  memory: WeakMap<K, V | typeof NONE>,
  key: K,
  find: () => V | undefined,
): V | undefined {
  let value = memory.get(key);
  if (value === undefined) {
    value = find() ?? NONE;
    memory.set(key, value);
  }
  return value === NONE ? undefined : value;
}
