/** Large answers on the narrowest path that IPv6 has (RFC 8200 §5), as tcpdump sees them. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Capture } from "../support/capture.ts";
import { Gateway } from "../support/gateway.ts";
import { Lab, needs } from "../support/lab.ts";
import { waitFor } from "../support/wait.ts";

const ZONE = "bonjour.test";
const LEAST_MTU = 1280;
const users = Array.from({ length: 200 }, (_, i) => `_presence._tcp PTR user${i}._presence._tcp\n`);

suite("large answers by UDP", { skip: needs("dig", "tcpdump") }, () => {
  test("EDNS-11: fit the least MTU of IPv6 in one piece, and go by IPv4 with DF", async () => {
    await using lab = new Lab();
    const lan = lab.lan("lan");
    const plug = (host: number) => ({
      name: "eth0",
      addresses: [`10.1.0.${host}/16`, `fd00:1::${host}/64`],
    });
    const machine = lab.host("gateway").plug(lan, plug(1));
    const client = lab.host("client").plug(lan, plug(2));
    const links = [
      [machine, "eth0"],
      [client, "eth0"],
    ] as const;
    for (const [host, name] of links) {
      await host.succeed(["ip", "link", "set", name, "mtu", `${LEAST_MTU}`]);
    }
    await Gateway.start(
      machine,
      { zone: ZONE, links: [] },
      { [`${ZONE}.zone`]: `$ORIGIN ${ZONE}.\n$TTL 10\n${users.join("")}` },
    );
    const answered = "udp src port 53 and (ip6 or ip[6] & 0x40 != 0)";
    const capture = await Capture.on(client, "eth0", answered);
    for (const server of ["10.1.0.1", "fd00:1::1"]) {
      const text = await client.succeed([
        ...["dig", `@${server}`, `_presence._tcp.${ZONE}`, "PTR"],
        ...["+bufsize=4096", "+ignore", "+tries=1"],
      ]);
      assert.match(text, /flags: [^;]*tc/);
      assert.match(text, /user\d+/);
    }
    const whole = await waitFor("both answers", () =>
      capture.datagrams.length === 2 ? capture.datagrams : undefined,
    );
    assert.deepEqual(whole.map(({ family }) => family).sort(), [4, 6]);
    for (const { length, payload } of whole) {
      assert.ok(length <= LEAST_MTU && payload.length > 1100, `${length} octets`);
    }
  });
});
