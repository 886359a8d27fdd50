import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { describe, it } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { parseConfig } from "../../src/config.ts";
import { Rcode, rcodeName } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { leaseOption } from "../../src/dns/lease.ts";
import { decodeHeader, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { recordsOf } from "../../src/dns/record.ts";
import { signTsig, splitTsig } from "../../src/dns/tsig.ts";
import { farZones, locating, nearZones, updateHost } from "../../src/gateway/publishing.ts";
import { Frames, frame } from "../../src/net/framing.ts";
import { apexRecords } from "../../src/zone/apex.ts";
import { Zone } from "../../src/zone/zone.ts";
import { opt } from "../dnsserver/fixture.ts";
import { FakeClock } from "../support/clock.ts";
import { waitFor } from "../support/wait.ts";
import { name, zoneOf } from "../zone/fixture.ts";

describe("remote zones", () => {
  const failure = async (publish: string) => {
    const config = parseConfig(`zone: z.example\nlinks: []\npublish: ${publish}`, "test", "/");
    const how = { publish: config.publish!, resolve: nobody, clock: systemClock };
    const far = farZones({ config, ...how });
    const update = { zone: config.zone, prerequisites: [], updates: [] };
    return far.zones[0]!.publish(update).then(
      () => assert.fail("there is nobody to answer"),
      (error: Error) => error.message,
    );
  };

  it("XPORT-14: over TLS are not reached at the port of plain DNS", () => {
    const portOf = (publish: string) => {
      const config = parseConfig(`zone: z.example\npublish: ${publish}`, "test", "/");
      return updateHost(config.publish!)?.port;
    };
    assert.equal(portOf("{ server: ns.example, transport: tls }"), 853);
    assert.equal(portOf('{ server: "192.0.2.1:53", transport: tls }'), 853);
    assert.equal(portOf('{ server: "ns.example:8853", transport: tls }'), 8853);
    assert.equal(portOf("{ server: ns.example }"), 53);
    assert.equal(portOf("{ transport: tls }"), undefined);
  });

  it("XPORT-14: over TLS have their configured name verified, over TCP nothing", async () => {
    const serversOf = (publish: string) => {
      const config = parseConfig(`zone: z.example\npublish: ${publish}`, "test", "/");
      const how = { publish: config.publish!, resolve: nobody, clock: systemClock };
      return locating(config.zone, how)(new AbortController().signal);
    };
    const address = "192.0.2.1";
    assert.deepEqual(await serversOf(`{ server: ${address}, transport: tls }`), [
      { address, port: 853, tls: { serverName: address } },
    ]);
    assert.deepEqual(await serversOf(`{ server: ${address} }`), [{ address, port: 53 }]);
  });

  it("follow the configuration, and share one connection to a server", async () => {
    const connections = new Set<Socket>();
    const server = createServer((socket) => {
      connections.add(socket.on("error", () => {}));
      const frames = new Frames();
      socket.on("data", (bytes) => {
        frames.push(bytes);
        const update = frames.next();
        if (update !== undefined) socket.write(answered(update));
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const publish = { server: `127.0.0.1:${port}`, lease: 7200, withdraw: false };
    const settings = { zone: "z.example", reverse: ["10.in-addr.arpa"], publish };
    const config = parseConfig(JSON.stringify(settings), "test", "/");
    const how = { publish: config.publish!, resolve: nobody, clock: systemClock };
    const { zones, close } = farZones({ config, ...how });
    try {
      for (const { origin, publish } of zones) {
        const update = { zone: origin, prerequisites: [], updates: [] };
        assert.equal(await publish(update), Rcode.NOERROR);
      }
      assert.deepEqual(
        zones.map(({ origin, lease, withdraw }) => [`${origin}`, lease, withdraw]),
        [
          ["z.example.", 7200, false],
          ["10.in-addr.arpa.", 7200, false],
        ],
      );
      assert.equal(connections.size, 1);
      close();
      await waitFor("its end", () => [...connections].every(({ closed }) => closed));
    } finally {
      for (const socket of connections) socket.destroy();
      server.close();
    }
  });

  it("are updated under the configured key, and know the lease that is granted", async () => {
    const signers: string[] = [];
    const server = createServer((socket) => {
      const frames = new Frames();
      socket.on("error", () => {});
      socket.on("data", (bytes) => {
        frames.push(bytes);
        const update = frames.next();
        if (update === undefined) return;
        const signed = splitTsig(update);
        signers.push(`${signed?.tsig.key}`);
        const { id, opcode } = decodeHeader(update);
        const edns = opt({ options: [leaseOption({ lease: 600 })] });
        const answer = encode(makeMessage({ id, opcode, isResponse: true, edns }));
        if (signed === undefined) socket.write(frame(answer));
        else
          socket.write(
            frame(
              signTsig(answer, config.keys.get("paris")!, {
                priorMac: signed.tsig.mac,
                now: signed.tsig.time,
              }).bytes,
            ),
          );
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const keys = { paris: { secret: Buffer.alloc(32, 7).toString("base64"), site: "paris" } };
    const settings = {
      zone: "z.example",
      keys,
      publish: { server: `127.0.0.1:${port}`, key: "paris" },
    };
    const config = parseConfig(JSON.stringify(settings), "test", "/");
    const how = { publish: config.publish!, resolve: nobody, clock: systemClock };
    const { zones, close } = farZones({ config, ...how });
    try {
      const { publish, key, granted } = zones[0]!;
      const update = { zone: config.zone, prerequisites: [], updates: [] };
      assert.equal(await publish({ ...update, lease: 900 }), Rcode.NOERROR);
      assert.deepEqual([key, ...signers], ["paris", "paris."]);
      assert.equal(granted!(), 600);
    } finally {
      close();
      server.close();
    }
  });

  it("are each located by DNS if no server is configured", async () => {
    const config = parseConfig(
      "zone: z.example\nreverse: [10.in-addr.arpa]\npublish: {}",
      "g",
      "/",
    );
    const asked: string[] = [];
    const resolve = (name: Name) => {
      asked.push(`${name}`);
      return nobody();
    };
    const { zones } = farZones({ config, publish: config.publish!, resolve, clock: systemClock });
    for (const { origin, publish } of zones) {
      await assert.rejects(publish({ zone: origin, prerequisites: [], updates: [] }));
      const names = asked.splice(0);
      assert.ok(names.length > 0 && names.every((name) => name.endsWith(`${origin}`)), `${names}`);
    }
  });

  it("report, if DNS names no server, what was looked up and which field names one", async () => {
    assert.match(await failure("{}"), /_dns-update\._tcp.*SOA.*publish\.server/);
  });

  it("report the name of a server that has no address", async () => {
    for (const transport of ["tcp", "tls"]) {
      const message = await failure(`{ server: ns.invalid, transport: ${transport} }`);
      assert.match(message, /ns\.invalid: .*no address/);
    }
  });
});

describe("zones served here", () => {
  it("take records under a lease, in a reverse zone only what a collector publishes of addresses", async () => {
    const shared = zoneOf("");
    const origin = Name.parse("1.10.in-addr.arpa.");
    const apex = apexRecords({ origin, nameservers: [], serial: 1 });
    const reverse = new Zone({ origin, records: apex, clock: new FakeClock() });
    const zones = nearZones([shared, reverse]);
    assert.deepEqual(
      zones.map(({ lease }) => lease),
      [300, 300],
    );
    assert.equal(await zones[1]!.readBack!(), reverse.current);
    const tv = name("tv.paris");
    const cases = [
      [0, tv, rdata.a("10.1.0.9"), "NOERROR"],
      [0, Name.parse("9.0.1.10.in-addr.arpa."), rdata.ptr(tv), "NOTZONE"],
      [1, Name.parse("9.0.1.10.in-addr.arpa."), rdata.ptr(tv), "NOERROR"],
      [1, Name.parse("9.0.1.10.in-addr.arpa."), rdata.a("10.1.0.9"), "REFUSED"],
    ] as const;
    for (const [i, owner, data, rcode] of cases) {
      const set = { name: owner, type: data.type, ttl: 10, rdatas: [data] };
      const update = { zone: zones[i]!.origin, prerequisites: [], updates: recordsOf(set) };
      assert.equal(rcodeName(await zones[i]!.publish(update)), rcode, `${owner}`);
    }
  });
});

/** A resolver that knows nothing. */
const nobody = () => Promise.resolve(undefined);

/** NOERROR, in a frame. */
function answered(update: Uint8Array): Buffer {
  const { id, opcode } = decodeHeader(update);
  return frame(encode(makeMessage({ id, opcode, isResponse: true })));
}
