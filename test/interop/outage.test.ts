/**
 * What goes wrong between offices, and what clients notice of it: the wide area network is cut; a
 * collector is killed, and comes back or never does (`absence.test.ts` has it away for longer). Two
 * offices, each with a collector on its LAN that publishes by signed DNS UPDATE into a name server in
 * the wide area network.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Type } from "../../src/dns/constants.ts";
import { labelToUnicode } from "../../src/dns/name.ts";
import { targetOf } from "../../src/dns/rdata.ts";
import { type Branch, NAME_SERVER, WideArea, ZONE } from "../support/branch.ts";
import type { Fleet, FleetOrder } from "../support/devices.ts";
import { dig } from "../support/dig.ts";
import { type Change, type Gateway, Watch } from "../support/gateway.ts";
import { type Host, Lab, needs } from "../support/lab.ts";
import type { Running } from "../support/process.ts";
import { sleep, waitFor } from "../support/wait.ts";

/** Seconds: the minimum (RFC 9664 §8). */
const LEASE = 30;
const TYPE = "_ipp._tcp";

class Office {
  readonly branch: Branch;
  #devices = 0;

  constructor(branch: Branch) {
    this.branch = branch;
  }

  /** Starts a collector on a host of its own. */
  collect(name: string, last: number, key: 0 | 1 = 0): Promise<Gateway> {
    return this.branch.collect(this.branch.host(name, last), { lease: LEASE, key });
  }

  /** Starts printers, `each` on one address, which are announced at once. */
  async devices(name: string, each: number, type = TYPE): Promise<Running> {
    const { branch } = this;
    const last = 100 + this.#devices++;
    const fleet: Fleet = {
      ...{ addresses: [`10.${branch.number}.0.${last}`], type, name, each, delay: [20, 60] },
    };
    const devices = branch.host(`devices${last}`, last).script("devices", JSON.stringify(fleet));
    await waitFor("the devices", () => devices.events("ready").length > 0);
    order(devices, { announce: { packet: 10, burst: 10, pause: 0 } });
    return devices;
  }
}

/** The text of a TXT record of one string, given in hex. */
function textOf(hex: string): string {
  return Buffer.from(hex, "hex").subarray(1).toString();
}

function order(devices: Running, what: FleetOrder): void {
  devices.say(JSON.stringify(what));
}

/** Each test has its own, and all run at once: they wait more than they work. */
class Offices {
  readonly paris: Office;
  readonly lyon: Office;
  readonly nameServer: Host;
  readonly #lab: Lab;

  private constructor(lab: Lab, wide: WideArea) {
    this.#lab = lab;
    this.nameServer = wide.nameServer;
    this.paris = new Office(wide.branch("paris"));
    this.lyon = new Office(wide.branch("lyon"));
  }

