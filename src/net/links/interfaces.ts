/**
 * The kernel's view of this host's network: its interfaces with their addresses, and whether another
 * program holds a port. The state itself is polled, about once a second; followers adapt their own state
 * to it, so that nothing depends on having seen an event.
 *
 * What Node does not provide (multicast flag, index, MTU) is read from /sys, and port owners and group
 * members from /proc; where these are missing, as on other systems, the cautious answer is given.
 */
import { readFileSync } from "node:fs";
import { isIPv4 } from "node:net";
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import type { Clock } from "../../clock.ts";
import type { Prefix } from "../../dns/address.ts";
import { LOOPBACK, Networks } from "../networks.ts";
import type { Family, LinkAddress } from "./link.ts";

export interface Interface {
  readonly name: string;
  /** The kernel's number for it, which changes when it is unplugged and plugged in again. */
  readonly index: number;
  /** Octets of an IP packet. */
  readonly mtu: number;
  readonly isLoopback: boolean;
  readonly isMulticast: boolean;
  /** The bridge that it is a port of: what it receives goes there, and listening on it hears nothing. */
  readonly bridge?: string;
  /** At least one: an interface without an address cannot send. */
  readonly addresses: readonly LinkAddress[];
}

/** Where the facts come from; tests supply their own. */
export interface Host {
  /** As `os.networkInterfaces()`: the interfaces that are up and have a carrier. */
  interfaces(): NodeJS.Dict<NetworkInterfaceInfo[]>;
  /** A file's text, undefined when there is none. */
  read(path: string): string | undefined;
}

export interface Following {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly host?: Host;
}

/** Milliseconds. */
const POLL_INTERVAL = 1_000;

/** Calls `look` with the current interfaces, now and about once a second until `signal` ends. */
export function followInterfaces(
  { clock, signal, host = thisHost }: Following,
  look: (interfaces: readonly Interface[]) => void,
): void {
  if (signal.aborted) return;
  let cancel = () => {};
  const poll = () => {
    cancel = clock.at(clock.now() + POLL_INTERVAL, poll);
    const found = ifTold(() => readInterfaces(host));
    if (found !== undefined) look(found);
  };
  signal.addEventListener("abort", () => cancel(), { once: true });
  poll();
}

/** How an address relates to those of this host. */
export interface HostNetworks {
  /** True for an address of this host. */
  isOwn(address: string): boolean;
  /** True for an address in a network in which this host has an address. */
  isAttached(address: string): boolean;
}

/** Milliseconds for which the host's networks are cached. */
const NETWORKS_LIFE = 5_000;

/** Answers from the current networks, or a recent copy of them. */
export function hostNetworks(clock: Pick<Clock, "now">, host: Host = thisHost): HostNetworks {
  let own = new Networks(LOOPBACK);
  let attached = own;
  let end = Number.NEGATIVE_INFINITY;
  const look = () => {
    if (clock.now() < end) return;
    end = clock.now() + NETWORKS_LIFE;
    const interfaces = ifTold(() => readInterfaces(host));
    if (interfaces === undefined) return;
    attached = networksOf(interfaces);
    own = new Networks([...LOOPBACK, ...interfaces.flatMap(hostPrefixes)]);
  };
  return {
    isOwn(address) {
      look();
      return own.includes(address);
    },
    isAttached(address) {
      look();
      return attached.includes(address);
    },
  };
}

/** Without link-local addresses: a neighbour on another link may have the same one. */
function hostPrefixes(itself: Interface): Prefix[] {
  return lastingAddresses(itself).map(({ address, family }) => ({
    address,
    length: family === 4 ? 32 : 128,
  }));
}

/**
 * The result of `read`; undefined if the kernel cannot answer now, usually for want of file descriptors,
 * which strangers may have used up. The caller goes on with what it knew.
 */
export function ifTold<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!untold.has(`${(error as NodeJS.ErrnoException).code}`)) throw error;
    return undefined;
  }
}

/** Error codes of readFileSync and os.networkInterfaces(). */
const untold: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ERR_SYSTEM_ERROR"]);

