/** Two LANs on one gateway, where everything has the same name: nothing is mixed or renamed. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Name } from "../../src/dns/name.ts";
import { addressOf, targetOf } from "../../src/dns/rdata.ts";
import { Avahi } from "../support/avahi.ts";
import { dig } from "../support/dig.ts";
import { Gateway } from "../support/gateway.ts";
import { Lab, needs } from "../support/lab.ts";
import { waitFor } from "../support/wait.ts";

const ZONE = "bonjour.example.com";
const SERVER = "127.0.0.1";
const TYPE = "_ipp._tcp";

describe("Two LANs on one gateway", {
  skip: needs("avahi-daemon", "dig", "named-checkzone"),
}, () => {
  it("Each has its own Office Printer at its own printer.local; the merged view lists both", async () => {
    await using lab = new Lab();
    const gateway = lab.host("gw");
    for (const [site, net] of [
      ["paris", 1],
      ["lyon", 2],
    ] as const) {
      const lan = lab.lan(site);
      gateway.plug(lan, { name: site, addresses: [`10.77.${net}.1/24`, `fd00:77:${net}::1/64`] });
      const printer = lab.host(`printer-${site}`).plug(lan, {
        name: "eth0",
        addresses: [`10.77.${net}.10/24`, `fd00:77:${net}::10/64`],
      });
      await Avahi.start(printer, {
        hostName: "printer",
        services: [{ name: "Office Printer", type: TYPE, port: 630 + net, txt: [`note=${site}`] }],
      });
    }
    const running = await Gateway.start(gateway, {
      zone: ZONE,
      links: [
        { interface: "paris", site: "paris" },
        { interface: "lyon", site: "lyon" },
      ],
    });
    const ask = async (name: string, type: string) =>
      (await dig(gateway, { server: SERVER, name, type })).answers;
    const instance = (site: string) =>
      Name.parse(`${TYPE}.${site}.${ZONE}.`).child("Office Printer")!;
    const targets = async (domain: string) =>
      (await ask(`${TYPE}.${domain}.`, "PTR"))
        .map(({ rdata }) => targetOf(rdata)!.toString())
        .sort();

    await waitFor(
      "both in the merged view",
      async () => (await targets(ZONE)).length === 2,
      20_000,
      200,
    );
    assert.deepEqual(await targets(ZONE), [
      instance("lyon").toString(),
      instance("paris").toString(),
    ]);
    for (const [site, net] of [
      ["paris", 1],
      ["lyon", 2],
    ] as const) {
      assert.deepEqual(await targets(`${site}.${ZONE}`), [instance(site).toString()]);
      const [srv, ...more] = await ask(instance(site).toString(), "SRV");
      assert.equal(more.length, 0);
      assert.equal(srv!.rdata.values[2], 630 + net);
      assert.equal(targetOf(srv!.rdata)!.toString(), `printer.${site}.${ZONE}.`);
      const addresses = async (type: string) =>
        (await ask(`printer.${site}.${ZONE}.`, type)).map(({ rdata }) => addressOf(rdata));
      await waitFor("the address", async () => (await addresses("AAAA")).length > 0);
      assert.deepEqual(await addresses("A"), [`10.77.${net}.10`]);
      assert.deepEqual(await addresses("AAAA"), [`fd00:77:${net}::10`]);
    }

    const dump = await running.command("zone");
    const file = join(running.folder, "dump.zone");
    writeFileSync(file, dump.stdout);
    const check = await gateway.run(["named-checkzone", "-i", "local", ZONE, file]);
    assert.equal(check.status, 0, check.stdout.toString());
  });
});
