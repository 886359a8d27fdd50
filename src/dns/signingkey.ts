/**
 * A key that signs a zone (RFC 4034 §2): ECDSA P-256 (RFC 6605) or Ed25519 (RFC 8080), with the times
 * between which it is published and used. It is stored as BIND's tools store it, in a pair of texts:
 * `.key` with the DNSKEY record, `.private` with the secret and the times, so that dnssec-settime,
 * dnssec-dsfromkey, ldns and Knot's keymgr can read what is written here, and the other way round.
 *
 * Invariant: the public key of a SigningKey is that of its secret. The secret is in no public field and
 * in no message: it leaves only through `formatPrivateKey`.
 */
import {
  createECDH,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import { dnskeyRdata, keyTag, SECURE_ENTRY_POINT, ZONE_KEY } from "./dnssec.ts";
import { FormatError } from "./format.ts";
import { Name } from "./name.ts";
import type { Rdata } from "./rdata.ts";
import { formatRdata, formatTime, parseTime } from "./text.ts";

/** BIND's name → the number of RFC 8624 §3.1. */
const numbers = { ecdsap256sha256: 13, ed25519: 15 } as const;

export type SigningAlgorithm = keyof typeof numbers;
export const signingAlgorithms = Object.keys(numbers) as SigningAlgorithm[];

/** `csk` and `ksk` are what the parent's DS points to; a `zsk` signs all but the keys. */
export const keyRoles = ["csk", "ksk", "zsk"] as const;
export type KeyRole = (typeof keyRoles)[number];

/** The events at which a key is published, used and withdrawn, by their names in BIND's `.private`. */
export const keyEvents = [
  "Created",
  "Publish",
  "Activate",
  "Inactive",
  "Delete",
  "SyncPublish",
  "SyncDelete",
] as const;
export type KeyEvent = (typeof keyEvents)[number];

/** Seconds since 1970. */
export type KeyTimes = Readonly<Partial<Record<KeyEvent, number>>>;

export class SigningKey {
  readonly owner: Name;
  readonly algorithm: SigningAlgorithm;
  readonly dnskey: Rdata;
  readonly tag: number;
  readonly times: KeyTimes;
  readonly #secret: KeyObject;

  private constructor(
    owner: Name,
    algorithm: SigningAlgorithm,
    flags: number,
    secret: KeyObject,
    times: KeyTimes,
  ) {
    this.owner = owner;
    this.algorithm = algorithm;
    this.dnskey = dnskeyRdata(flags, numbers[algorithm], publicOctets(secret));
    this.tag = keyTag(this.dnskey);
    this.times = times;
    this.#secret = secret;
  }

  static generate(owner: Name, algorithm: SigningAlgorithm, role: KeyRole, times: KeyTimes) {
    const flags = role === "zsk" ? ZONE_KEY : ZONE_KEY | SECURE_ENTRY_POINT;
    const { privateKey } =
      algorithm === "ed25519"
        ? generateKeyPairSync("ed25519")
        : generateKeyPairSync("ec", { namedCurve: "P-256" });
    const secret = createPrivateKey({ key: privateKey.export(PKCS8), ...PKCS8 });
    return new SigningKey(owner, algorithm, flags, secret, times);
  }

  /** Parses the two texts. Throws FormatError. */
  static parse(key: string, secret: string): SigningKey {
    const record = DNSKEY_LINE.exec(key);
    if (record === null) throw new FormatError("no DNSKEY record");
    const fields = new Map(
      Array.from(secret.matchAll(/^([\w-]+):[ \t]*(.*?)\s*$/gm), ([, name, value]) => [
        name!,
        value!,
      ]),
    );
    const number = Number.parseInt(fields.get("Algorithm") ?? "", 10);
    const algorithm = signingAlgorithms.find((name) => numbers[name] === number);
    if (algorithm === undefined) {
      throw new FormatError(
        `algorithm ${fields.get("Algorithm")}; expected 13 (ECDSAP256SHA256) or 15 (ED25519)`,
      );
    }
    const octets = secretOctets(algorithm, Buffer.from(fields.get("PrivateKey") ?? "", "base64"));
    const times: Partial<Record<KeyEvent, number>> = {};
    for (const event of keyEvents) {
      const text = fields.get(event);
      if (text !== undefined) times[event] = parseTime(text);
    }
    const [, owner, flags, , publicKey] = record;
    const made = new SigningKey(
      Name.parse(owner!),
      algorithm,
      Number(flags),
      secretOf(algorithm, octets),
      times,
    );
    const given = dnskeyRdata(Number(flags), number, Buffer.from(publicKey!, "base64"));
    if (!given.equals(made.dnskey)) throw new FormatError("the two files are not of one key");
    return made;
  }

  /** The same key with other times. */
  at(times: KeyTimes): SigningKey {
    const flags = this.dnskey.values[0] as number;
    return new SigningKey(this.owner, this.algorithm, flags, this.#secret, times);
  }

  /** The number in DNSKEY, DS and RRSIG. */
  get number(): number {
    return numbers[this.algorithm];
  }

  /** True if it is what a DS points to. */
  get isEntryPoint(): boolean {
    return ((this.dnskey.values[0] as number) & SECURE_ENTRY_POINT) !== 0;
  }

  /** The name of its files without `.key` and `.private`. */
  get fileName(): string {
    const [number, tag] = [`${this.number}`.padStart(3, "0"), `${this.tag}`.padStart(5, "0")];
    return `K${this.owner.toLowerCase()}+${number}+${tag}`.replaceAll("/", "\\047");
  }

  /** RFC 6605 §4: the numbers r and s, 32 octets each. RFC 8080 §4: the 64 octets of EdDSA. */
  sign(octets: Uint8Array): Uint8Array {
    const key = { key: this.#secret, dsaEncoding: "ieee-p1363" } as const;
    return sign(this.algorithm === "ed25519" ? null : "sha256", octets, key);
  }

  /** The text of `.key`. */
  formatKey(): string {
    const role = this.isEntryPoint ? "key-signing" : "zone-signing";
    return (
      `; This is a ${role} key, keyid ${this.tag}, for ${this.owner}\n${this.#formatTimes("; ")}` +
      `${this.owner} IN DNSKEY ${formatRdata(this.dnskey)}\n`
    );
  }

  /** The text of `.private`, for one file that only its owner can read, and for nothing else. */
  formatPrivateKey(): string {
    const { d = "" } = this.#secret.export({ format: "jwk" });
    return (
      `Private-key-format: v1.3\nAlgorithm: ${this.number} (${this.algorithm.toUpperCase()})\n` +
      `PrivateKey: ${Buffer.from(d, "base64url").toString("base64")}\n${this.#formatTimes("")}`
    );
  }

  /** A line for each of its times. */
  #formatTimes(prefix: string): string {
    const lines = keyEvents.map((event) => {
      const time = this.times[event];
      return time === undefined ? "" : `${prefix}${event}: ${formatTime(time)}\n`;
    });
    return lines.join("");
  }
}

/** Goes through octets: Node 20 may hang exporting a key's numbers while collecting what generated it. */
const PKCS8 = { format: "der", type: "pkcs8" } as const;

const DNSKEY_LINE = /^(\S+)\s+(?:\d+\s+)?(?:IN\s+)?DNSKEY\s+(\d+)\s+3\s+(\d+)\s+([\w+/= \t]+)/im;

/** RFC 6605 §4: the point without the octet that marks it as uncompressed; RFC 8080 §3. */
function publicOctets(secret: KeyObject): Buffer {
  const { x = "", y = "" } = secret.export({ format: "jwk" });
  return Buffer.concat([Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
}

/** The 32 octets of a secret as stored: BIND's tools omit the zeros that a number begins with. */
function secretOctets(algorithm: SigningAlgorithm, stored: Buffer): Buffer {
  const shortest = algorithm === "ecdsap256sha256" ? 1 : 32;
  if (stored.length < shortest || stored.length > 32) {
    throw new FormatError("PrivateKey is not 32 octets of base64");
  }
  return Buffer.concat([Buffer.alloc(32 - stored.length), stored]);
}

function secretOf(algorithm: SigningAlgorithm, octets: Buffer): KeyObject {
  const text = (part: Uint8Array) => Buffer.from(part).toString("base64url");
  if (algorithm === "ed25519") {
    // JWK needs the public key too, which only the secret itself yields: hence PKCS #8 (RFC 8410 §7).
    const pkcs8 = Buffer.concat([ED25519_PKCS8, octets]);
    return createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  }
  const curve = createECDH("prime256v1");
  try {
    curve.setPrivateKey(octets);
  } catch {
    throw new FormatError("PrivateKey is not a valid number for the curve P-256");
  }
  const point = curve.getPublicKey();
  const [x, y] = [text(point.subarray(1, 33)), text(point.subarray(33))];
  return createPrivateKey({
    key: { kty: "EC", crv: "P-256", x, y, d: text(octets) },
    format: "jwk",
  });
}

const ED25519_PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
