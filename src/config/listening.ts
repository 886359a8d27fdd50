/** Where to listen, and the credentials that TLS listeners present: the field `listen`. */
import { isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";
import { resolve } from "node:path";
import { z } from "zod";
import { type Endpoint, formatEndpoint } from "../dns/endpoint.ts";
import {
  type CredentialPaths,
  type Credentials,
  CredentialsError,
  readCredentials,
} from "./credentials.ts";
import { address, nameserver } from "./fields.ts";
import type { Issue } from "./mistakes.ts";

const addresses = (example: string) =>
  z.array(address, `expected a list such as ${example}`).min(1, "expected at least one address");

const pathOf = (what: string) => z.string(`expected the path of a file with ${what}`).optional();

export const listen = z
  .strictObject({
    dns: addresses('["0.0.0.0:53", "[::]:53"]'),
    tls: addresses('["0.0.0.0:853", "[::]:853"]').optional(),
    https: addresses('["0.0.0.0:443", "[::]:443"]').optional(),
    push: nameserver.optional(),
    certificate: pathOf("a certificate (PEM)"),
    privateKey: pathOf("its private key (PEM)"),
  })
  .superRefine((fields, context) => {
    const all = placesOf(fields);
    for (const [i, { endpoint, path }] of all.entries()) {
      const message = whyTaken(endpoint, all.slice(0, i));
      if (message !== undefined) context.addIssue({ code: "custom", path, message });
    }
  })
  .superRefine(({ push, tls }, context) => {
    if (push === undefined || tls !== undefined) return;
    const message = "changes are pushed over TLS only; expected listen.tls as well";
    context.addIssue({ code: "custom", path: ["push"], message });
  })
  .superRefine(({ tls, https, certificate, privateKey }, context) => {
    const secure = tls !== undefined ? "tls" : https !== undefined ? "https" : undefined;
    for (const [field, path] of Object.entries({ certificate, privateKey })) {
      if (secure === undefined || path !== undefined) continue;
      const message = `missing; expected the path of a file (PEM), because listen.${secure} needs it`;
      context.addIssue({ code: "custom", path: [field], message });
    }
  });

/** Where a gateway listens by default: many containers have no ::1. */
export function loopback(port: number): Parsed {
  return listen.parse({ dns: [`127.0.0.1:${port}`, ...(hasIPv6() ? [`[::1]:${port}`] : [])] });
}

/** True if this host can be asked at ::1. */
export function hasIPv6(): boolean {
  try {
    return Object.values(networkInterfaces()).some((all) =>
      all?.some(({ address }) => address === "::1"),
    );
  } catch {
    // If the system does not tell, opening the listener will.
    return true;
  }
}

interface Place {
  readonly endpoint: Endpoint;
  /** In the field `listen`. */
  readonly path: [string, number];
}

/** Where such a gateway listens. */
export function placesOf({ dns, tls = [], https = [] }: Partial<Parsed>): Place[] {
  return Object.entries({ dns, tls, https }).flatMap(([field, endpoints = []]) =>
    endpoints.map((endpoint, i): Place => ({ endpoint, path: [field, i] })),
  );
}

/** Why nothing else can listen there; undefined where it can. */
export function whyTaken(endpoint: Endpoint, places: readonly Place[]): string | undefined {
  const first = places.find((each) => isSamePlace(each.endpoint, endpoint));
  if (first === undefined) return undefined;
  const [field, i] = first.path;
  const where = `${formatEndpoint(endpoint)} is taken by listen.${field}[${i}]`;
  return `${where}; expected each address once`;
}

/** All listeners use TCP, and a wildcard takes every address of its family. */
function isSamePlace(one: Endpoint, other: Endpoint): boolean {
  const addresses = [one.address, other.address];
  const isOne =
    one.address === other.address || addresses.includes(isIPv4(one.address) ? "0.0.0.0" : "::");
  return (
    isOne &&
    isIPv4(one.address) === isIPv4(other.address) &&
    one.port === other.port &&
    one.port !== 0
  );
}

type Parsed = z.output<typeof listen>;

/** `push`: the name by which clients reach the TLS listeners to have changes pushed. */
export interface Listening extends Pick<Parsed, "dns" | "push"> {
  readonly tls: Parsed["dns"];
  readonly https: Parsed["dns"];
  /** For `tls` and `https`; undefined where neither is listened for. */
  readonly credentials: ListenCredentials | undefined;
  /** True if files are named that no listener needs; they are not read. */
  readonly isUnread?: boolean;
}

export interface ListenCredentials {
  readonly paths: CredentialPaths;
  /** As they were when the configuration was read. */
  readonly read: Credentials;
}

/** The field with the contents of its files, named relative to `folder`; or what is wrong with them. */
export function withCredentials(fields: Parsed, folder: string): Listening | Issue {
  const { dns, tls = [], https = [], push, certificate = "", privateKey = "" } = fields;
  if (tls.length + https.length === 0) {
    const isUnread = `${certificate}${privateKey}` !== "";
    return { dns, tls, https, push, credentials: undefined, isUnread };
  }
  const paths = {
    certificate: resolve(folder, certificate),
    privateKey: resolve(folder, privateKey),
  };
  try {
    return { dns, tls, https, push, credentials: { paths, read: readCredentials(paths) } };
  } catch (error) {
    if (!(error instanceof CredentialsError)) throw error;
    return { path: ["listen", error.field], message: error.message };
  }
}
