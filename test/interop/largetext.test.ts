/** TXT records larger than a packet should be, from a device on the wire to a client elsewhere. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { rdata } from "../../src/dns/rdata.ts";
import { dig } from "../support/dig.ts";
import { Gateway } from "../support/gateway.ts";
import { Lab, needs } from "../support/lab.ts";
import type { RespondedService } from "../support/multicast-responder.ts";
import { GATEWAY, office } from "../support/office.ts";
import { waitFor } from "../support/wait.ts";

const ZONE = "bonjour.example.com";
const RED = "\u009b31mRed";

/** So many octets of TXT data, in strings as long as they may be. */
function textOf(octets: number): string[] {
  const strings: string[] = [];
  for (let left = octets; left > 0; left -= 256) {
    strings.push(`k${strings.length}=`.padEnd(Math.min(left, 256) - 1, "x"));
  }
  return strings;
}

test("SD-13: TXT records of 2 and 8.8 kB arrive whole by TCP, truncated by UDP, and are logged", {
  skip: needs("dig"),
}, async () => {
  await using lab = new Lab();
  const net = office(lab);
  const services: RespondedService[] = [
    { name: "Small", octets: 1300 },
    { name: RED, octets: 2000 },
    { name: "Vast", octets: 8800 },
  ].map(({ name, octets }, i) => ({
    ...{ name, type: "_http._tcp", port: 80, host: `h${i}`, address: "10.77.1.20" },
    txt: textOf(octets),
  }));
  for (const [i, service] of services.entries()) {
    const address = `10.77.1.${20 + i}`;
    const device = net.device(`d${i}`, 20 + i);
    const parameters = [address, JSON.stringify([{ ...service, address }])];
    await device.script("multicast-responder", ...parameters).line(/ready/);
  }
  const links = [{ interface: "eth0", site: "paris" }];
  const gateway = await Gateway.start(net.gateway, { zone: ZONE, links });
  const ask = (instance: string, ...options: readonly string[]) =>
    dig(net.client, {
      server: GATEWAY,
      name: `${instance}._http._tcp.paris.${ZONE}.`,
      type: "TXT",
      options,
    });
  await waitFor("the services", async () => {
    const name = `_http._tcp.${ZONE}.`;
    const { answers } = await dig(net.client, { server: GATEWAY, name, type: "PTR" });
    return answers.length === services.length;
  });
  for (const { name, txt } of services) {
    const whole = await ask(name, "+tcp");
    const [answer] = whole.answers;
    assert.deepEqual(answer?.rdata, rdata.txt(...txt), name);
    const part = await ask(name, "+ignore");
    assert.ok(part.flags.includes("tc"), name);
    assert.deepEqual(part.answers, []);
  }
  // Where they do not come at once, the second is logged a minute after the first.
  await waitFor("both to be told of", () => gateway.events(/TXT record/).length > 1, 90_000);
  const warnings = gateway.events(/TXT record/).map(({ service, octets }) => ({ service, octets }));
  assert.deepEqual(
    warnings.sort((a, b) => Number(a.octets) - Number(b.octets)),
    [
      { service: `\\194\\15531mRed._http._tcp.paris.${ZONE}.`, octets: 2000 },
      { service: `Vast._http._tcp.paris.${ZONE}.`, octets: 8800 },
    ],
  );
});
