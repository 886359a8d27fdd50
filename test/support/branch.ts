/**
 * Offices that publish into one zone: office N is the LAN 10.N/16 with its collectors, and reaches the name
 * server in the wide area network through a router. Each collector signs with a key of its own, bound to the
 * site of its office.
 */
import { Gateway, type GatewaySettings } from "./gateway.ts";
import type { Host, Lab, Switch } from "./lab.ts";

export const ZONE = "bonjour.example.com";
export const NAME_SERVER = "192.0.2.53";

/** The wide area network with the host of the name server, which is still to be started. */
export class WideArea {
  readonly nameServer: Host;
  readonly #lab: Lab;
  readonly #wan: Switch;
  readonly #sites: string[] = [];

  constructor(lab: Lab) {
    this.#lab = lab;
    this.#wan = lab.lan("wan");
    this.nameServer = lab
      .host("ns")
      .plug(this.#wan, { name: "eth0", addresses: [`${NAME_SERVER}/24`] });
  }

  branch(site: string): Branch {
    const number = this.#sites.push(site);
    const branch = new Branch(this.#lab, this.#wan, site, number);
    this.nameServer.route(`10.${number}.0.0/16`, `192.0.2.${number}`);
    return branch;
  }

  /** Two keys for each office. */
  get keys(): Readonly<Record<string, { readonly secret: string; readonly site: string }>> {
    const keys = this.#sites.flatMap((site) =>
      keysOf(site).map((key) => [key, { secret: secretOf(key), site }]),
    );
    return Object.fromEntries(keys);
  }

  /** Starts the name server. */
  serve(settings: Partial<GatewaySettings> = {}): Promise<Gateway> {
    return Gateway.start(this.nameServer, {
      zone: ZONE,
      links: [],
      // A test's watcher asks more often than a stranger may get answers.
      query: { limit: 0 },
      keys: this.keys,
      ...settings,
    });
  }
}

export class Branch {
  readonly site: string;
  readonly number: number;
  readonly lan: Switch;
  /** Its interfaces are "lan" and "wan". */
  readonly router: Host;
  readonly #lab: Lab;
  readonly #wan: Switch;

  constructor(lab: Lab, wan: Switch, site: string, number: number) {
    this.#lab = lab;
    this.#wan = wan;
    this.site = site;
    this.number = number;
    this.lan = lab.lan(`${site}-lan`);
    this.router = this.#router("router", 1, number);
  }

  /** A host at 10.N.0.LAST. */
  host(name: string, last: number): Host {
    return this.#host(name, last).route("default", `10.${this.number}.0.1`);
  }

  /** A host whose route to the name server differs from the others'. */
  hostApart(name: string, last: number, nameServer: Host): Host {
    const far = FIRST_APART + this.number;
    this.#router(`${name}-router`, LAST_ADDRESS, far);
    nameServer.route(`10.${this.number}.0.${last}/32`, `192.0.2.${far}`);
    return this.#host(name, last).route("default", `10.${this.number}.0.${LAST_ADDRESS}`);
  }

  /** Starts a collector on this host; without `lease` it asks for the default. */
  collect(host: Host, { lease, key }: { lease?: number; key?: 0 | 1 } = {}): Promise<Gateway> {
    const name = keysOf(this.site)[key ?? 0]!;
    return Gateway.start(host, {
      zone: ZONE,
      links: [{ interface: "eth0", site: this.site }],
      publish: { server: `${NAME_SERVER}:53`, key: name, ...(lease !== undefined && { lease }) },
      keys: { [name]: { secret: secretOf(name) } },
    });
  }

  #host(name: string, last: number): Host {
    return this.#lab
      .host(`${this.site}-${name}`)
      .plug(this.lan, { name: "eth0", addresses: [`10.${this.number}.0.${last}/16`] });
  }

  #router(name: string, near: number, far: number): Host {
    const router = this.#lab
      .host(`${this.site}-${name}`)
      .plug(this.lan, { name: "lan", addresses: [`10.${this.number}.0.${near}/16`] })
      .plug(this.#wan, { name: "wan", addresses: [`192.0.2.${far}/24`] });
    router.set("net/ipv4/ip_forward", "1");
    return router;
  }
}

/** Above the numbers of offices. */
const FIRST_APART = 100;
const LAST_ADDRESS = 254;

function keysOf(site: string): readonly string[] {
  return [site, `${site}.2`];
}

function secretOf(key: string): string {
  return Buffer.from(`the secret of ${key}, of thirty-two octets`).toString("base64");
}
