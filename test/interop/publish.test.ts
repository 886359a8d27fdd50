/**
 * The same collector publishes into any primary that speaks RFC 2136: one suite for the zone in this
 * process, a gateway far away, BIND and Knot.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { FarZone } from "../../src/collector/publish.ts";
import { Rcode } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { PersistentConnection } from "../../src/net/persistent.ts";
import { parseMasterFile } from "../../src/zone/masterfile.ts";
import { addition } from "../../src/zone/update.ts";
import { startBind } from "../support/bind.ts";
import { startKnot } from "../support/knot.ts";
import { succeed } from "../support/process.ts";
import { skipWithout } from "../support/tool.ts";

const ZONE = "bonjour.example.";
const SECRET = Buffer.from("0123456789abcdef0123456789abcdef").toString("base64");

for (const [make, start, program] of [
  ["BIND", startBind, "named"],
  ["Knot", startKnot, "knotd"],
] as const) {
  suite(`publishing into ${make}`, { skip: skipWithout(program, "dig") }, () => {
    test("what is published is found by dig, and read back as it is", async () => {
      await using primary = await start({ zone: ZONE, keys: { paris: SECRET } });
      const origin = Name.parse(ZONE);
      const connection = new PersistentConnection({
        locate: async () => [primary.endpoint],
        clock: systemClock,
      });
      const zone = new FarZone({
        ...{ origin, connection, clock: systemClock },
        key: {
          name: Name.parse("paris."),
          algorithm: "hmac-sha256",
          secret: Buffer.from(SECRET, "base64"),
        },
      });
      const sets = parseMasterFile("printer.paris 10 A 10.1.0.10", { origin, isPartial: true });
      const update = {
        zone: origin,
        prerequisites: [],
        updates: sets.flatMap(addition),
        lease: 300,
      };
      assert.equal(await zone.publish(update), Rcode.NOERROR);
      const { address, port } = primary.endpoint;
      const answer = await succeed([
        ...["dig", `@${address}`, "-p", `${port}`, "+short", `printer.paris.${ZONE}`],
      ]);
      assert.equal(answer.trim(), "10.1.0.10");
      const there = await zone.readBack();
      assert.ok(typeof there !== "number");
      assert.deepEqual(there.map(({ name, type }) => `${name} ${type}`).sort(), [
        `${ZONE} 2`,
        `${ZONE} 6`,
        `printer.paris.${ZONE} 1`,
      ]);
      connection.close();
    });
  });
}
