import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { parseConfig } from "../../src/config.ts";
import { openGateway } from "../../src/gateway.ts";
import { temporaryFolder } from "../support/gateway.ts";
import { silentLog } from "../support/log.ts";

suite("the life of a gateway", () => {
  test("a part that fails ends the others, and is told of", async () => {
    const folder = temporaryFolder();
    const settings = { zone: "z.example", data: folder, listen: { dns: ["127.0.0.1:0"] } };
    const gateway = await openGateway(parseConfig(JSON.stringify(settings), "g", folder), {
      ...{ clock: systemClock, log: silentLog, signal: new AbortController().signal },
      links: {
        follow() {
          throw new Error("no links");
        },
      },
    });
    await assert.rejects(gateway.closed, { message: "no links" });
  });
});
