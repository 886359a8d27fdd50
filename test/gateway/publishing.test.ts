import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { parseConfig } from "../../src/config.ts";
import { farZones } from "../../src/gateway/publishing.ts";

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
