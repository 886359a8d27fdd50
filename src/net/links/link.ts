/**
 * A link: one interface on which mDNS is spoken (RFC 6762 §2 "link-local scope"). The collector knows
 * links only through these types; the sockets are in `multicastlink.ts`, and tests have a LAN in memory.
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
  /** True if sent to us alone; RFC 6762 §11 asks for more care with these. */
  readonly isUnicast: boolean;
  /** True for an answer to what was sent to its source alone (RFC 6762 §6.7). */
  readonly isReply?: boolean;
}

export interface Link {
  /** The interface's name: "eth0". */
  readonly name: string;
  /** The current addresses; a new array after a change. */
  readonly addresses: readonly LinkAddress[];
  /** The most octets of a message that one packet of either family can carry. */
  readonly payload: number;
  /** True if another responder owns port 5353 of this host (RFC 6762 §15.1), or is assumed to. */
  readonly isShared: boolean;
  /** Number of datagrams dropped, by reason; undefined if they are not counted. */
  readonly dropped?: ReadonlyMap<string, number>;
  /**
   * Sends to the multicast group of every family of the link, or of one. With `to.address` it sends to
   * one host, from a port other than 5353, so that the answer comes to us alone (RFC 6762 §6.7).
   */
  send(bytes: Uint8Array, to?: { readonly family: Family; readonly address?: string }): void;
  /** Calls `receive` for each datagram from port 5353 that is not our own, until `signal` ends. */
  listen(receive: (packet: Packet) => void, signal: AbortSignal): void;
}

/** The current links, as the host's interfaces come, go and change address. */
export interface LinkWatch {
  /**
   * Calls `open` for each existing link and each new one; the signal passed to it ends when that link
   * goes. A link whose addresses change stays the same link, unless none of the new ones is in a
   * network that it had an address in.
   */
  follow(open: (link: Link, gone: AbortSignal) => void, signal: AbortSignal): void;
}
