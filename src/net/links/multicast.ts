/**
 * Links over real sockets: mDNS on every multicast interface, both families (RFC 6762 §3, §14).
 * About once a second the set of links is made to match the interfaces. That one rule covers
 * interfaces that come, go, are plugged in again or change address, and sockets that failed.
 */
import type { Clock } from "../../clock.ts";
import type { Log } from "../../log.ts";
import type { Networks } from "../networks.ts";
import {
  followInterfaces,
  groupMembers,
  type Host,
  type Interface,
  ifTold,
  isPortHeld,
  lastingAddresses,
  networksOf,
} from "./interfaces.ts";
import type { LinkAddress, LinkWatch } from "./link.ts";
import { MDNS_PORT, MulticastLink } from "./multicastlink.ts";

export interface MulticastOptions {
  readonly clock: Clock;
  /** Names of the interfaces to use; by default all that are up, multicast and not loopback. */
  readonly interfaces?: readonly string[] | undefined;
  readonly log: Log;
  /** True for a short-lived program: it leaves unicast packets to the programs that were here before. */
  readonly isGuest?: boolean;
  /** Where the facts about this host come from. */
  readonly host?: Host;
}

/** Watches this host's interfaces; each follower has its own sockets. */
export function multicastLinks(options: MulticastOptions): LinkWatch {
  const { clock, interfaces, log, host, isGuest } = options;
  const isWanted = (candidate: Interface) =>
    interfaces === undefined
      ? candidate.isMulticast && !candidate.isLoopback
      : interfaces.includes(candidate.name);

  return {
    follow(open, signal) {
      const links = new Map<string, MulticastLink>();
      let known: ReadonlyMap<string, object> = new Map();
      let before = "";
      let isMember = (_name: string) => false;
      const close = (link: MulticastLink) => {
        links.delete(link.name);
        link.close();
      };
      signal.addEventListener("abort", () => [...links.values()].forEach(close), { once: true });

      followInterfaces({ clock, signal, ...(host && { host }) }, (present) => {
        const isShared = isGuest === true || isPortHeld(MDNS_PORT, host);
        isMember = ifTold(() => groupMembers(host)) ?? isMember;
        const heard = present.filter((one) => isWanted(one) || isMember(one.name));
        // For each link all others are looked at, so this is done only after a change.
        const now = JSON.stringify([present, isShared, heard.map(({ name }) => name)]);
        if (now === before) {
          for (const link of links.values()) link.reopen();
          return;
        }
        before = now;
        const wanted = present.filter(isWanted);
        for (const link of [...links.values()]) {
          const same = wanted.find((one) => one.name === link.name && one.index === link.index);
          if (same !== undefined && !link.isLeftBehind(same)) continue;
          log.info(
            { interface: link.name },
            same ? "link has moved to another network" : "link is down",
          );
          close(link);
        }
        for (const one of wanted) {
          const link = links.get(one.name) ?? new MulticastLink(one, clock, log);
          link.adjust(one, {
            heard: heard.filter((other) => other !== one),
            interfaces: present.filter((other) => other !== one),
            isShared,
          });
          if (links.has(one.name)) continue;
          links.set(one.name, link);
          log.info({ interface: one.name, addresses: one.addresses }, "link is up");
          open(link, link.gone);
        }
        const concerns = new Map(concernsAbout(wanted, interfaces ?? []));
        for (const [fact, fields] of concerns) if (!known.has(fact)) log.warn(fields, fact);
        known = concerns;
      });
    },
  };
}

/**
 * Conditions that an administrator should know about, while they last, with fields for the log: `subnet` for
 * one that is right where both interfaces are in one network.
 */
function* concernsAbout(
  wanted: readonly Interface[],
  named: readonly string[],
): Generator<[fact: string, fields: object]> {
  for (const name of named) {
    if (!wanted.some((one) => one.name === name))
      yield [`interface ${name} does not exist, is down or has no address`, {}];
  }
  for (const { name, bridge } of wanted) {
    if (bridge === undefined) continue;
    yield [
      `interface ${name} is a port of the bridge ${bridge}: only ${bridge} hears anything`,
      {},
    ];
  }
  const networks = wanted.map((one) => networksOf([one]));
  for (const [at, one] of wanted.entries()) {
    const addresses = lastingAddresses(one);
    for (const [i, other] of wanted.entries()) {
      if (i <= at) continue;
      const both = `interfaces ${one.name} and ${other.name}`;
      const others = lastingAddresses(other);
      const same = others.find(({ address }) => addresses.some((own) => own.address === address));
      const shared = inOneOf(others, networks[at]!) ?? inOneOf(addresses, networks[i]!);
      if (same !== undefined) {
        yield [
          `${both} share the address ${same.address}: neither can be heard over IPv4 there`,
          {},
        ];
      } else if (shared !== undefined) {
        const subnet = `${shared.address}/${shared.prefix}`;
        const fact = `${both} share the subnet of ${subnet}: hosts of one may be taken for hosts of the other`;
        yield [fact, { subnet }];
      }
    }
  }
}

function inOneOf(addresses: readonly LinkAddress[], networks: Networks): LinkAddress | undefined {
  return addresses.find(({ address }) => networks.includes(address));
}
