/** Validating resolvers of other makes that ask a single server, each on a port of 127.0.0.1. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Endpoint } from "../../src/dns/endpoint.ts";
import type { Name } from "../../src/dns/name.ts";
import type { Rdata } from "../../src/dns/rdata.ts";
import { formatRdata } from "../../src/dns/text.ts";
import { freePort } from "./freeport.ts";
import { temporaryFolder } from "./gateway.ts";
import { Running } from "./process.ts";
import { waitFor } from "./wait.ts";

export interface ResolverSettings {
  readonly zone: Name;
  /** The server that has the zone. */
  readonly server: Endpoint;
  /** The trusted DNSKEY. */
  readonly anchor: Rdata;
}

export interface Resolver {
  readonly port: number;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startResolver(
  make: "named" | "unbound",
  settings: ResolverSettings,
): Promise<Resolver> {
  const folder = temporaryFolder();
  const port = await freePort();
  const file = join(folder, "resolver.conf");
  writeFileSync(file, makes[make].configure(settings, folder, port));
  const program = new Running(makes[make].command(file));
  await waitFor(`${make} to serve`, () => {
    if (!program.isRunning) throw new Error(`${make} ended: ${program.stderr}`);
    return makes[make].isServing.test(program.stderr);
  });
  const end = async () => {
    await program.stop("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  return { port, [Symbol.asyncDispose]: end };
}

/** A line for delv and BIND, which use the same form. */
export function trustAnchors(zone: Name, anchor: Rdata): string {
  const [flags, protocol, algorithm, key] = formatRdata(anchor).split(" ");
  return `trust-anchors { ${zone} static-key ${flags} ${protocol} ${algorithm} "${key}"; };\n`;
}

const makes = {
  named: {
    command: (file: string) => ["named", "-g", "-c", file],
    isServing: /\ball zones loaded\b.*\brunning\b/s,
    configure: ({ zone, server, anchor }: ResolverSettings, folder: string, port: number) => `
options {
  directory "${folder}";
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  pid-file none;
  session-keyfile none;
  recursion yes;
  dnssec-validation yes;
  empty-zones-enable no;
};
controls { };
${trustAnchors(zone, anchor)}
zone "${zone}" { type forward; forward only; forwarders { ${server.address} port ${server.port}; }; };
`,
  },
  unbound: {
    command: (file: string) => ["unbound", "-d", "-c", file],
    isServing: /start of service/,
    configure: ({ zone, server, anchor }: ResolverSettings, folder: string, port: number) => `
server:
  directory: "${folder}"
  username: ""
  chroot: ""
  pidfile: "${folder}/pid"
  use-syslog: no
  logfile: ""
  verbosity: 1
  interface: 127.0.0.1
  port: ${port}
  do-ip6: no
  do-not-query-localhost: no
  module-config: "validator iterator"
  trust-anchor: "${zone} DNSKEY ${formatRdata(anchor)}"
stub-zone:
  name: "${zone}"
  stub-addr: ${server.address}@${server.port}
remote-control:
  control-enable: no
`,
  },
} as const;
