/** What a wire carried: UDP datagrams as tcpdump, which is not ours, sees them. */
import { formatAddress } from "../../src/dns/address.ts";
import type { Host } from "./lab.ts";
import type { Running } from "./process.ts";
import { waitFor } from "./wait.ts";

export interface Datagram {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly family: 4 | 6;
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** IPv4's TTL, IPv6's hop limit. */
  readonly hops: number;
  /** Octets of the IP packet. */
  readonly length: number;
  readonly payload: Buffer;
}

export class Capture {
  readonly #tcpdump: Running;

  private constructor(tcpdump: Running) {
    this.#tcpdump = tcpdump;
  }

  /** Watches an interface from now on. */
  static async on(host: Host, name: string, filter = "udp port 5353"): Promise<Capture> {
    const tcpdump = host.start([
      ...["tcpdump", "-i", name, "-n", "--immediate-mode", "-U", "-s", "0", "-w", "-"],
      filter,
    ]);
    await waitFor("tcpdump to listen", () => {
      if (!tcpdump.isRunning) throw new Error(tcpdump.stderr);
      return tcpdump.stderr.includes("listening on");
    });
    return new Capture(tcpdump);
  }

  /** Whole datagrams so far; fragments are left out. */
  get datagrams(): Datagram[] {
    const bytes = Buffer.concat(this.#tcpdump.stdout);
    const found: Datagram[] = [];
    // A pcap file: a header of 24 octets, then records with one of 16.
    for (let at = 24; at + 16 <= bytes.length; ) {
      const length = bytes.readUInt32LE(at + 8);
      if (at + 16 + length > bytes.length) break;
      const time = bytes.readUInt32LE(at) * 1_000 + bytes.readUInt32LE(at + 4) / 1_000;
      const datagram = readFrame(bytes.subarray(at + 16, at + 16 + length), time);
      if (datagram !== undefined) found.push(datagram);
      at += 16 + length;
    }
    return found;
  }

  async stop(): Promise<Datagram[]> {
    await this.#tcpdump.stop("SIGINT");
    return this.datagrams;
  }
}

function readFrame(frame: Buffer, at: number): Datagram | undefined {
  const packet = frame.subarray(14);
  const isIPv4 = frame.readUInt16BE(12) === 0x0800;
  if (isIPv4 && (packet.readUInt16BE(6) & 0x3fff) !== 0) return undefined;
  if ((isIPv4 ? packet[9] : packet[6]) !== 17) return undefined;
  const udp = packet.subarray(isIPv4 ? (packet[0]! & 0xf) * 4 : 40);
  const address = (from: number) =>
    isIPv4
      ? packet.subarray(from, from + 4).join(".")
      : formatAddress(packet.subarray(from, from + 16));
  return {
    at,
    family: isIPv4 ? 4 : 6,
    source: address(isIPv4 ? 12 : 8),
    destination: address(isIPv4 ? 16 : 24),
    sourcePort: udp.readUInt16BE(0),
    destinationPort: udp.readUInt16BE(2),
    hops: packet[isIPv4 ? 8 : 7]!,
    length: isIPv4 ? packet.readUInt16BE(2) : 40 + packet.readUInt16BE(4),
    payload: udp.subarray(8, udp.readUInt16BE(4)),
  };
}
