/**
 * A link: one interface on which mDNS is spoken (RFC 6762 §2 "link-local scope"). The collector
 * knows links only by this page; sockets are `multicastlink.ts`'s, and a test's LAN is in memory.
 */

export type Family = 4 | 6;

export interface LinkAddress {
  readonly family: Family;
  /** Text form without a zone. */
  readonly address: string;
  /** Length of the on-link prefix, in bits. */
  readonly prefix: number;
}

/** A datagram heard on a link. */
export interface Packet {
  readonly bytes: Uint8Array;
  readonly family: Family;
  /** Text form, without a zone. */
  readonly source: string;
  /** Sent to us alone: RFC 6762 §11 asks for more care with these. */
  readonly isUnicast: boolean;
  /** An answer to what was sent to its source alone (RFC 6762 §6.7). */
  readonly isReply?: boolean;
}

export interface Link {
  /** The interface's name: "eth0". */
  readonly name: string;
  /** As they are now; a new array after a change. */
  readonly addresses: readonly LinkAddress[];
  /** Octets of a message that one packet takes, of whichever family. */
  readonly payload: number;
  /** True where another responder owns port 5353 of this host (RFC 6762 §15.1). */
  readonly isShared: boolean;
  /** Datagrams that were not passed on, by why; undefined where nobody counts them. */
  readonly dropped?: ReadonlyMap<string, number>;
  /**
   * To the multicast group of every family the link has, or of one. To one host with `to.address`,
   * from a port other than 5353: so its answer comes to us alone (RFC 6762 §6.7).
   */
  send(bytes: Uint8Array, to?: { readonly family: Family; readonly address?: string }): void;
  /** Calls `receive` for each datagram from port 5353 that is not our own, until `signal` ends. */
  listen(receive: (packet: Packet) => void, signal: AbortSignal): void;
}

/** What links there are, as the host's interfaces come, go and change address. */
export interface LinkWatch {
  /**
   * Calls `open` for each link there is and each that comes; the signal it is given ends when that
   * link goes. A link whose addresses change stays the same link, unless none of them is in a
   * network that it had an address in.
   */
  follow(open: (link: Link, gone: AbortSignal) => void, signal: AbortSignal): void;
}
