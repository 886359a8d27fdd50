import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { suite, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { parseConfig } from "../../src/config.ts";
import { openGateway } from "../../src/gateway.ts";
import { freePort } from "../support/freeport.ts";
import { temporaryFolder } from "../support/gateway.ts";
import { silentLog } from "../support/log.ts";

suite("the life of a gateway", () => {
  test("a part that fails ends the others, and its error is reported", async () => {
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

  test("many zones and listeners cause no warning about leaks", async () => {
    const folder = temporaryFolder();
    const records =
      "$TTL 60\n@ SOA ns.example. h.example. 1 7200 3600 86400 10\n@ NS ns.example.\n";
    for (let i = 0; i < 20; i++) writeFileSync(join(folder, `z${i}.example.net.zone`), records);
    const warnings: string[] = [];
    const note = ({ message }: Error) => warnings.push(message);
    const stop = new AbortController();
    process.on("warning", note);
    try {
      const settings = {
        ...{ zone: "z.example", data: folder, links: [] },
        listen: { dns: Array.from({ length: 12 }, (_, i) => `127.0.0.${i + 1}:0`) },
        transfer: { notify: ["127.0.0.1:1"] },
      };
      const gateway = await openGateway(parseConfig(JSON.stringify(settings), "g", folder), {
        ...{ clock: systemClock, log: silentLog, signal: stop.signal },
      });
      stop.abort();
      await gateway.closed;
      // Warnings are emitted in a later turn, in order: once this one comes, all before it have come.
      process.emitWarning("the last");
      await once(process, "warning");
    } finally {
      process.off("warning", note);
    }
    assert.deepEqual(warnings, ["the last"]);
  });

  test("if a part cannot be opened, those already open are closed", async () => {
    const folder = temporaryFolder();
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    const free = await freePort();
    const open = (...ports: readonly number[]) => {
      const listen = { dns: ports.map((each) => `127.0.0.1:${each}`) };
      const settings = { zone: "z.example", data: folder, links: [], listen };
      const config = parseConfig(JSON.stringify(settings), "g", folder);
      return openGateway(config, { clock: systemClock, log: silentLog, signal: stop.signal });
    };
    const stop = new AbortController();
    try {
      await assert.rejects(open(free, port), /EADDRINUSE|in use/);
      const gateway = await open(free);
      stop.abort();
      await gateway.closed;
    } finally {
      taken.close();
    }
  });
});
