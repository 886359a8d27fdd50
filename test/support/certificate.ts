/** Certificates for tests, each with its key in a folder of its own, made by openssl. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Credentials } from "../../src/net/server/tls.ts";
import { temporaryFolder } from "./gateway.ts";
import { succeedNow } from "./process.ts";

export interface Certificate extends Credentials {
  /** The folder of `cert.pem` and `key.pem`. */
  readonly folder: string;
  readonly paths: { readonly certificate: string; readonly privateKey: string };
}

/** Self-signed, for this host name and this address; `kind` as openssl has it. */
export function makeCertificate(
  host = "ns1.example.com",
  folder = temporaryFolder(),
  address = "127.0.0.1",
  kind = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
): Certificate {
  const paths = { certificate: join(folder, "cert.pem"), privateKey: join(folder, "key.pem") };
  succeedNow(
    ...["openssl", "req", "-x509", "-newkey", ...kind],
    ...["-nodes", "-keyout", paths.privateKey, "-out", paths.certificate, "-days", "2"],
    ...["-subj", `/CN=${host}`, "-addext", `subjectAltName=DNS:${host},IP:${address}`],
  );
  return {
    ...{ folder, paths },
    certificate: readFileSync(paths.certificate, "utf8"),
    privateKey: readFileSync(paths.privateKey, "utf8"),
  };
}
