/** Responders other than Avahi and Python's, and what is odd about them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatRdata } from "../../src/dns/text.ts";
import { dig } from "../support/dig.ts";
import { Gateway } from "../support/gateway.ts";
import { Lab, needs } from "../support/lab.ts";
import { GATEWAY, type Office, office } from "../support/office.ts";
import { waitFor } from "../support/wait.ts";

const ZONE = "bonjour.example.com";
const SITE = `office.${ZONE}.`;

describe("A responder that is not Avahi", {
  concurrency: true,
  skip: needs("dig", "mdnsd"),
}, () => {
  it("mdnsd: its services are served; after an end without a goodbye, the new port alone", async (t) => {
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
    const instance = "The\\032box._http._tcp.";

    write(80);
    const first = start();
    await waitFor("mdnsd", async () => {
      if (!first.isRunning) throw new Error(first.stderr);
      return (await box.succeed(["ss", "-lun"])).includes(":5353");
    });
    const gateway = await startGateway(net);
    await waitFor("its services", async () => {
      const lists = [await seen(net, "_http._tcp.", "PTR"), await seen(net, "_ssh._tcp.", "PTR")];
      return lists.join() === [instance + SITE, `box._ssh._tcp.${SITE}`].join();
    });
    const after = Date.now() - gateway.startedAt;
    // It names the host after the service.
    assert.deepEqual(await seen(net, instance, "SRV"), [`0 0 80 The\\032box.${SITE}`]);
    assert.deepEqual(await seen(net, instance, "TXT"), ['"path=/"']);
    assert.deepEqual(await seen(net, "The\\032box.", "A"), ["10.77.1.20"]);

    await first.stop("SIGKILL");
    write(8080);
    const again = Date.now();
    start();
    await waitFor("the new port alone", async () => {
      const ports = await seen(net, instance, "SRV");
      return ports.join() === `0 0 8080 The\\032box.${SITE}`;
    });
    t.diagnostic(
      `all of it ${after} ms after the gateway's start; another port in ${Date.now() - again} ms`,
    );
  });

  it("bonjour-service: a hundred services are served; after a crash, the new port alone", async (t) => {
    await using lab = new Lab();
    const net = office(lab);
    const box = net.device("box", 20);
    const start = async (port: number) => {
      const program = box.script("bonjour-responder", "10.77.1.20", "100", `${port}`);
      await program.line(/up/);
      return program;
    };
    const first = await start(80);
    const gateway = await startGateway(net);
    await waitFor("a hundred services", async () => {
      return (await seen(net, "_http._tcp.", "PTR")).length === 100;
    });
    const after = Date.now() - gateway.startedAt;
    const instance = "Lamp\\032100._http._tcp.";
    assert.deepEqual(await seen(net, instance, "SRV"), [`0 0 80 lamps.${SITE}`]);

    await first.stop("SIGKILL");
    const again = Date.now();
    await start(8080);
    await waitFor("the new port alone", async () => {
      return (await seen(net, instance, "SRV")).join() === `0 0 8080 lamps.${SITE}`;
    });
    t.diagnostic(
      `100 of 100 ${after} ms after the gateway's start; another port in ${Date.now() - again} ms`,
    );
  });
});

function startGateway(net: Office): Promise<Gateway> {
  const links = [{ interface: "eth0", site: "office" }];
  return Gateway.start(net.gateway, { zone: ZONE, links });
}

/** The data of the zone's records of this name beneath the site. */
async function seen(net: Office, owner: string, type: string): Promise<string[]> {
  const question = { server: GATEWAY, name: owner + SITE, type, options: ["+tcp"] };
  const { answers } = await dig(net.client, question);
  return answers.map(({ rdata }) => formatRdata(rdata));
}
