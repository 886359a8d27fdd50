/**
 * What the kernel says about this host's network: its interfaces with their addresses, and whether
 * another program holds a port. Read level by level, about once a second; whoever follows makes
 * its own state fit what is there now, so that nothing depends on having seen an event.
 *
 * The part that Node does not tell (multicast flag, index, MTU) is read from /sys, the owners of
 * ports and the members of groups from /proc; without them, as on other systems, the cautious answer is given.
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
  /** The kernel's number for it: another one after it was unplugged and plugged in again. */
  readonly index: number;
  /** Octets of an IP packet. */
  readonly mtu: number;
  readonly isLoopback: boolean;
  readonly isMulticast: boolean;
  /** At least one: what has no address cannot speak. */
  readonly addresses: readonly LinkAddress[];
}

/** Where the facts come from; a test has its own. */
export interface Host {
  /** As `os.networkInterfaces()`: those that are up and have a carrier. */
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

/** Calls `look` with the interfaces there are now, and again about each second until `signal` ends. */
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

/** What this host's own addresses tell of the address of another. */
export interface HostNetworks {
  /** Is it this host's own? */
  isOwn(address: string): boolean;
  /** Is it in a network that this host has an address of? */
  isAttached(address: string): boolean;
}

/** Milliseconds that what was read of the host's networks is taken for true. */
const NETWORKS_LIFE = 5_000;

/** As they are now, or were a moment ago. */
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

/** A neighbour on another link may have a link-local address of ours. */
function hostPrefixes(itself: Interface): Prefix[] {
  return lastingAddresses(itself).map(({ address, family }) => ({
    address,
    length: family === 4 ? 32 : 128,
  }));
}

/**
 * What `read` is told; undefined where the kernel does not tell now, for want of file descriptors as a
 * rule, which strangers may have used up. Who asked goes on with what it knew.
 */
export function ifTold<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!untold.has(`${(error as NodeJS.ErrnoException).code}`)) throw error;
    return undefined;
  }
}

/** As readFileSync and os.networkInterfaces() have it. */
const untold: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ERR_SYSTEM_ERROR"]);

/** The interfaces that are up, have a carrier and an address. */
export function readInterfaces(host: Host = thisHost): Interface[] {
  const found = new Map<string, NetworkInterfaceInfo[]>();
  for (const [label, infos = []] of Object.entries(host.interfaces())) {
    // Linux gives an address with a label, "eth0:1", as an interface of that name.
    const name = label.replace(/:.*/, "");
    found.set(name, [...(found.get(name) ?? []), ...infos]);
  }
  return [...found].map(([name, infos]) => {
    const fact = (file: string) => host.read(`/sys/class/net/${name}/${file}`);
    const flags = fact("flags");
    const isLoopback = infos.some((info) => info.internal);
    // What a bridge's port hears goes to the bridge; nobody is reached by listening on the port.
    const isBridgePort = fact("brport/port_id") !== undefined;
    return {
      name,
      index: Number(fact("ifindex") ?? infos.find((info) => info.scopeid)?.scopeid ?? 0),
      mtu: Number(fact("mtu") ?? ETHERNET_MTU),
      isLoopback,
      isMulticast:
        !isBridgePort &&
        (flags === undefined ? !isLoopback : (Number(flags) & IFF_MULTICAST) !== 0),
      addresses: infos.map(linkAddress),
    };
  });
}

/**
 * True where a program other than this one has a UDP socket on the wildcard address and `port`. Our
 * own multicast sockets never have (see `multicastlink.ts`). Where it cannot be known: true.
 */
export function isPortHeld(port: number, host: Host = thisHost): boolean {
  const sockets = ifTold(() => host.read("/proc/net/udp"));
  if (sockets === undefined) return true;
  // "  sl  local_address rem_address …", in hexadecimal (Linux, proc_net_tcp.txt).
  const wildcard = new RegExp(`^\\s*\\d+: 0+:${port.toString(16).padStart(4, "0")} `, "im");
  return wildcard.test(sockets) || wildcard.test(ifTold(() => host.read("/proc/net/udp6")) ?? "");
}

/**
 * Whether a program of this host has joined the group of mDNS by IPv4 on the interface of this name.
 * No where this is not Linux, which alone gives a socket what others have joined for.
 */
export function groupMembers(host: Host = thisHost): (name: string) => boolean {
  const table = host.read("/proc/net/igmp");
  if (table === undefined) return () => false;
  // A line for each interface, and then one for each of its groups (Linux, net/ipv4/igmp.c).
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

/** Those that these interfaces are in. */
export function networksOf(interfaces: readonly Interface[]): Networks {
  const addresses = interfaces.flatMap((one) => one.addresses);
  return new Networks(addresses.map(({ address, prefix }) => ({ address, length: prefix })));
}

/** Has the interface an address in one of these, but for link-local ones? */
export function isIn(networks: Networks, itself: Interface): boolean {
  return lastingAddresses(itself).some(({ address }) => networks.includes(address));
}

/** Link-local ones are the same everywhere. */
export function lastingAddresses({ addresses }: Interface): LinkAddress[] {
  return addresses.filter(({ address }) => !/^(fe80:|169\.254\.)/.test(address));
}

/**
 * Packets leave from one address: in IPv6 the link-local one, if there is one. In IPv4 sockets know
 * the interface by it, so it is none that another interface has too; and one that is in no subnet,
 * a service's that moves from host to host say, only where there is no other, for who is asked from
 * there has no way to answer.
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
      // Not Linux, or the interface went in this moment.
      if (!untold.has(`${(error as NodeJS.ErrnoException).code}`)) return undefined;
      throw error;
    }
  },
};
