/**
 * Servers of other makes that copy zones from one of ours: each on its own port of 127.0.0.1, with a key of
 * its own, in a folder that goes with the test. The lines that matter are those that docs/operations.md tells
 * people to write.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Type } from "../../src/dns/constants.ts";
import type { Endpoint } from "../../src/dns/endpoint.ts";
import { Name } from "../../src/dns/name.ts";
import { soaOf } from "../../src/dns/rdata.ts";
import type { RecordSet } from "../../src/dns/record.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { temporaryFolder } from "./gateway.ts";
import { Running, run, succeed } from "./process.ts";
import { root } from "./root.ts";
import { waitFor } from "./wait.ts";

export interface SecondarySettings {
  /** The zone to copy, or the catalog whose zones to copy. */
  readonly zone: string;
  /** Which of the documented ways; the plain one if not given. */
  readonly way?: "all zones" | "over TLS";
  readonly primary: Endpoint;
  /** The file with the primary's certificate. */
  readonly certificate?: string;
  /** The secret of its key in base64; the key has the name of the make. */
  readonly secret: string;
}

export interface Make {
  readonly name: string;
  /** Programs that must be installed. */
  readonly needs: readonly string[];
  /** The name of its configuration file. */
  readonly file: string;
  /** The contents of that file: the documented lines, and what the test needs. */
  configure(lines: string, folder: string, port: number): string;
  /** Whatever else has to be done before the first start. */
  prepare?(folder: string, port: number): Promise<void>;
  command(folder: string): readonly string[];
  readonly isServing: RegExp;
  /** NSD saves what it has copied once an hour; after a restart before that it has to copy it again. */
  readonly isForgetful?: boolean;
}

export class Secondary {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly #make: Make;
  readonly #folder = temporaryFolder();
  #program: Running | undefined;

  private constructor(make: Make, endpoint: Endpoint) {
    this.name = make.name;
    this.endpoint = endpoint;
    this.#make = make;
  }

  /** The primary has already been told `port`. */
  static async start(make: Make, port: number, settings: SecondarySettings): Promise<Secondary> {
    const secondary = new Secondary(make, { address: "127.0.0.1", port });
    const folder = secondary.#folder;
    const lines = documented(make, settings).replaceAll("/var/cache/bind", folder);
    writeFileSync(join(folder, make.file), make.configure(lines, folder, port));
    await make.prepare?.(folder, port);
    await secondary.start();
    return secondary;
  }

