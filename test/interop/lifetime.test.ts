/**
 * How soon a service is there, how soon it is gone, and how soon a missing name is denied.
 * The figures are printed; the bounds are wide enough for a busy machine.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Type } from "../../src/dns/constants.ts";
import { Avahi } from "../support/avahi.ts";
import type { Asked, FleetOrder } from "../support/devices.ts";
import { dig } from "../support/dig.ts";
import { Gateway, Watch } from "../support/gateway.ts";
import { Lab, needs } from "../support/lab.ts";
import { GATEWAY, type Office, office } from "../support/office.ts";
import type { Running } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";

const ZONE = "bonjour.example.com";
const SITE = `office.${ZONE}`;
/** Seconds: a life short enough to be watched to its end. */
const TTL = 20;
const ANNOUNCE = { announce: { packet: 10, burst: 10, pause: 0 } };

describe("The life of a service", {
  skip: needs("avahi-daemon", "avahi-browse", "dbus-daemon", "dig"),
}, () => {
  let lab: Lab;
  let net: Office;

  before(async () => {
    lab = new Lab();
    net = office(lab);
    await Gateway.start(net.gateway, {
      zone: ZONE,
      links: [{ interface: "eth0", site: "office" }],
      // So that all can hear every question.
      refresh: "multicast",
    });
  });

  after(async () => {
    await lab?.[Symbol.asyncDispose]();
  });

  const startDevice = async (name: string, number: number, fields: object): Promise<Running> => {
    const fleet = net
      .device(name, number)
      .script("devices", JSON.stringify({ addresses: [`10.77.1.${number}`], name, ...fields }));
    await waitFor("the device", () => fleet.events("ready").length > 0);
    return fleet;
  };
  const order = (fleet: Running, what: FleetOrder) => fleet.say(JSON.stringify(what));
  /** When a device did what it was told to, in milliseconds since 1970. */
  const timeOf = async (fleet: Running, event: "announced" | "goodbye"): Promise<number> => {
    const [done] = await waitFor(event, () => {
      const all = fleet.events<{ at: number }>(event);
      return all.length > 0 && all;
    });
    return done!.at;
  };
  const isThere = (change: { count: number }) => change.count > 0;
  const isGone = (change: { count: number }) => change.count === 0;

  it("A missing name gets NXDOMAIN, a missing type NODATA, both with the SOA and at once", async (t) => {
    const times: number[] = [];
    for (let i = 0; i < 10; i++) {
      const missing = { server: GATEWAY, name: `not-here-${i}.${SITE}.`, type: "A" };
      const reply = await dig(net.client, missing);
      assert.deepEqual([reply.status, reply.answers.length], ["NXDOMAIN", 0]);
      assert.deepEqual(
        reply.authorities.map((record) => record.type),
        [Type.SOA],
      );
      const empty = await dig(net.client, { server: GATEWAY, name: `${SITE}.`, type: "HINFO" });
      assert.deepEqual([empty.status, empty.answers.length], ["NOERROR", 0]);
      assert.deepEqual(
        empty.authorities.map((record) => record.type),
        [Type.SOA],
      );
      times.push(reply.time, empty.time);
    }
    times.sort((a, b) => a - b);
    t.diagnostic(`a name not there: ${times[10]} ms in the middle, ${times.at(-1)} ms at most`);
    assert.ok(times[10]! < 50);
  });

  it("MDNS-38: a new service is soon visible, and gone about a second after its goodbye", async (t) => {
    const watch = new Watch(net.client, GATEWAY, `_new._tcp.${SITE}.`, "PTR");
    const merged = new Watch(net.client, GATEWAY, `_new._tcp.${ZONE}.`, "PTR");
    await watch.until("an answer", isGone);
    const fleet = await startDevice("fresh", 20, { type: "_new._tcp" });
    order(fleet, ANNOUNCE);
    const came = await watch.until("the service", isThere);
    const announced = await timeOf(fleet, "announced");
    t.diagnostic(`new service to visible: ${came.at - announced} ms`);
    assert.ok(came.at - announced < 2_500, `${came.at - announced} ms`);
    await merged.until("the merged view", isThere);

    order(fleet, { isMute: true, goodbye: true });
    const went = await watch.until("its end", isGone, { since: came.at });
    const said = await timeOf(fleet, "goodbye");
    t.diagnostic(`goodbye to gone: ${went.at - said} ms`);
    assert.ok(went.at - said >= 950 && went.at - said < 2_500, `${went.at - said} ms`);
    await merged.until("its end in the merged view", isGone, { since: came.at });
    await fleet.stop();
  });

  it("A service of Avahi is gone about a second after its goodbye", async (t) => {
    const watch = new Watch(net.client, GATEWAY, `_vnc._tcp.${SITE}.`, "PTR");
    await watch.until("an answer", isGone);
    const avahi = await Avahi.start(net.device("avahi", 10), { hostName: "host-10", hasBus: true });
    const service = await avahi.publish({ name: "Screen", type: "_vnc._tcp", port: 5900 });
    const came = await watch.until("the service", isThere);
    const said = Date.now();
    await service.stop();
    const went = await watch.until("its end", isGone, { since: came.at });
    t.diagnostic(`goodbye of Avahi to gone: ${went.at - said} ms`);
    assert.ok(went.at - said >= 950 && went.at - said < 2_500, `${went.at - said} ms`);
    await avahi.stop();
  });

  it("MDNS-06: a crashed service is asked for at 80, 85, 90 and 95 % of its life, then gone", async (t) => {
    const watch = new Watch(net.client, GATEWAY, `_crash._tcp.${SITE}.`, "PTR");
    await watch.until("an answer", isGone);
    const fleet = await startDevice("doomed", 21, { type: "_crash._tcp", ttl: TTL });
    order(fleet, { isMute: true, ...ANNOUNCE });
    const came = await watch.until("the service", isThere);
    const announced = await timeOf(fleet, "announced");
    const went = await watch.until("its end", isGone, {
      since: came.at,
      deadline: (TTL + 5) * 1_000,
    });
    const life = (at: number) => (at - announced) / (TTL * 1_000);
    const asked = fleet
      .events<Asked>("asked")
      .filter(({ type, name }) => type === Type.SRV && name.includes("_crash."))
      .map(({ at }) => life(at));
    const shown = asked.map((part) => `${(part * 100).toFixed(1)} %`).join(", ");
    t.diagnostic(
      `crash: SRV asked for at ${shown} of its life; gone at ${(life(went.at) * 100).toFixed(1)} %`,
    );
    assert.ok(life(went.at) > 0.98 && life(went.at) < 1.1, `gone at ${life(went.at)}`);
    // A machine that is busy from one of these times to the next asks once for both.
    const parts = [0.8, 0.85, 0.9, 0.95];
    assert.ok(asked.length > 1 && asked.length <= parts.length, shown);
    for (const [i, at] of asked.entries()) assert.ok(at > parts[i]! - 0.005, shown);
    assert.ok(asked.at(-1)! > parts.at(-1)! - 0.005, shown);
  });
});
