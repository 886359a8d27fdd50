/** Interfaces that get another name, another address, a VLAN, or lose their carrier for a while. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, it } from "node:test";
import { addressOf, targetOf } from "../../src/dns/rdata.ts";
import { Avahi } from "../support/avahi.ts";
import { dig } from "../support/dig.ts";
import { Gateway, type GatewaySettings, Watch } from "../support/gateway.ts";
import { type Host, Lab, needs } from "../support/lab.ts";
import { sleep, waitFor } from "../support/wait.ts";

const ZONE = "bonjour.example.com";
const TYPE = "_ssh._tcp";
const REVERSE = "10.in-addr.arpa";
const VLAN = "eth0.20";

/** A LAN with an Avahi host on it, and the host for the gateway. */
async function openLan(lab: Lab) {
  const lan = lab.lan("lan");
  const host = lab.host("gw").plug(lan, { name: "eth0", addresses: ["10.77.1.1/24"] });
  const addresses = ["10.77.1.10/24", "10.99.1.10/24"];
  const peer = lab.host("peer").plug(lan, { name: "eth0", addresses });
  const avahi = await Avahi.start(peer, {
    ...{ hostName: "host-10", hasBus: true },
    services: [{ name: "First", type: TYPE, port: 22 }],
  });
  return { lan, host, avahi };
}

/** The gateway on `host`, asked there. */
class Asked {
  readonly gateway: Gateway;
  readonly #host: Host;

  private constructor(host: Host, gateway: Gateway) {
    this.#host = host;
    this.gateway = gateway;
  }

  static async start(host: Host, settings: Partial<GatewaySettings> = {}): Promise<Asked> {
    return new Asked(host, await Gateway.start(host, { zone: ZONE, ...settings }));
  }

