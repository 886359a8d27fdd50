/** How completely and how soon a LAN is known: the first answer has all of it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Fleet, FleetOrder } from "../support/devices.ts";
import { dig } from "../support/dig.ts";
import { Gateway } from "../support/gateway.ts";
import { Lab, needs } from "../support/lab.ts";
import { GATEWAY, type Office, office } from "../support/office.ts";
import type { Running } from "../support/process.ts";
import { sleep, waitFor } from "../support/wait.ts";

const ZONE = "bonjour.example.com";
const links = [{ interface: "eth0", site: "office" }];
const question = { server: GATEWAY, name: `_http._tcp.office.${ZONE}.`, type: "PTR" };

/** Milliseconds until the first browse, in the requirement's words: ten seconds after start. */
const PATIENCE = 10_000;

/** So many devices of one host, which are silent until they are asked or told to announce. */
async function startFleet(
  net: Office,
  count: number,
  fleet: Pick<Fleet, "name" | "each" | "delay">,
): Promise<Running> {
  const addresses = Array.from({ length: count }, (_, i) => `10.77.1.${101 + i}`);
  const host = net.device("devices", 100);
  for (const address of addresses) host.addAddress("eth0", `${address}/24`);
  const fields: Fleet = { addresses, type: "_http._tcp", ...fleet };
  const running = host.script("devices", JSON.stringify(fields));
  await waitFor("the devices", () => running.events("ready").length > 0);
  return running;
}

describe("A LAN that is learned", { skip: needs("dig") }, () => {
  it("The first browse, ten seconds after start, has 30 of 30 devices that only answer", async (t) => {
    await using lab = new Lab();
    const net = office(lab);
    const fleet = await startFleet(net, 30, { name: "Sensor", delay: [20, 120] });
    const gateway = await Gateway.start(net.gateway, { zone: ZONE, links });
    await sleep(gateway.startedAt + PATIENCE - Date.now());
    const browse = await dig(net.client, question);
    assert.equal(browse.answers.length, 30);
    const { answers } = await dig(net.client, {
      ...question,
      name: `Sensor-30.office.${ZONE}.`,
      type: "A",
    });
    assert.equal(answers.length, 1);
    const asked = fleet.events("asked").length;
    t.diagnostic(
      `30 silent devices: 30 of 30 in ${browse.time} ms, after ${asked} questions on the LAN`,
    );
  });

  it("A thousand instances announced in bursts are all there over TCP", async (t) => {
    await using lab = new Lab();
    const net = office(lab);
    const fleet = await startFleet(net, 20, { name: "Port", each: 50 });
    const gateway = await Gateway.start(net.gateway, { zone: ZONE, links });
    await waitFor("the link", () => gateway.events(/link is up/).length > 0);
    const announce: FleetOrder = { announce: { packet: 8, burst: 35, pause: 20 } };
    fleet.say(JSON.stringify(announce));
    const [{ at, packets } = { at: 0, packets: 0 }] = await waitFor("the announcements", () => {
      const done = fleet.events<{ at: number; packets: number }>("announced");
      return done.length > 0 && done;
    });
    await waitFor(
      "a thousand instances",
      async () => {
        const { answers } = await dig(net.client, { ...question, options: ["+tcp"] });
        return answers.length === 1_000;
      },
      20_000,
      50,
    );
    t.diagnostic(
      `1,000 instances in ${packets} packets: 1,000 of 1,000 over TCP, seen ${Date.now() - at} ms ` +
        "after the last packet",
    );
    const { answers } = await dig(net.client, { ...question, options: ["+tcp"] });
    assert.equal(new Set(answers.map((record) => record.rdata.key)).size, 1_000);
    const last = { ...question, name: `Port\\0321000._http._tcp.office.${ZONE}.`, type: "SRV" };
    assert.equal((await dig(net.client, last)).answers.length, 1);
  });
});
