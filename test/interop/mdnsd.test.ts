/**
 * A responder that is not Avahi, mdnsd as routers and switches have it: its lists live for two minutes,
 * it calls its host as its service, and ends without a goodbye.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatRdata } from "../../src/dns/text.ts";
import { dig } from "../support/dig.ts";
import { Gateway } from "../support/gateway.ts";
import { Lab, needs } from "../support/lab.ts";
import { GATEWAY, office } from "../support/office.ts";
import { waitFor } from "../support/wait.ts";

const ZONE = "bonjour.example.com";
const SITE = `office.${ZONE}.`;

describe("A small responder", { skip: needs("dig", "mdnsd") }, () => {
  it("is asked for what it does not say by itself, and followed when it begins anew", async (t) => {
    await using lab = new Lab();
    const net = office(lab);
    const box = net.device("box", 20);
    const services = `/etc/netns/${box.namespace}/mdns.d`;
    const write = (port: number) =>
      box.etc("mdns.d/web.service", `type _http._tcp\nname The box\nport ${port}\ntxt path=/\n`);
    box.etc("mdns.d/ssh.service", "type _ssh._tcp\nport 22\n");
    // Its pid file has a fixed path; `ip netns exec` has made the mounts private.
    const script = `mount -t tmpfs tmpfs /run && hostname box && exec mdnsd -n -i eth0 ${services}`;
    const start = () => box.start(["unshare", "--uts", "sh", "-c", script]);
    const seen = async (owner: string, type: string) => {
      const question = { server: GATEWAY, name: owner + SITE, type };
      const { answers } = await dig(net.client, question);
      return answers.map(({ rdata }) => formatRdata(rdata)).join("\n");
    };
    const instance = "The\\032box._http._tcp.";

    write(80);
    const first = start();
    await waitFor("mdnsd", async () => {
      if (!first.isRunning) throw new Error(first.stderr);
      return (await box.succeed(["ss", "-lun"])).includes(":5353");
    });
    const gateway = await Gateway.start(net.gateway, {
      zone: ZONE,
      links: [{ interface: "eth0", site: "office" }],
    });
    await waitFor("its services", async () => {
      const lists = [await seen("_http._tcp.", "PTR"), await seen("_ssh._tcp.", "PTR")];
      return lists[0] === instance + SITE && lists[1] === `box._ssh._tcp.${SITE}`;
    });
    const after = Date.now() - gateway.startedAt;
    assert.equal(await seen(instance, "SRV"), `0 0 80 The\\032box.${SITE}`);
    assert.equal(await seen(instance, "TXT"), '"path=/"');
    assert.equal(await seen("The\\032box.", "A"), "10.77.1.20");

    await first.stop("SIGKILL");
    write(8080);
    const again = Date.now();
    start();
    await waitFor("the new port alone", async () => {
      return (await seen(instance, "SRV")) === `0 0 8080 The\\032box.${SITE}`;
    });
    t.diagnostic(
      `all of it ${after} ms after the gateway's start; another port in ${Date.now() - again} ms`,
    );
  });
});
