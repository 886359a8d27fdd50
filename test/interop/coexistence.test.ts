/** Port 5353 of one host shared with avahi-daemon: both work, whichever came first. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Avahi } from "../support/avahi.ts";
import { Capture } from "../support/capture.ts";
import { dig } from "../support/dig.ts";
import { Gateway } from "../support/gateway.ts";
import { Lab, needs } from "../support/lab.ts";
import { GATEWAY, office } from "../support/office.ts";
import { waitFor } from "../support/wait.ts";

const ZONE = "bonjour.example.com";
const TYPE = "_ssh._tcp";

describe("MDNS-21: a gateway and avahi-daemon on one host", {
  skip: needs("avahi-daemon", "avahi-browse", "dbus-daemon", "dig", "tcpdump"),
}, () => {
  for (const first of ["avahi-daemon", "the gateway"] as const) {
    it(`Both hear and are heard when ${first} is started first`, async () => {
      await using lab = new Lab();
      const net = office(lab);
      const peer = net.device("peer", 10);
      const wire = await Capture.on(peer, "eth0");
      await Avahi.start(peer, {
        hostName: "host-10",
        services: [{ name: "Peer", type: TYPE, port: 22 }],
      });
      const startAvahi = () =>
        Avahi.start(net.gateway, {
          ...{ hostName: "host-1", hasBus: true },
          services: [{ name: "Here", type: TYPE, port: 23 }],
        });
      const startGateway = () =>
        Gateway.start(net.gateway, { zone: ZONE, links: [{ interface: "eth0", site: "office" }] });
      let avahi: Avahi;
      if (first === "avahi-daemon") {
        avahi = await startAvahi();
        await startGateway();
      } else {
        await startGateway();
        avahi = await startAvahi();
      }

      // MDNS-69: what the other program of this host says is harvested like the rest.
      await waitFor(
        "both services to be served",
        async () => {
          const question = { server: GATEWAY, name: `${TYPE}.office.${ZONE}.`, type: "PTR" };
          return (await dig(net.client, question)).answers.length === 2;
        },
        20_000,
        200,
      );
      const listed = (await avahi.browse(TYPE, "local"))
        .filter((line) => line.event === "=")
        .map((line) => line.instance);
      assert.deepEqual([...new Set(listed)].sort(), ["Here", "Peer"]);
      // A unicast question to this host's port 5353 is Avahi's to answer (RFC 6762 §5.5).
      const direct = await peer.succeed([
        ...["dig", `@${GATEWAY}`, "-p", "5353", "+tries=2", "+time=2", "+noedns", "+short"],
        ...["host-1.local", "A"],
      ]);
      assert.equal(direct.trim(), GATEWAY);

      const sent = (await wire.stop()).filter(({ source }) => source === GATEWAY);
      const answers = sent.filter(({ payload }) => (payload[2]! & 0x80) !== 0);
      assert.ok(answers.length > 0, "Avahi answers");
      if (first === "avahi-daemon") {
        // MDNS-20: no question of ours asks for a unicast answer, which would go to Avahi.
        const asking = sent.filter(({ payload }) => isUnicastWanted(payload));
        assert.equal(asking.length, 0, "no QU question is sent");
      }
    });
  }
});

/** The QU bit of the first question of a query (RFC 6762 §5.4). Probes, which Avahi sends, have authorities. */
function isUnicastWanted(payload: Buffer): boolean {
  const isQuery = (payload[2]! & 0x80) === 0;
  if (!isQuery || payload.readUInt16BE(4) === 0 || payload.readUInt16BE(8) > 0) return false;
  let at = 12;
  while (payload[at] !== 0) at += payload[at]! + 1;
  return (payload.readUInt16BE(at + 3) & 0x8000) !== 0;
}
