/**
 * Which records of strangers may enter an authoritative zone (RFC 8766 §5.5.2, §6.3 to §6.5). Those that
 * would steer clients or servers are never published, however they are asked for; nor are addresses that
 * mean another host, or none, elsewhere.
 */
import { isLinkLocal } from "../../dns/address.ts";
import { Type } from "../../dns/constants.ts";
import { labelToUnicode, type Name } from "../../dns/name.ts";
import { rdata as make, type Rdata } from "../../dns/rdata.ts";
import { isUnderscored, LOCAL, parseInstance } from "../../dns/service.ts";

/**
 * True for a host name by which clients with a search domain find a proxy, a tunnel, a key server or their
 * mail server: they would ask for it beneath the site, and believe whoever answers.
 */
export function isSteeringHost({ labels }: Name): boolean {
  return labels.length > 0 && STEERING_HOST.test(labelToUnicode(labels[0]!));
}

/** True for a name that is no host's: labels that start so have a meaning of their own (RFC 8552 §1.2). */
export function hasUnderscore({ labels }: Name): boolean {
  return labels.some(isUnderscored);
}

/** True for a service's name, whose SRV record may lead to itself: some programs know no other host name. */
export function mayBeItsOwnHost(name: Name): boolean {
  return !isUnderscored(name.labels[0]!) && parseInstance(name)?.domain.equals(LOCAL) === true;
}

/** RFC 6763 §4.1.1: instance names have no ASCII control characters. */
export function hasControls(label: Uint8Array): boolean {
  return label.some((byte) => byte < 0x20 || byte === 0x7f);
}

export const EMPTY_TXT = make.txt();

/**
 * The data to publish, if any: addresses only if they mean the same host elsewhere; for an empty TXT, one
 * empty string (RFC 6763 §6.1). Other empty data is refused: Knot takes no NULL without data.
 */
export function publishableData(rdata: Rdata): Rdata | undefined {
  const bytes = rdata.values[0];
  switch (rdata.type) {
    case Type.A:
      return isReachable4(bytes as Uint8Array) ? rdata : undefined;
    case Type.AAAA:
      return isReachable6(bytes as Uint8Array) ? rdata : undefined;
    case Type.TXT:
      return rdata.isEmpty ? EMPTY_TXT : rdata;
    default:
      return rdata.isEmpty ? undefined : rdata;
  }
}

/** Not 0/8, 127/8, 169.254/16, nor anything from multicast upwards (RFC 6890 §2.2.2). */
function isReachable4(bytes: Uint8Array): boolean {
  const [first = 0] = bytes;
  return first !== 0 && first !== 127 && first < 224 && !isLinkLocal(bytes);
}

/** Not unspecified, loopback or IPv4 in disguise (all in ::/32), link-local, or multicast. */
function isReachable6(bytes: Uint8Array): boolean {
  if (bytes.subarray(0, 4).every((byte) => byte === 0)) return false;
  if (isLinkLocal(bytes) || bytes[0] === 0xff) return false;
  const embedded = embedded4(bytes);
  return embedded === undefined || isReachable4(embedded);
}

/** The IPv4 address that packets reach in the end, through 6to4 (RFC 3056 §2) or NAT64 (RFC 6052 §2.1). */
function embedded4(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes[0] === 0x20 && bytes[1] === 0x02) return bytes.subarray(2, 6);
  return NAT64.every((octet, i) => octet === bytes[i]) ? bytes.subarray(12) : undefined;
}

/** 64:ff9b::/96. */
const NAT64: readonly number[] = [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];
/**
 * draft-ietf-wrec-wpad-01 §4.4.3; RFC 5214 §8.3.2; what Kerberos clients ask for beneath their realm if it
 * has no SRV records; mail clients; RFC 8461 §3.3; RFC 6761 §6.3.
 */
const STEERING_HOST =
  /^(wpad|isatap|kerberos(-\d+)?|kpasswd|autoconfig|autodiscover|mta-sts|localhost)$/i;
