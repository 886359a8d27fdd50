/** A collector that is told to stop stops soon, whatever it waits for. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Avahi } from "../support/avahi.ts";
import { dig } from "../support/dig.ts";
import { Gateway, type GatewaySettings } from "../support/gateway.ts";
import { type Host, Lab, needs } from "../support/lab.ts";
import { waitFor } from "../support/wait.ts";

const ZONE = "bonjour.example.com";
const SERVER = "192.0.2.53";
const SECRET = Buffer.from("a secret of both").toString("base64");
const keys = { paris: { secret: SECRET, site: "paris" } };

/** A collector's host on a LAN with a service, and a gateway behind a router. */
async function open(lab: Lab) {
  const [lan, wan] = [lab.lan("lan"), lab.lan("wan")];
  const place = (name: string, last: number) =>
    lab.host(name).plug(lan, { name: "eth0", addresses: [`10.1.0.${last}/24`] });
  const router = place("router", 1).plug(wan, { name: "wan", addresses: ["192.0.2.1/24"] });
  router.set("net/ipv4/ip_forward", "1");
  const far = lab.host("far").plug(wan, { name: "eth0", addresses: [`${SERVER}/24`] });
  far.route("10.1.0.0/24", "192.0.2.1");
  const host = place("collector", 2).route("192.0.2.0/24", "10.1.0.1");
  host.etc("resolv.conf", `nameserver ${SERVER}\n`);
  await Avahi.start(place("printer", 10), {
    hostName: "printer",
    services: [{ name: "Printer", type: "_ipp._tcp", port: 631 }],
  });
  /** From then on, what is sent to the server vanishes. */
  const cut = () => router.route(`${SERVER}/32`);
  return { host, far, cut };
}

const startCollector = (host: Host, settings: Partial<GatewaySettings> = {}) =>
  Gateway.start(host, {
    ...{ zone: ZONE, keys, grace: 600 },
    links: [{ interface: "eth0", site: "paris" }],
    publish: { server: `${SERVER}:53`, key: "paris", withdraw: true },
    ...settings,
  });

/** The host's sockets, UDP and TCP. */
const sockets = (host: Host) => host.succeed(["cat", "/proc/net/udp", "/proc/net/tcp"]);

/** Sends `signal`; the collector must end in order by itself, before `stop` gives up and kills it. */
async function ends({ program }: Gateway, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  assert.equal(await program.stop(signal), 0, program.stderr);
}

describe("A collector that is told to stop", {
  skip: needs("avahi-daemon", "dig"),
}, () => {
  it("Stops at once though the gateway was never there, with a link or without", async () => {
    await using lab = new Lab();
    const { host, cut } = await open(lab);
    cut();
    const collector = await startCollector(host);
    await waitFor("the printer", () => collector.events(/service came/).length > 0);
    await ends(collector);
    // Where nobody says at which site the link is, or which server the zone has, or where that server is.
    const publish = { key: "paris", withdraw: true };
    const named = { ...publish, server: "ns1.example.com:53" };
    for (const settings of [{ links: [{ interface: "eth0" }] }, { publish }, { publish: named }]) {
      const asking = await startCollector(host, settings);
      const isAsking = async () => (await sockets(host)).includes(":0035 ");
      await waitFor("a question on its way", isAsking);
      await ends(asking, "SIGINT");
    }
  });

  it("Stops at once while its link is away and the gateway out of reach, and right at start", async () => {
    await using lab = new Lab();
    const { host, far, cut } = await open(lab);
    await Gateway.start(far, { zone: ZONE, keys, links: [] });
    const collector = await startCollector(host);
    const question = { server: SERVER, name: `_ipp._tcp.paris.${ZONE}.`, type: "PTR" };
    const count = async () => (await dig(far, question)).answers.length;
    await waitFor("the printer", async () => (await count()) === 1);
    cut();
    host.cable("eth0", "down");
    await waitFor("its end", () => collector.events(/link is down/).length === 1);
    await ends(collector);
    assert.equal(await count(), 1, "there is nobody to take it away");
    const late = await startCollector(host);
    await ends(late);
  });

  it("Withdraws what it published while its link is away and the gateway is there", async () => {
    await using lab = new Lab();
    const { host, far } = await open(lab);
    await Gateway.start(far, { zone: ZONE, keys, links: [] });
    // The gateway is reached by another way than the link that is heard.
    const up = lab.lan("up");
    host.unroute("192.0.2.0/24");
    host.plug(up, { name: "eth1", addresses: ["100.64.0.2/24"] });
    far.plug(up, { name: "eth1", addresses: ["100.64.0.1/24"] });
    const publish = { server: "100.64.0.1:53", key: "paris", withdraw: true };
    const collector = await startCollector(host, { publish });
    const question = { server: SERVER, name: `_ipp._tcp.paris.${ZONE}.`, type: "PTR" };
    const count = async () => (await dig(far, question)).answers.length;
    await waitFor("the printer", async () => (await count()) === 1);
    host.cable("eth0", "down");
    await waitFor("its end", () => collector.events(/link is down/).length === 1);
    assert.equal(await count(), 1);
    await ends(collector);
    assert.equal(await count(), 0);
  });
});
