/**
 * Two offices: office N is the LAN 10.N/16 behind a router. Between the routers is a wide area
 * network, where the name server stands; multicast ends at the routers. In each office there are
 * real responders (a printer, a file share, a chat user), a host for the collector, and a desk
 * whose own avahi-daemon asks unicast DNS alone.
 */
import { join } from "node:path";
import { Avahi, type AvahiService } from "./avahi.ts";
import type { Host, Lab, Switch } from "./lab.ts";
import type { Running } from "./process.ts";
import { root } from "./root.ts";
import { waitFor } from "./wait.ts";

/** The tools that the lab itself needs. */
export const OFFICE_TOOLS = ["avahi-daemon", "avahi-browse", "dbus-daemon", "python3-dbus"];
export const NAME_SERVER = "192.0.2.53";

export interface Offices {
  readonly nameServer: Host;
  readonly paris: Office;
  readonly lyon: Office;
}

export interface Office {
  readonly site: Site;
  readonly lan: Switch;
  /** Its interfaces are "lan" and "wan". */
  readonly router: Host;
  readonly collector: Host;
  readonly printer: Avahi;
  readonly share: Avahi;
  readonly user: ChatUser;
  /** Browses by unicast: it neither hears nor sends multicast. */
  readonly desk: Avahi;
  /** One more host on the LAN, at 10.N.0.LAST. */
  place(name: string, last: number): Host;
  /** Makes the name server unreachable: packets to it vanish, as they do in the real world. */
  cut(): void;
  heal(): void;
}

type Site = "paris" | "lyon";

interface Plan {
  readonly number: number;
  readonly site: Site;
  readonly share: string;
  readonly user: string;
}

/** The printers share one name, and so do the laptops, as nobody has agreed on names beforehand. */
const PARIS: Plan = { number: 1, site: "paris", share: "Paris Archive", user: "anna@laptop" };
const LYON: Plan = { number: 2, site: "lyon", share: "Lyon Projects", user: "luc@laptop" };

/** Builds both offices, with everything in them that is not ours. */
export async function openOffices(lab: Lab, zone: string): Promise<Offices> {
  const wan = lab.lan("wan");
  const nameServer = lab.host("ns").plug(wan, {
    ...{ name: "eth0", addresses: [`${NAME_SERVER}/24`] },
  });
  for (const { number } of [PARIS, LYON]) {
    nameServer.route(`10.${number}.0.0/16`, `192.0.2.${number}`);
  }
  const [paris, lyon] = await Promise.all([
    openOffice(lab, { wan, zone, plan: PARIS, other: LYON }),
    openOffice(lab, { wan, zone, plan: LYON, other: PARIS }),
  ]);
  return { nameServer, paris, lyon };
}

interface Surroundings {
  readonly wan: Switch;
  readonly zone: string;
  readonly plan: Plan;
  readonly other: Plan;
}

async function openOffice(lab: Lab, { wan, zone, plan, other }: Surroundings): Promise<Office> {
  const { number, site } = plan;
  const lan = lab.lan(`${site}-lan`);
  const router = lab
    .host(`${site}-router`)
    .plug(lan, { name: "lan", addresses: [`10.${number}.0.1/16`] })
    .plug(wan, { name: "wan", addresses: [`192.0.2.${number}/24`] })
    .route(`10.${other.number}.0.0/16`, `192.0.2.${other.number}`);
  router.set("net/ipv4/ip_forward", "1");
  const place = (name: string, last: number) =>
    lab
      .host(`${site}-${name}`)
      .plug(lan, { name: "eth0", addresses: [`10.${number}.0.${last}/16`] })
      .route("default", `10.${number}.0.1`);

  const printer = place("printer", 10);
  const share = place("share", 11);
  const laptop = place("laptop", 12);
  const desk = place("desk", 100);
  desk.etc("resolv.conf", `nameserver ${NAME_SERVER}\nsearch ${zone}\n`);
  const started = await Promise.all([
    Avahi.start(printer, { hostName: "printer", services: [PRINTER] }),
    Avahi.start(share, {
      ...{ hostName: "files", services: [{ name: plan.share, type: "_smb._tcp", port: 445 }] },
    }),
    ChatUser.start(laptop, plan.user),
    Avahi.start(desk, { hostName: "desk", hasBus: true, isWideArea: true, interfaces: "none" }),
  ]);
  return {
    ...{ site, lan, router, collector: place("collector", 2) },
    ...{ printer: started[0], share: started[1], user: started[2], desk: started[3] },
    place,
    cut: () => router.route(`${NAME_SERVER}/32`),
    heal: () => router.unroute(`${NAME_SERVER}/32`),
  };
}

const PRINTER: AvahiService = {
  ...{ name: "Office Printer", type: "_ipp._tcp", port: 631 },
  subtypes: ["_universal._sub._ipp._tcp"],
  txt: ["txtvers=1", "rp=ipp/print", "ty=Laser 2.5"],
};

export interface Presence {
  /** "avail", "away" or "dnd" (XEP-0174 §4). */
  readonly status: string;
  readonly msg: string;
}

/** A user at a laptop, who can be reached at a TCP port. */
export class ChatUser {
  readonly name: string;
  readonly port = 5298;
  /** Octets without a pattern; with the rest of its packet about as much as Ethernet carries. */
  readonly picture: Buffer;
  readonly laptop: Avahi;
  readonly #program: Running;

  private constructor(laptop: Avahi, name: string) {
    this.laptop = laptop;
    this.name = name;
    this.picture = picture(name, 1_400);
    this.#program = laptop.client([
      ...["/usr/bin/python3", join(root, "test/support/chat-user.py")],
      ...[name, String(this.port), this.picture.toString("hex")],
    ]);
  }

  static async start(host: Host, name: string): Promise<ChatUser> {
    const laptop = await Avahi.start(host, { hostName: name.split("@")[1]!, hasBus: true });
    const user = new ChatUser(laptop, name);
    await user.#program.line(/published/);
    return user;
  }

  /** Announces it on the LAN; returns when, in milliseconds since 1970. */
  async say(presence: Presence): Promise<number> {
    const before = this.#program.events("said").length;
    this.#program.say(JSON.stringify(presence));
    const { at } = await waitFor(
      `${this.name} to say it`,
      () => this.#program.events<{ at: number }>("said")[before],
    );
    return at;
  }

  /** Logs out. */
  leave(): Promise<number | null> {
    return this.#program.stop();
  }
}

/** Depends only on the name (a linear congruential generator, Numerical Recipes §7.1). */
function picture(name: string, length: number): Buffer {
  let state = [...name].reduce((sum, letter) => sum + letter.codePointAt(0)!, 0);
  return Buffer.alloc(length).map(() => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  }) as Buffer;
}
