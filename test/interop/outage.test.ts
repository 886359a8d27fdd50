/**
 * What goes wrong between offices, and what clients notice of it: the wide area network is cut, a
 * collector is killed, and comes back or never does; `absence.test.ts` has it away for long. Two
 * offices, each with a collector alone on its LAN that publishes by signed DNS UPDATE to a name server
 * in the wide area network.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
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

/** Seconds: the least there is (RFC 9664 §8). */
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

  /** Printers, `each` on one address, that are announced at once. */
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

/** Of a TXT record of one string, in hex. */
function textOf(hex: string): string {
  return Buffer.from(hex, "hex").subarray(1).toString();
}

function order(devices: Running, what: FleetOrder): void {
  devices.say(JSON.stringify(what));
}

describe("Two offices and what goes wrong between them", { skip: needs("dig") }, () => {
  let lab: Lab;
  let nameServer: Host;
  let paris: Office;
  let lyon: Office;

  before(async () => {
    lab = new Lab();
    const wide = new WideArea(lab);
    nameServer = wide.nameServer;
    [paris, lyon] = [new Office(wide.branch("paris")), new Office(wide.branch("lyon"))];
    await wide.serve();
  });

  after(async () => {
    await lab?.[Symbol.asyncDispose]();
  });

  const ask = async (name: string, type: string) =>
    (await dig(nameServer, { server: NAME_SERVER, name, type, options: ["+tcp"] })).answers;
  const serial = async () => {
    const [soa] = await ask(`${ZONE}.`, "SOA");
    assert.equal(soa?.type, Type.SOA);
    return soa.rdata.values[2] as number;
  };
  const listed = async (domain = ZONE) => {
    const answers = await ask(`${TYPE}.${domain}.`, "PTR");
    return answers.map(({ rdata }) => labelToUnicode(targetOf(rdata)!.labels[0]!)).sort();
  };
  const untilListed = (what: string, count: number, domain?: string, deadline = 30_000) =>
    waitFor(what, async () => (await listed(domain)).length === count, deadline);
  const namesOf = (name: string, count: number) =>
    Array.from({ length: count }, (_, i) => `${name} ${i + 1}`);

  it("The wide area network is cut; when it heals, the zone is what both LANs say", async (t) => {
    const collectors = await Promise.all([
      paris.collect("collector", 2),
      lyon.collect("collector", 2),
    ]);
    const [leaving] = await Promise.all([
      paris.devices("leaving", 100),
      paris.devices("staying", 20),
      lyon.devices("distant", 20),
    ]);
    await untilListed("all to be there", 140);

    paris.branch.router.cable("wan", "down");
    const cut = Date.now();
    order(leaving!, { isMute: true, goodbye: true });
    await paris.devices("coming", 100);
    await untilListed("the lease of Paris to be over", 20, ZONE, 60_000);
    const said = (pattern: RegExp) => collectors[0]!.events(pattern).length;
    await waitFor("a line to say so", () => said(/takes no updates/) > 0);
    assert.equal(said(/takes no updates/), 1);

    paris.branch.router.cable("wan", "up");
    const healed = Date.now();
    await untilListed("all to be there again", 140);
    const after = Date.now() - healed;
    t.diagnostic(`200 changes in a cut of ${healed - cut} ms: the zone is equal after ${after} ms`);
    assert.deepEqual(
      await listed(),
      [...namesOf("coming", 100), ...namesOf("distant", 20), ...namesOf("staying", 20)].sort(),
    );
    await waitFor("a line to say so", () => said(/takes updates again/) > 0);
    assert.equal(said(/takes updates again/), 1);

    const began = Date.now();
    const ended = await Promise.all(collectors.map(({ program }) => program.stop("SIGTERM")));
    assert.deepEqual(ended, [0, 0]);
    t.diagnostic(`120 services withdrawn and ended after ${Date.now() - began} ms`);
    assert.deepEqual(await listed(), []);
  });

  it("What a device says anew is all there is, though a dead collector held the old", async (t) => {
    const [living, dead, devices] = await Promise.all([
      paris.collect("collector6", 7),
      paris.collect("collector7", 8, 1),
      paris.devices("talking", 3, "_presence._tcp"),
    ]);
    const browse = `_presence._tcp.paris.${ZONE}.`;
    await waitFor("all to be there", async () => (await ask(browse, "PTR")).length === 3, 30_000);
    // Both have heard, and both hold, all that there is.
    await sleep(3000);
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
    const after = await serial();
    await sleep((LEASE / 2) * 1000);
    assert.equal(watch.changes.length, 2, "nor when leases are renewed");
    assert.equal(await serial(), after);
    await Promise.all([devices.stop("SIGKILL"), living.program.stop("SIGTERM")]);
    await waitFor(
      "the dead one's lease",
      async () => (await ask(browse, "PTR")).length === 0,
      40_000,
    );
  });

  it("SEC-25, SEC-17: of two collectors one dies and returns; one alone never returns", async (t) => {
    const [first, , alone] = await Promise.all([
      paris.collect("collector3", 4),
      paris.collect("collector4", 5, 1),
      lyon.collect("collector5", 6),
      paris.devices("watched", 10, "_http._tcp"),
    ]);
    await untilListed("all of Paris", 120, `paris.${ZONE}`);
    await untilListed("all of Lyon", 20, `lyon.${ZONE}`);
    // Both have heard, and both hold, all that there is.
    await sleep(3000);
    const watch = new Watch(nameServer, NAME_SERVER, `_http._tcp.paris.${ZONE}.`, "PTR");
    await watch.until("an answer", ({ count }) => count === 10);
    const before = await serial();
    const killed = Date.now();
    await Promise.all([first!, alone!].map(({ program }) => program.stop("SIGKILL")));
    await untilListed("the lease of Lyon to be over", 0, `lyon.${ZONE}`, 60_000);
    t.diagnostic(`who never returns: all is gone ${Date.now() - killed} ms after its death`);
    const changed = await serial();
    await first!.restart();
    await sleep(20_000);
    assert.equal(await serial(), changed, "nothing has changed since");
    assert.equal(watch.changes.length, 1, "nobody has noticed anything of Paris");
    assert.ok(changed > before);
  });
});
