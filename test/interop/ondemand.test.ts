/** What was not harvested is asked for on a LAN with Avahi while dig waits (RFC 8766 §5.6). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatRdata } from "../../src/dns/text.ts";
import { Avahi } from "../support/avahi.ts";
import { dig } from "../support/dig.ts";
import { Gateway } from "../support/gateway.ts";
import { Lab, needs } from "../support/lab.ts";
import { GATEWAY, office } from "../support/office.ts";
import { waitFor } from "../support/wait.ts";

const ZONE = "bonjour.example.com";
const SITE = `office.${ZONE}.`;

describe("A link that is asked on demand", { skip: needs("dig", "avahi-daemon") }, () => {
  it("PROXY-24, PROXY-25, PROXY-26: answers dig about hosts without services and subtypes", async (t) => {
    await using lab = new Lab();
    const net = office(lab);
    await Avahi.start(net.device("server", 20), {
      hostName: "nas",
      services: [
        { name: "Printer", type: "_ipp._tcp", port: 631, subtypes: ["_a4._sub._ipp._tcp"] },
      ],
    });
    await Avahi.start(net.device("laptop", 30), { hostName: "laptop" });
    const gateway = await Gateway.start(net.gateway, {
      zone: ZONE,
      links: [{ interface: "eth0", site: "office", onDemand: true }],
    });
    const ask = (owner: string, type: string) =>
      dig(net.client, { server: GATEWAY, name: `${owner}.${SITE}`, type });
    await waitFor("the printer", async () => (await ask("_ipp._tcp", "PTR")).answers.length > 0);
    assert.deepEqual(gateway.events(/on demand/), []);

    const host = await ask("laptop", "A");
    assert.deepEqual(
      host.answers.map(({ rdata }) => formatRdata(rdata)),
      ["10.77.1.30"],
    );
    const again = await ask("laptop", "A");
    assert.equal(again.answers.length, 1);
    const subtype = await ask("_a4._sub._ipp._tcp", "PTR");
    assert.deepEqual(
      subtype.answers.map(({ rdata }) => formatRdata(rdata)),
      [`Printer._ipp._tcp.${SITE}`],
    );
    const nobody = await ask("nobody", "A");
    assert.equal(nobody.status, "NOERROR");
    assert.deepEqual(nobody.answers, []);
    assert.equal(nobody.authorities.length, 1);
    const elsewhere = await dig(net.client, {
      ...{ server: GATEWAY, name: `nobody.${ZONE}.`, type: "A" },
    });
    assert.equal(elsewhere.status, "NXDOMAIN");
    t.diagnostic(
      `a host in ${host.time} ms, then in ${again.time} ms; a subtype in ${subtype.time} ms; ` +
        `nobody in ${nobody.time} ms`,
    );
  });
});
