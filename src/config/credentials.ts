/**
 * The files of `listen.certificate` and `listen.privateKey`: read and checked at the start and each time they
 * change, so that the listeners always get a matching pair.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { whyUnread } from "./mistakes.ts";

/** The paths of the files. */
export interface CredentialPaths {
  readonly certificate: string;
  readonly privateKey: string;
}

/** Their contents, in PEM. */
export interface Credentials {
  readonly certificate: string;
  readonly privateKey: string;
  /** Milliseconds since 1970 when the certificate expires. */
  readonly expires: number;
}

/** The message is one line: which file, what is wrong with it, what was expected. */
export class CredentialsError extends Error {
  override readonly name = "CredentialsError";
  readonly field: keyof CredentialPaths;

  constructor(field: keyof CredentialPaths, message: string, options?: ErrorOptions) {
    super(`${message}; expected ${expected[field]}`, options);
    this.field = field;
  }
}

const expected = {
  certificate: "a certificate in PEM, followed by those that issued it",
  privateKey: "the certificate's private key in PEM, without a passphrase",
} as const;

/** Returns `known` itself where the files have not changed. Throws CredentialsError. */
export function readCredentials(paths: CredentialPaths, known?: Credentials): Credentials {
  const certificate = read("certificate", paths);
  const privateKey = read("privateKey", paths);
  if (known?.certificate === certificate && known.privateKey === privateKey) return known;
  const shown = parse("certificate", paths, () => new X509Certificate(certificate));
  const key: KeyObject = parse("privateKey", paths, () => createPrivateKey(privateKey));
  if (!shown.checkPrivateKey(key)) {
    throw new CredentialsError(
      "privateKey",
      `${paths.privateKey}: not the key of ${paths.certificate}`,
    );
  }
  try {
    // Checks the chain too, catches a file half written, and refuses what is too weak to be used.
    createSecureContext({ cert: certificate, key: privateKey });
  } catch (cause) {
    const { reason = "not usable for TLS" } = cause as { readonly reason?: string };
    throw new CredentialsError("certificate", `${paths.certificate}: ${reason}`, { cause });
  }
  return { certificate, privateKey, expires: Date.parse(shown.validTo) };
}

function read(field: keyof CredentialPaths, paths: CredentialPaths): string {
  try {
    return readFileSync(paths[field], "utf8");
  } catch (error) {
    throw new CredentialsError(field, `${paths[field]}: ${whyUnread(error)}`);
  }
}

function parse<T>(field: keyof CredentialPaths, paths: CredentialPaths, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    const what = field === "certificate" ? "no certificate in PEM" : "no key that can be read";
    throw new CredentialsError(field, `${paths[field]}: ${what}`, { cause });
  }
}
