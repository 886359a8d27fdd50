/**
 * Resolves a host that the configuration names as the system would, by its hosts file and by DNS. A
 * lookup by the system itself cannot be cancelled and keeps the process alive until it is done, so the
 * system is asked only for names that are not in DNS: single labels and `.local`.
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Endpoint } from "../../dns/endpoint.ts";
import { FormatError } from "../../dns/format.ts";
import { Name } from "../../dns/name.ts";
import { addressesOf, type Resolve } from "./resolver.ts";
import { hostsFile } from "./systemfiles.ts";

export interface Finding {
  readonly resolve: Resolve;
  readonly signal?: AbortSignal;
  /** The text of the hosts file. */
  readonly hosts?: () => string;
}

/** Empty if the host cannot be resolved. */
export async function endpointsOf(host: string, port: number, how: Finding): Promise<Endpoint[]> {
  return (await addressesNamed(host.replace(/\.$/, ""), how)).map((address) => ({ address, port }));
}

async function addressesNamed(
  host: string,
  { resolve, signal, hosts = hostsFile }: Finding,
): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  const listed = addressesIn(hosts(), host);
  if (listed.length > 0) return listed;
  if (!/\.(?!local$)[^.]*$/i.test(host)) return askSystem(host);
  let name: Name;
  try {
    name = Name.parse(`${host}.`);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    return [];
  }
  return addressesOf(name, resolve, signal);
}

/** hosts(5): an address, and the names of its host. */
function addressesIn(text: string, host: string): string[] {
  return text.split("\n").flatMap((line) => {
    const [address = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    const isNamed = names.some((name) => name.toLowerCase() === host.toLowerCase());
    return isNamed && isIP(address) !== 0 ? [address] : [];
  });
}

async function askSystem(host: string): Promise<string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch {
    return [];
  }
}
