/** What `run` says first: what it does, and where. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { MAIN, STARTED, temporaryFolder } from "../support/gateway.ts";
import { Running } from "../support/process.ts";

test("a collector says where it will publish, the port of TLS where it goes by TLS", async () => {
  const cases = {
    '{ server: "127.0.0.1" }': "127.0.0.1:53",
    '{ server: "127.0.0.1", transport: tls }': "127.0.0.1:853 by TLS",
    '{ server: "127.0.0.1:8530", transport: tls }': "127.0.0.1:8530 by TLS",
    '{ server: "::1", transport: tls }': "[::1]:853 by TLS",
  };
  const file = join(temporaryFolder(), "collector.yaml");
  for (const [publish, at] of Object.entries(cases)) {
    writeFileSync(file, `zone: z.example\nlinks: []\npublish: ${publish}\n`);
    const program = new Running([process.execPath, MAIN, "run", "--config", file]);
    const said = await program.line(STARTED);
    assert.equal(said, `Will publish into z.example. at ${at}.`);
    await program.stop();
  }
});
