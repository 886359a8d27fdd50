/** A gateway that serves the reverse zones of its networks, together with what their files hold. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { targetOf } from "../../src/dns/rdata.ts";
import { Avahi } from "../support/avahi.ts";
import { dig } from "../support/dig.ts";
import { Gateway, temporaryFolder } from "../support/gateway.ts";
import { Lab, needs } from "../support/lab.ts";
import { waitFor } from "../support/wait.ts";

const ZONE = "bonjour.example.com.";
const REVERSE4 = "77.10.in-addr.arpa.";
/** fd00:77:1::/48. */
const REVERSE6 = "1.0.0.0.7.7.0.0.0.0.d.f.ip6.arpa.";

describe("A gateway with reverse zones", { skip: needs("avahi-daemon", "dig") }, () => {
  it("SD-25, 27, 28, PROXY-45, 47: names its networks and their hosts, and nobody else's", async () => {
    await using lab = new Lab();
    const host = lab.host("gw");
    const lan = lab.lan("paris");
    host.plug(lan, { name: "paris", addresses: ["10.77.4.1/22", "fd00:77:1::1/64"] });
    const printer = lab.host("printer").plug(lan, {
      name: "eth0",
      addresses: ["10.77.6.10/22", "fd00:77:1::10/64"],
    });
    const avahi = await Avahi.start(printer, {
      hostName: "printer",
      services: [{ name: "Office Printer", type: "_ipp._tcp", port: 631, txt: [] }],
    });
    const data = temporaryFolder();
    writeFileSync(join(data, "77.10.in-addr.arpa.zone"), "$TTL 60\n1.4 PTR gw.example.net.\n");
    const settings = {
      ...{ zone: ZONE, data, reverse: [REVERSE4, REVERSE6] },
      links: [{ interface: "paris", site: "paris" }],
    };
    await Gateway.start(host, settings);

    const ask = (name: string) => dig(host, { server: "127.0.0.1", name, type: "PTR" });
    const pointers = async (name: string) =>
      (await ask(name)).answers.map(({ rdata }) => String(targetOf(rdata)));
    const nibbles = (last: string) => `${last}${"0.".repeat(18)}${REVERSE6}`;
    for (const owner of ["10.6.77.10.in-addr.arpa.", nibbles("0.1.")]) {
      const there = async () => (await pointers(owner)).length > 0;
      await waitFor(`a PTR at ${owner}`, there, 20_000, 200);
      assert.deepEqual(await pointers(owner), [`printer.paris.${ZONE}`]);
    }
    for (const kind of ["b", "db", "lb"]) {
      const list = (domain: string) => pointers(`${kind}._dns-sd._udp.${domain}`);
      assert.deepEqual(await list(ZONE), [ZONE]);
      assert.deepEqual(await list(`paris.${ZONE}`), [`paris.${ZONE}`]);
      assert.deepEqual(await list(`0.4.77.10.in-addr.arpa.`), [ZONE]);
      assert.deepEqual(await list(nibbles("0.0.")), [ZONE]);
    }
    assert.deepEqual(await pointers("1.4.77.10.in-addr.arpa."), ["gw.example.net."], "its file's");
    assert.equal((await ask("11.6.77.10.in-addr.arpa.")).status, "NXDOMAIN");
    assert.equal((await ask("1.100.51.198.in-addr.arpa.")).status, "REFUSED");
    // Link-local addresses are nobody's (AUTH-47).
    assert.equal((await ask("0.0.254.169.in-addr.arpa.")).status, "NXDOMAIN");

    await avahi.stop();
    const gone = async () => (await pointers("10.6.77.10.in-addr.arpa.")).length === 0;
    await waitFor("the end of a PTR", gone, 20_000, 200);
    assert.deepEqual(await pointers("lb._dns-sd._udp.0.4.77.10.in-addr.arpa."), [ZONE]);
  });
});
