import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { parseConfig } from "../../src/config.ts";
import { farZones, updateHost } from "../../src/gateway/publishing.ts";

describe("zones far away", () => {
  const failure = async (publish: string) => {
    const config = parseConfig(`zone: z.example\nlinks: []\npublish: ${publish}`, "test", "/");
    const resolve = () => Promise.resolve(undefined);
    const far = farZones({ config, publish: config.publish!, resolve, clock: systemClock });
    const update = { zone: config.zone, prerequisites: [], updates: [] };
    return far.zones[0]!.publish(update).then(
      () => assert.fail("there is nobody to answer"),
      (error: Error) => error.message,
    );
  };

  it("XPORT-14: by TLS are not at the port of plain DNS", () => {
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

  it("of a server that DNS does not tell: what was looked for, and how else to say it", async () => {
    assert.match(await failure("{}"), /_dns-update\._tcp.*SOA.*publish\.server/);
  });

  it("of a server whose name has no address: the name", async () => {
    for (const transport of ["tcp", "tls"]) {
      const message = await failure(`{ server: ns.invalid, transport: ${transport} }`);
      assert.match(message, /ns\.invalid: .*no address/);
    }
  });
});
