/** Do the names by which a zone sends clients to this server lead here? */
import type { Config } from "../../config.ts";
import type { Name } from "../../dns/name.ts";
import { addressesOf, type Resolve } from "../../net/client/resolver.ts";
import type { Finding } from "./finding.ts";
import { isLoopback } from "./server.ts";

export interface NamesOptions {
  readonly config: Pick<Config, "listen" | "registrar">;
  /** Whether this is an address of this host. */
  readonly isOwn: (address: string) => boolean;
  readonly resolve: Resolve;
}

export async function examineNames({ config, ...options }: NamesOptions): Promise<Finding[]> {
  const { listen, registrar } = config;
  if (listen === undefined) return [];
  const names: [field: string, what: string, name: Name | undefined][] = [
    ["listen.push", "changes are pushed", listen.push],
    ["registrar.server", "devices register", registrar?.server],
  ];
  const findings = names.map(async ([field, what, name]): Promise<Finding[]> => {
    return name === undefined ? [] : [await examine(`${field} ${name}`, what, name, options)];
  });
  return (await Promise.all(findings)).flat();
}

async function examine(
  place: string,
  what: string,
  name: Name,
  { isOwn, resolve }: Omit<NamesOptions, "config">,
): Promise<Finding> {
  const addresses = await addressesOf(name, resolve);
  const list = addresses.join(", ");
  if (addresses.length === 0) {
    const fact = `this host's resolver finds no address for it, so nobody can find where ${what}`;
    return { verdict: "broken", place, fact };
  }
  if (addresses.every((address) => isLoopback({ address }))) {
    const fact = `leads to ${list}, loopback only; what other hosts are told is not known here`;
    return { verdict: "odd", place, fact };
  }
  if (addresses.some(isOwn)) return { verdict: "ok", place, fact: `leads here, to ${list}` };
  const fact = `leads to ${list}, none of which this host has; ${what} here and nowhere else`;
  return { verdict: "odd", place, fact };
}
