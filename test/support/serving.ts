/**
 * The program under test as a server alone, on a port of 127.0.0.1 and without links: a zone that a test
 * changes by DNS UPDATE as often as it likes, and that others copy.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/clock.ts";
import { FarZone } from "../../src/collector/publishing/farzone.ts";
import { Rcode } from "../../src/dns/constants.ts";
import type { Endpoint } from "../../src/dns/endpoint.ts";
import { Name } from "../../src/dns/name.ts";
import type { RecordSet } from "../../src/dns/record.ts";
import { PersistentConnection } from "../../src/net/client/persistent.ts";
import type { Transport } from "../../src/net/server/handler.ts";
import type { Update } from "../../src/zone/update/update.ts";
import type { Certificate } from "./certificate.ts";
import { freePort } from "./freeport.ts";
import { MAIN, STARTED, temporaryFolder } from "./gateway.ts";
import { Running } from "./process.ts";
import { copyOf } from "./secondary.ts";
import { laterSecond } from "./wait.ts";

const secret = Buffer.from("the secret of the operator").toString("base64");
/** The key of the operator, as nsupdate takes it. */
export const OPERATOR = `hmac-sha256:operator:${secret}`;

export interface ServingSettings {
  /** "bonjour.example." */
  readonly zone: string;
  /** Secrets in base64, by name of key, of those who copy. */
  readonly readers: Readonly<Record<string, string>>;
  readonly notify?: readonly string[];
  readonly catalog?: string;
  /** Added to this process's environment for the program. */
  readonly environment?: NodeJS.ProcessEnv;
  /** If given, it also serves by TLS, with this certificate. */
  readonly certificate?: Certificate;
  /** If given, changes are pushed by TLS, at this name. */
  readonly push?: string;
  /** Where devices register themselves, and from where. */
  readonly registrar?: { readonly site: string; readonly networks: readonly string[] };
  readonly reverse?: readonly string[];
}

/** A transfer as the log reports it. */
export interface Transfer {
  readonly zone: string;
  readonly key: string;
  readonly transport: Transport;
  readonly kind: "AXFR" | "IXFR";
  readonly from?: number;
  readonly serial: number;
}

export class Serving {
  readonly endpoint: Endpoint;
  readonly tls: Endpoint;
  readonly folder = temporaryFolder();
  readonly origin: Name;
  readonly #connection: PersistentConnection;
  readonly #far: FarZone;
  readonly #environment: NodeJS.ProcessEnv;
  #program: Running | undefined;
  /** The logs of programs that have ended. */
  #log = "";
  /** Milliseconds since 1970. */
  #stopped = 0;

  private constructor(port: number, tlsPort: number, settings: ServingSettings) {
    this.endpoint = { address: "127.0.0.1", port };
    this.tls = { address: "127.0.0.1", port: tlsPort };
    this.origin = Name.parse(settings.zone);
    this.#environment = settings.environment ?? {};
    const { zone, readers, notify = [], catalog, certificate, push, registrar, reverse } = settings;
    const listen = {
      dns: [`127.0.0.1:${port}`],
      ...(certificate && { tls: [`127.0.0.1:${tlsPort}`], ...certificate.paths }),
      ...(push && { push }),
    };
    const keys = Object.entries(readers).map(([name, secret]) => [name, { secret, site: [] }]);
    const allow = Object.keys(readers).map((name) => `key:${name}`);
    mkdirSync(join(this.folder, "zones"));
    writeFileSync(
      join(this.folder, "gateway.yaml"),
      JSON.stringify({
        ...{ zone, links: [], listen, data: "./zones" },
        keys: { operator: { secret }, ...Object.fromEntries(keys) },
        transfer: { allow, notify },
        ...{ catalog, registrar, reverse },
      }),
    );
    this.#connection = new PersistentConnection({
      locate: async () => [this.endpoint],
      clock: systemClock,
    });
    this.#far = new FarZone({
      ...{ origin: this.origin, connection: this.#connection, clock: systemClock },
      key: {
        name: Name.parse("operator"),
        algorithm: "hmac-sha256",
        secret: Buffer.from(secret, "base64"),
      },
    });
  }

  static async start(settings: ServingSettings): Promise<Serving> {
    const serving = new Serving(await freePort(), await freePort(), settings);
    await serving.start();
    return serving;
  }

  /** Starts it again with the same folder. */
  async start(): Promise<void> {
    const config = join(this.folder, "gateway.yaml");
    const command = [process.execPath, MAIN, "run", "--log", "debug", "--config", config];
    this.#program = new Running(command, { env: this.#environment });
    await this.#program.line(STARTED);
    await laterSecond(this.#stopped);
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    this.#connection.close();
    await this.#program?.stop(signal);
    this.#stopped = Date.now();
    this.#log += this.#program?.stderr ?? "";
    this.#program = undefined;
  }

  async update(updates: Update["updates"]): Promise<void> {
    const rcode = await this.#far.publish({ zone: this.origin, prerequisites: [], updates });
    if (rcode !== Rcode.NOERROR) throw new Error(`an update was refused: rcode ${rcode}`);
  }

  async records(zone = `${this.origin}`): Promise<readonly RecordSet[]> {
    const records = await copyOf(this.endpoint, zone);
    if (records === undefined) throw new Error(`no transfer of ${zone}`);
    return records;
  }

  /** The transfers in its log, oldest first. */
  get transfers(): readonly Transfer[] {
    return this.log
      .split("\n")
      .slice(0, -1)
      .filter((line) => /"(a zone is|changes of a zone are) transferred"/.test(line))
      .map((line) => JSON.parse(line) as Transfer);
  }

  get program(): Running {
    return this.#program!;
  }

  get log(): string {
    return this.#log + (this.#program?.stderr ?? "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
  }
}