  static async open(): Promise<Offices> {
    const lab = new Lab();
    try {
      const wide = new WideArea(lab);
      const offices = new Offices(lab, wide);
      await wide.serve();
      return offices;
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  async ask(name: string, type: string) {
    const question = { server: NAME_SERVER, name, type, options: ["+tcp"] };
    return (await dig(this.nameServer, question)).answers;
  }

  async serial(): Promise<number> {
    const [soa] = await this.ask(`${ZONE}.`, "SOA");
    assert.equal(soa?.type, Type.SOA);
    return soa.rdata.values[2] as number;
  }

  async listed(domain = ZONE): Promise<string[]> {
    const answers = await this.ask(`${TYPE}.${domain}.`, "PTR");
    return answers.map(({ rdata }) => labelToUnicode(targetOf(rdata)!.labels[0]!)).sort();
  }

  untilListed(what: string, count: number, domain?: string, deadline = 30_000): Promise<true> {
    return waitFor(what, async () => (await this.listed(domain)).length === count, deadline);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lab[Symbol.asyncDispose]();
  }
}

/** The number of services that a collector has reported as come. */
function heardBy(collector: Gateway): number {
  return collector
    .events(/^(more services|service) came$/)
    .reduce((sum, { count = 1 }) => sum + (count as number), 0);
}

function untilHeard(collectors: readonly Gateway[], count: number): Promise<boolean> {
  return waitFor("all to be heard", () => collectors.every((each) => heardBy(each) >= count));
}

function namesOf(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${name} ${i + 1}`);
}

const options = { skip: needs("dig"), concurrency: true };

describe("Two offices and what goes wrong between them", options, () => {
  it("After a cut of the wide area network, the zone is again what both LANs say", async (t) => {
    await using offices = await Offices.open();
    const { paris, lyon } = offices;
    const collectors = await Promise.all([
      paris.collect("collector", 2),
      lyon.collect("collector", 2),
    ]);
    const [leaving] = await Promise.all([
      paris.devices("leaving", 100),
      paris.devices("staying", 20),
      lyon.devices("distant", 20),
    ]);
    await offices.untilListed("all to be there", 140);

    paris.branch.router.cable("wan", "down");
    const cut = Date.now();
    order(leaving!, { isMute: true, goodbye: true });
    await paris.devices("coming", 100);
    await offices.untilListed("the lease of Paris to be over", 20, ZONE, 60_000);
    const said = (pattern: RegExp) => collectors[0]!.events(pattern).length;
    await waitFor("a line to say so", () => said(/takes no updates/) > 0);
    assert.equal(said(/takes no updates/), 1);

    paris.branch.router.cable("wan", "up");
    const healed = Date.now();
    await offices.untilListed("all to be there again", 140);
    const after = Date.now() - healed;
    t.diagnostic(`200 changes in a cut of ${healed - cut} ms: the zone is equal after ${after} ms`);
    assert.deepEqual(
      await offices.listed(),
      [...namesOf("coming", 100), ...namesOf("distant", 20), ...namesOf("staying", 20)].sort(),
    );
    await waitFor("a line to say so", () => said(/takes updates again/) > 0);
    assert.equal(said(/takes updates again/), 1);

    const began = Date.now();
    const ended = await Promise.all(collectors.map(({ program }) => program.stop("SIGTERM")));
    assert.deepEqual(ended, [0, 0]);
    t.diagnostic(`120 services withdrawn and ended after ${Date.now() - began} ms`);
    assert.deepEqual(await offices.listed(), []);
  });

  it("A device's new data replaces the old, though a dead collector still holds the old", async (t) => {
    await using offices = await Offices.open();
    const { paris, nameServer } = offices;
    const [living, dead, devices] = await Promise.all([
      paris.collect("living", 2),
      paris.collect("dead", 3, 1),
      paris.devices("talking", 3, "_presence._tcp"),
    ]);
    const browse = `_presence._tcp.paris.${ZONE}.`;
    await waitFor(
      "all to be there",
      async () => (await offices.ask(browse, "PTR")).length === 3,
      30_000,
    );
    await untilHeard([living, dead], 3);
    // Until both hold it.
    await sleep(5000);
    await dead.program.stop("SIGKILL");
    const watch = new Watch(nameServer, NAME_SERVER, `talking\\0321.${browse}`, "TXT");
    await watch.until("an answer", ({ count }) => count === 1);
    const said = Date.now();
    order(devices, { text: "something else" });
    const isNews = ({ records }: Change) => textOf(records[0]!) === "something else";
    const { at } = await watch.until(
      "the new alone",
      (change) => change.count === 1 && isNews(change),
    );
    t.diagnostic(`what a device says anew stands alone after ${at - said} ms`);
    assert.equal(watch.changes.length, 2, "at no time both");
    const after = await offices.serial();
    await sleep((LEASE / 2) * 1000);
    assert.equal(watch.changes.length, 2, "nor when leases are renewed");
    assert.equal(await offices.serial(), after);
    await Promise.all([devices.stop("SIGKILL"), living.program.stop("SIGTERM")]);
    await waitFor(
      "the dead one's lease",
      async () => (await offices.ask(browse, "PTR")).length === 0,
      40_000,
    );
  });

  it("SEC-25, SEC-17: one of two collectors dies unnoticed; what a lone one published expires", async (t) => {
    await using offices = await Offices.open();
    const { paris, lyon, nameServer } = offices;
    const [first, second, alone] = await Promise.all([
      paris.collect("first", 2),
      paris.collect("second", 3, 1),
      lyon.collect("alone", 2),
      paris.devices("staying", 120),
      lyon.devices("distant", 20),
      paris.devices("watched", 10, "_http._tcp"),
    ]);
    await offices.untilListed("all of Paris", 120, `paris.${ZONE}`);
    await offices.untilListed("all of Lyon", 20, `lyon.${ZONE}`);
    await untilHeard([first!, second!], 130);
    // Until both hold it.
    await sleep(5000);
    const watch = new Watch(nameServer, NAME_SERVER, `_http._tcp.paris.${ZONE}.`, "PTR");
    await watch.until("an answer", ({ count }) => count === 10);
    const before = await offices.serial();
    const killed = Date.now();
    await Promise.all([first!, alone!].map(({ program }) => program.stop("SIGKILL")));
    await offices.untilListed("the lease of Lyon to be over", 0, `lyon.${ZONE}`, 60_000);
    t.diagnostic(`who never returns: all is gone ${Date.now() - killed} ms after its death`);
    const changed = await offices.serial();
    await first!.restart();
    await sleep(20_000);
    assert.equal(await offices.serial(), changed, "nothing has changed since");
    assert.equal(watch.changes.length, 1, "nobody has noticed anything of Paris");
    assert.ok(changed > before);
  });
});
