/** An interface that is unplugged, plugged in again, or given another address. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Avahi } from "../support/avahi.ts";
import { dig } from "../support/dig.ts";
import { Gateway, Watch } from "../support/gateway.ts";
import { Lab, needs } from "../support/lab.ts";
import { sleep, waitFor } from "../support/wait.ts";

const ZONE = "bonjour.example.com";
const TYPE = "_ssh._tcp";

describe("MDNS-45, MDNS-47: an interface that changes", {
  skip: needs("avahi-daemon", "avahi-publish", "dbus-daemon", "dig"),
}, () => {
  it("What was heard on it goes with the link, and the harvest goes on when it is back", async () => {
    await using lab = new Lab();
    const lan = lab.lan("lan");
    const plug = { name: "eth0", addresses: ["10.77.1.1/24"] };
    const host = lab.host("gw").plug(lan, plug);
    const peer = lab
      .host("peer")
      .plug(lan, { name: "eth0", addresses: ["10.77.1.10/24", "10.99.1.10/24"] });
    const avahi = await Avahi.start(peer, {
      ...{ hostName: "host-10", hasBus: true },
      services: [{ name: "First", type: TYPE, port: 22 }],
    });
    const gateway = await Gateway.start(host, {
      zone: ZONE,
      links: [{ interface: "eth0", site: "office" }],
      grace: 0,
    });
    const count = async () => {
      const question = { server: "127.0.0.1", name: `${TYPE}.office.${ZONE}.`, type: "PTR" };
      return (await dig(host, question)).answers.length;
    };
    const served = (number: number) =>
      waitFor(`${number} services`, async () => (await count()) === number, 20_000, 100);
    await served(1);

    host.cable("eth0", "down");
    await served(0);
    host.cable("eth0", "up");
    await served(1);

    host.unplug("eth0");
    await served(0);
    host.plug(lan, plug);
    await served(1);

    host.removeAddress("eth0", "10.77.1.1/24");
    host.addAddress("eth0", "10.99.1.1/24");
    const late = await avahi.publish({ name: "Second", type: TYPE, port: 23 });
    await served(2);
    await late.stop();
    await served(1);
    assert.equal(gateway.program.isRunning, true);
  });

  it("Clients notice nothing when it is away for less than the grace", async () => {
    await using lab = new Lab();
    const lan = lab.lan("lan");
    const plug = { name: "eth0", addresses: ["10.77.1.1/24"] };
    const host = lab.host("gw").plug(lan, plug);
    const services = [{ name: "First", type: TYPE, port: 22 }];
    const peer = lab.host("peer").plug(lan, { name: "eth0", addresses: ["10.77.1.10/24"] });
    await Avahi.start(peer, { hostName: "host-10", services });
    const gateway = await Gateway.start(host, {
      zone: ZONE,
      links: [{ interface: "eth0", site: "office" }],
    });
    const lists = new Watch(host, "127.0.0.1", `${TYPE}.office.${ZONE}.`, "PTR");
    const addresses = new Watch(host, "127.0.0.1", `host-10.office.${ZONE}.`, "A");
    for (const watch of [lists, addresses])
      await watch.until("an answer", ({ count }) => count === 1);
    const since = Date.now();
    const comesBack = async (times: number) => {
      await waitFor("its end", () => gateway.events(/link is down/).length === times);
      await sleep(2_000);
    };
    const isThere = (times: number) =>
      waitFor("its return", () => gateway.events(/link is up/).length === times);

    host.cable("eth0", "down");
    await comesBack(1);
    host.cable("eth0", "up");
    await isThere(2);
    host.unplug("eth0");
    await comesBack(2);
    host.plug(lan, plug);
    await isThere(3);
    // Whatever is not heard again within ten seconds would go (RFC 6762 §10.4).
    await sleep(11_000);
    for (const watch of [lists, addresses]) {
      assert.deepEqual(
        watch.changes.filter(({ at }) => at > since),
        [],
      );
    }
  });
});