  /** Starts it again with the same folder. */
  async start(): Promise<void> {
    const program = new Running(this.#make.command(this.#folder));
    this.#program = program;
    await waitFor(`${this.name} to serve`, () => {
      if (!program.isRunning) throw new Error(`${this.name} ended: ${this.log}`);
      return this.#make.isServing.test(this.log);
    });
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await this.#program?.stop(signal);
  }

  get log(): string {
    return `${this.#program?.stderr}${Buffer.concat(this.#program?.stdout ?? [])}`;
  }

  records(zone: string): Promise<readonly RecordSet[] | undefined> {
    return copyOf(this.endpoint, zone);
  }

  async serial(zone: string): Promise<number | undefined> {
    const { address, port } = this.endpoint;
    const { stdout } = await run([
      ...["dig", `@${address}`, "-p", `${port}`, "+norec", "+short", "+tries=1", "+time=2"],
      ...["-t", "SOA", "-q", zone],
    ]);
    const serial = stdout.toString().split(" ")[2];
    return serial === undefined ? undefined : Number(serial);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A whole zone as a server has it, by AXFR; undefined where it has none. */
export async function copyOf(
  { address, port }: Endpoint,
  zone: string,
): Promise<readonly RecordSet[] | undefined> {
  const { stdout } = await run([
    ...["dig", `@${address}`, "-p", `${port}`, "-t", "AXFR", "-q", zone],
    ...["+noall", "+answer", "+onesoa", "+time=5", "+tries=1"],
  ]);
  const text = stdout.toString();
  return text.includes("SOA") ? parseMasterFile(text, { origin: Name.parse(zone) }) : undefined;
}

export function serialIn(sets: readonly RecordSet[]): number {
  return soaOf(sets.find(({ type }) => type === Type.SOA)!.rdatas[0]!).serial;
}

/** The lines of docs/operations.md for this make, with this test's zone, server and key filled in. */
function documented({ name }: Make, settings: SecondarySettings): string {
  const { zone, way, primary, certificate = "", secret } = settings;
  const page = readFileSync(join(root, "docs/operations.md"), "utf8");
  const heading = `\n#### ${name}${way === undefined ? "" : `, ${way}`}\n`;
  const text = page.split(heading)[1]?.match(/```\w*\n([\s\S]*?)```/)?.[1];
  if (text === undefined) throw new Error(`docs/operations.md has no lines for${heading}`);
  return text
    .replaceAll(way === "all zones" ? "catalog.example" : "bonjour.example.com", bare(zone))
    .replaceAll(/192\.0\.2\.1( port |@|:)(8?53)\b/g, `192.0.2.1$1${primary.port}`)
    .replaceAll("192.0.2.1", primary.address)
    .replaceAll("/etc/ssl/gateway.pem", certificate)
    .replaceAll("c2VjcmV0IG9mIG5zMg==", secret)
    .replaceAll(/\bns2\b/g, name.toLowerCase());
}

function bare(zone: string): string {
  return zone.replace(/\.$/, "");
}

//---- The makes ----

const bind: Make = {
  name: "BIND",
  needs: ["named"],
  file: "named.conf",
  isServing: /\brunning\b/,
  configure(lines, folder, port) {
    const options = `
  directory "${folder}";
  listen-on port ${port} { 127.0.0.1; };
  listen-on-v6 { none; };
  pid-file none;
  session-keyfile none;
  recursion no;
  dnssec-validation no;
  notify no;
  allow-transfer { 127.0.0.1; };`;
    const ours = lines.includes("options {")
      ? lines.replace("options {", `options {${options}`)
      : `options {${options}\n};\n${lines}`;
    return `${ours}\ncontrols { };\n`;
  },
  command: (folder) => ["named", "-g", "-c", join(folder, "named.conf")],
};

const knot: Make = {
  name: "Knot",
  needs: ["knotd"],
  file: "knot.conf",
  isServing: /\bserver started\b/,
  configure: (lines, folder, port) => `
server:
  rundir: ${folder}
  listen: 127.0.0.1@${port}
  tcp-workers: 2
  udp-workers: 1
  background-workers: 1
log:
  - target: stderr
    any: info
database:
  storage: ${folder}
control:
  listen: ${folder}/knot.sock
acl:
  - id: test
    address: 127.0.0.1
    action: transfer
template:
  - id: default
    storage: ${folder}
${lines.replaceAll("acl: gateway", "acl: [gateway, test]").replace("  - id: gateway\n    master", `  - id: gateway\n    storage: ${folder}\n    master`)}
`,
  command: (folder) => ["knotd", "-c", join(folder, "knot.conf")],
};

const nsd: Make = {
  name: "NSD",
  isForgetful: true,
  needs: ["nsd"],
  file: "nsd.conf",
  isServing: /\bnsd started\b/,
  configure: (lines, folder, port) => `
server:
    ip-address: 127.0.0.1@${port}
    username: ""
    zonesdir: "${folder}"
    database: ""
    pidfile: "${folder}/nsd.pid"
    xfrdfile: "${folder}/xfrd.state"
    xfrdir: "${folder}"
    zonelistfile: "${folder}/zone.list"
    server-count: 1
    verbosity: 2
remote-control:
    control-enable: no
${lines}
    provide-xfr: 127.0.0.1 NOKEY
`,
  command: (folder) => ["nsd", "-d", "-c", join(folder, "nsd.conf")],
};

const powerdns: Make = {
  name: "PowerDNS",
  needs: ["pdns_server", "sqlite3"],
  file: "zone.sh",
  isServing: /\bcommunicator launching\b/,
  configure: (lines, folder) => lines.replaceAll("pdnsutil", `pdnsutil --config-dir=${folder}`),
  command: (folder) => ["pdns_server", `--config-dir=${folder}`],
  async prepare(folder, port) {
    const lines = [
      ...["launch=gsqlite3", `gsqlite3-database=${folder}/zones.sqlite`, "secondary=yes"],
      ...[`local-address=127.0.0.1:${port}`, `socket-dir=${folder}`, "allow-axfr-ips=127.0.0.1"],
      ...["daemon=no", "guardian=no", "write-pid=no", "loglevel=6", "disable-syslog=yes"],
      ...["receiver-threads=1", "distributor-threads=1", "query-cache-ttl=0", "cache-ttl=0"],
      "security-poll-suffix=",
    ];
    writeFileSync(join(folder, "pdns.conf"), `${lines.join("\n")}\n`);
    const schema = readFileSync(SCHEMA, "utf8");
    await succeed(["sqlite3", join(folder, "zones.sqlite")], { input: schema });
    await succeed(["sh", "-e", join(folder, "zone.sh")]);
  },
};

const SCHEMA = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql";

export const makes: readonly Make[] = [bind, knot, nsd, powerdns];