/** The interfaces that are up, have a carrier and an address. */
export function readInterfaces(host: Host = thisHost): Interface[] {
  const found = new Map<string, NetworkInterfaceInfo[]>();
  for (const [label, infos = []] of Object.entries(host.interfaces())) {
    // On Linux an address with a label, "eth0:1", appears as an interface of that name.
    const name = label.replace(/:.*/, "");
    found.set(name, [...(found.get(name) ?? []), ...infos]);
  }
  return [...found].map(([name, infos]) => {
    const fact = (file: string) => host.read(`/sys/class/net/${name}/${file}`);
    const flags = fact("flags");
    const isLoopback = infos.some((info) => info.internal);
    const bridge = /^INTERFACE=(.+)$/m.exec(fact("brport/bridge/uevent") ?? "")?.[1];
    return {
      name,
      index: Number(fact("ifindex") ?? infos.find((info) => info.scopeid)?.scopeid ?? 0),
      mtu: Number(fact("mtu") ?? ETHERNET_MTU),
      isLoopback,
      isMulticast:
        bridge === undefined &&
        (flags === undefined ? !isLoopback : (Number(flags) & IFF_MULTICAST) !== 0),
      ...(bridge !== undefined && { bridge }),
      addresses: infos.map(linkAddress),
    };
  });
}

/**
 * True where a program other than this one has a UDP socket on the wildcard address and `port`. Our
 * own multicast sockets never do (see `multicastlink.ts`). True as well if it cannot be determined.
 */
export function isPortHeld(port: number, host: Host = thisHost): boolean {
  const sockets = ifTold(() => host.read("/proc/net/udp"));
  if (sockets === undefined) return true;
  // "  sl  local_address rem_address …", in hexadecimal (Linux, proc_net_tcp.txt).
  const wildcard = new RegExp(`^\\s*\\d+: 0+:${port.toString(16).padStart(4, "0")} `, "im");
  return wildcard.test(sockets) || wildcard.test(ifTold(() => host.read("/proc/net/udp6")) ?? "");
}

/**
 * Tests whether a program of this host has joined the mDNS group by IPv4 on the interface of this name.
 * False except on Linux, the only system where a socket gets packets of groups that others have joined.
 */
export function groupMembers(host: Host = thisHost): (name: string) => boolean {
  const table = host.read("/proc/net/igmp");
  if (table === undefined) return () => false;
  // A line for each interface, followed by one for each of its groups (Linux, net/ipv4/igmp.c).
  const names = [...table.matchAll(/^\d+\s+([^\s:]+).*((?:\n\t.*)*)/gm)]
    .filter(([, , groups]) => IN_GROUP.test(groups!))
    .map(([, name]) => name!);
  return (name) => names.includes(name);
}

function linkAddress({ address, cidr, family }: NetworkInterfaceInfo): LinkAddress {
  const whole = family === "IPv4" ? 32 : 128;
  return {
    family: isIPv4(address) ? 4 : 6,
    address,
    prefix: cidr === null ? whole : Number(cidr.slice(cidr.indexOf("/") + 1)),
  };
}

/** The networks that these interfaces are in. */
export function networksOf(interfaces: readonly Interface[]): Networks {
  const addresses = interfaces.flatMap((one) => one.addresses);
  return new Networks(addresses.map(({ address, prefix }) => ({ address, length: prefix })));
}

/** True if an address of the interface, other than a link-local one, is in these networks. */
export function isIn(networks: Networks, itself: Interface): boolean {
  return lastingAddresses(itself).some(({ address }) => networks.includes(address));
}

/** The addresses that are not link-local, since those occur on every link. */
export function lastingAddresses({ addresses }: Interface): LinkAddress[] {
  return addresses.filter(({ address }) => !/^(fe80:|169\.254\.)/.test(address));
}

/**
 * The one address that packets leave from: in IPv6 the link-local one, if there is one. In IPv4 sockets
 * identify the interface by it, so it is one that no other interface has. An address in no subnet (/32),
 * such as one of a service that moves from host to host, is the last choice, because whoever is asked
 * from there cannot answer.
 */
export function speakingAddress(
  { addresses }: Interface,
  family: Family,
  others: readonly Interface[],
): string | undefined {
  const own = addresses.filter((one) => one.family === family);
  if (family === 4) {
    const known = own.filter(({ address }) => !isAddressOf(others, address));
    return (known.find(({ prefix }) => prefix < 32) ?? known[0])?.address;
  }
  return (own.find((one) => one.address.startsWith("fe80:")) ?? own[0])?.address;
}

function isAddressOf(interfaces: readonly Interface[], address: string): boolean {
  return interfaces.some(({ addresses }) => addresses.some((one) => one.address === address));
}

/** Linux, include/uapi/linux/if.h. */
const IFF_MULTICAST = 0x1000;
const ETHERNET_MTU = 1_500;
/** 224.0.0.251, in the byte order of either kind of machine. */
const IN_GROUP = /\t(?:FB0000E0|E00000FB) /;

const thisHost: Host = {
  interfaces: networkInterfaces,
  read(path) {
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      // Not Linux, or the interface has just gone.
      if (!untold.has(`${(error as NodeJS.ErrnoException).code}`)) return undefined;
      throw error;
    }
  },
};