  async ask(name: string, type: string): Promise<string[]> {
    const { answers } = await dig(this.#host, { server: "127.0.0.1", name: `${name}.`, type });
    return answers
      .map(({ rdata }) => `${type === "A" ? addressOf(rdata) : targetOf(rdata)}`)
      .sort();
  }

  async serial(): Promise<number> {
    const question = { server: "127.0.0.1", name: `${ZONE}.`, type: "SOA" };
    return (await dig(this.#host, question)).answers[0]!.rdata.values[2] as number;
  }

  /** Waits until a site has so many services. */
  async services(site: string, count: number): Promise<void> {
    const name = `${TYPE}.${site}.${ZONE}`;
    const isSo = async () => (await this.ask(name, "PTR")).length === count;
    await waitFor(`${count} services in ${site}`, isSo, 40_000, 100);
  }

  async becomes(name: string, type: string, expected: readonly string[]): Promise<void> {
    const isSo = async () => `${await this.ask(name, type)}` === `${expected}`;
    await waitFor(`${name} ${type} to be ${expected}`, isSo, 25_000, 200);
  }

  async isSettled(): Promise<number> {
    let before = 0;
    const isSettled = async () => {
      const serial = await this.serial();
      const isSame = serial === before;
      before = serial;
      return isSame && serial;
    };
    return waitFor("the zone to be at rest", isSettled, 60_000, 3_000);
  }

  facts(pattern: RegExp): unknown[] {
    return this.gateway.events(pattern).map(({ msg, interface: name }) => name ?? msg);
  }
}

/** The interfaces on which this host has joined 224.0.0.251. */
async function joined(host: Host): Promise<string[]> {
  const text = await host.succeed(["cat", "/proc/net/igmp"]);
  return [...text.matchAll(/^\d+\s+(\S+)[^\n]*\n((?:\t+.*\n?)*)/gm)]
    .filter(([, , groups]) => groups!.includes("FB0000E0"))
    .map(([, name]) => name!);
}

describe("MDNS-47: links that move", {
  skip: needs("avahi-daemon", "avahi-publish", "dbus-daemon", "dig", "python3"),
  concurrency: 3,
}, () => {
  it("A configured interface that is renamed is away until it has its name again", async () => {
    await using lab = new Lab();
    const { host, avahi } = await openLan(lab);
    const links = [{ interface: "eth0", site: "office" }];
    const asked = await Asked.start(host, { links, grace: 8 });
    await asked.services("office", 1);
    const renamed = Date.now();
    host.rename("eth0", "eth7");
    await waitFor("its end", () => asked.facts(/link is down/).length === 1);
    await waitFor(
      "a warning",
      () => asked.facts(/interface eth0 does not exist, is down or has no address/).length,
    );
    assert.equal((await asked.ask(`${TYPE}.office.${ZONE}`, "PTR")).length, 1, "for its grace");
    await asked.services("office", 0);
    assert.ok(Date.now() - renamed >= 8_000);
    assert.deepEqual(await joined(host), []);

    host.rename("eth7", "eth0");
    await asked.services("office", 1);
    assert.deepEqual(await joined(host), ["eth0"]);
    const late = await avahi.publish({ name: "Second", type: TYPE, port: 23 });
    await asked.services("office", 2);
    await late.stop();
    await asked.services("office", 1);
  });

  it("A discovered interface is found by its new name, and what it hears is there once", async () => {
    await using lab = new Lab();
    const { host, avahi } = await openLan(lab);
    const asked = await Asked.start(host, { grace: 4 });
    await asked.services("eth0", 1);
    host.rename("eth0", "eth7");
    await asked.services("eth7", 1);
    await asked.services("eth0", 0);
    assert.deepEqual(asked.facts(/link is (up|down)/), ["eth0", "eth0", "eth7"]);
    assert.deepEqual(await joined(host), ["eth7"]);
    await asked.becomes(`${TYPE}.${ZONE}`, "PTR", [`First.${TYPE}.eth7.${ZONE}.`]);
    const late = await avahi.publish({ name: "Second", type: TYPE, port: 23 });
    await asked.services("eth7", 2);
    await late.stop();
    await asked.services("eth7", 1);
  });

  it("Nothing changes in the zone when both names of an interface are of one site", async () => {
    await using lab = new Lab();
    const { host } = await openLan(lab);
    const links = ["eth0", "eth7"].map((name) => ({ interface: name, site: "office" }));
    const asked = await Asked.start(host, { links, grace: 4 });
    await asked.services("office", 1);
    const serial = await asked.isSettled();
    host.rename("eth0", "eth7");
    await waitFor("the other", () => asked.facts(/link is up/).length === 2);
    await sleep(6_000);
    assert.equal(await asked.serial(), serial);
  });

  it("With another address, names of networks, addresses of hosts and their PTRs follow", async () => {
    await using lab = new Lab();
    const { host } = await openLan(lab);
    const links = [{ interface: "eth0", site: "office" }];
    const asked = await Asked.start(host, { links, reverse: [REVERSE] });
    const network = (text: string) => `lb._dns-sd._udp.0.1.${text}.${REVERSE}`;
    const isIn = async (here: string, elsewhere: string) => {
      await asked.services("office", 1);
      await asked.becomes(`host-10.office.${ZONE}`, "A", [`10.${here}.1.10`]);
      await asked.becomes(network(here), "PTR", [`${ZONE}.`]);
      await asked.becomes(network(elsewhere), "PTR", []);
      await asked.becomes(`10.1.${here}.${REVERSE}`, "PTR", [`host-10.office.${ZONE}.`]);
      await asked.becomes(`10.1.${elsewhere}.${REVERSE}`, "PTR", []);
    };
    await isIn("77", "99");
    // Another lease of the same network.
    const serial = await asked.isSettled();
    host.removeAddress("eth0", "10.77.1.1/24");
    host.addAddress("eth0", "10.77.1.7/24");
    await waitFor("memberships", async () => (await joined(host)).length === 1);
    await sleep(12_000);
    assert.equal(await asked.serial(), serial);
    assert.deepEqual(asked.facts(/link (is down|has moved)/), []);
    // Another network.
    host.removeAddress("eth0", "10.77.1.7/24");
    host.addAddress("eth0", "10.99.1.1/24");
    await isIn("99", "77");
    assert.deepEqual(asked.facts(/link (is down|has moved)/), ["eth0"]);
    assert.deepEqual(await joined(host), ["eth0"]);
  });

  it("A link-local address alone changes nothing for less than the grace; then services go", async () => {
    await using lab = new Lab();
    const { host } = await openLan(lab);
    const links = [{ interface: "eth0", site: "office" }];
    const asked = await Asked.start(host, { links, reverse: [REVERSE] });
    await asked.services("office", 1);
    await asked.becomes(`10.1.77.${REVERSE}`, "PTR", [`host-10.office.${ZONE}.`]);
    const serial = await asked.isSettled();
    const network = "10.77.1.1/24";
    // As a DHCP client does without a carrier; when it returns, IPv6 has been there for a while.
    host.cable("eth0", "down");
    host.removeAddress("eth0", network);
    await waitFor("its end", () => asked.facts(/link is down/).length === 1);
    host.cable("eth0", "up");
    await waitFor("its return", () => asked.facts(/link is up/).length === 2);
    await sleep(4_000);
    host.addAddress("eth0", network);
    // Whatever is not heard again within ten seconds would go (RFC 6762 §10.4).
    await sleep(11_000);
    assert.equal(await asked.serial(), serial);
    assert.equal((await asked.ask(`${TYPE}.office.${ZONE}`, "PTR")).length, 1);
    // After longer it is in no network.
    host.removeAddress("eth0", network);
    await asked.services("office", 0);
    host.addAddress("eth0", network);
    await asked.services("office", 1);
    assert.deepEqual(asked.facts(/link is up/), ["eth0", "eth0"]);
  });

  const skip = existsSync("/dev/net/tun") ? false : "needs /dev/net/tun";
  it("A VLAN is heard from when it is added until it is removed", {
    skip,
  }, async () => {
    await using lab = new Lab();
    const { lan, host } = await openLan(lab);
    const asked = await Asked.start(host, { grace: 0 });
    await asked.services("eth0", 1);
    const guest = lab.host("guest").plug(lan, { name: "eth0", addresses: [] });
    await guest.vlan("eth0", 20, "10.20.0.10/24");
    const services = [{ name: "Guest", type: TYPE, port: 22 }];
    await Avahi.start(guest, { hostName: "guest", services, interfaces: VLAN });

    await host.vlan("eth0", 20, "10.20.0.1/24");
    await asked.services("eth0\\.20", 1);
    await asked.becomes(`guest.eth0\\.20.${ZONE}`, "A", ["10.20.0.10"]);
    assert.equal((await asked.ask(`${TYPE}.${ZONE}`, "PTR")).length, 2);
    assert.equal((await asked.ask(`${TYPE}.eth0.${ZONE}`, "PTR")).length, 1, "each its own");
    assert.deepEqual((await joined(host)).sort(), ["eth0", VLAN]);
    host.unplug(VLAN);
    await asked.services("eth0\\.20", 0);
    await asked.services("eth0", 1);
  });

  it("A lost carrier changes nothing for less than the grace; for more, services go and return", async () => {
    await using lab = new Lab();
    const { host } = await openLan(lab);
    const links = [{ interface: "eth0", site: "office" }];
    const asked = await Asked.start(host, { links, grace: 6 });
    await asked.services("office", 1);
    const watch = new Watch(host, "127.0.0.1", `${TYPE}.office.${ZONE}.`, "PTR");
    await watch.until("an answer", ({ count }) => count === 1);
    const serial = await asked.isSettled();
    host.cable("eth0", "down");
    await waitFor("its end", () => asked.facts(/link is down/).length === 1);
    await sleep(2_000);
    host.cable("eth0", "up");
    await waitFor("its return", () => asked.facts(/link is up/).length === 2);
    // Whatever is not heard again within ten seconds would go (RFC 6762 §10.4).
    await sleep(11_000);
    assert.equal(await asked.serial(), serial);

    const since = Date.now();
    host.cable("eth0", "down");
    const gone = await watch.until("its end", ({ count }) => count === 0, {
      ...{ since, deadline: 20_000 },
    });
    assert.ok(gone.at - since >= 6_000, `${gone.at - since} ms`);
    host.cable("eth0", "up");
    await watch.until("its return", ({ count }) => count === 1, { since: gone.at });
    const counts = watch.changes.map(({ count }) => count);
    assert.deepEqual(
      counts.filter((count, i) => count !== counts[i - 1]),
      [1, 0, 1],
    );
  });
});
