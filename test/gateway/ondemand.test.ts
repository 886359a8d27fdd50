import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import type { OnDemand } from "../../src/collector/ondemand.ts";
import { parseConfig } from "../../src/config.ts";
import { Class, Rcode, Type } from "../../src/dns/constants.ts";
import { makeMessage, type Question } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { asksOnDemand, openOnDemand } from "../../src/gateway/ondemand.ts";
import type { Log } from "../../src/log.ts";
import type { Answer } from "../../src/zone/lookup/lookup.ts";
import { FakeClock } from "../support/clock.ts";
import { MAIN, temporaryFolder } from "../support/gateway.ts";
import { silentLog } from "../support/log.ts";
import { run } from "../support/process.ts";
import { name, origin, zoneOf } from "../zone/fixture.ts";

const ASKED = "zone: z.example\nlinks: [{ interface: eth0, site: paris, onDemand: true }]\n";

/** Whether links are asked, and the warnings about it. */
function open(text: string) {
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (_, fact) => warnings.push(fact) };
  const config = parseConfig(text, "gateway.yaml", "/");
  const parts = { config, log, zone: zoneOf(""), clock: new FakeClock(), siteAt: () => undefined };
  return { isOpen: openOnDemand(parts) !== undefined, warnings };
}

suite("asking links on demand", () => {
  test("is off unless a link has it on and names fit beneath its site", () => {
    for (const text of [
      "",
      ASKED.replace("true", "false"),
      ASKED.replace(", onDemand: true", ""),
    ]) {
      assert.deepEqual(open(text), { isOpen: false, warnings: [] });
    }
    assert.deepEqual(open(ASKED), { isOpen: true, warnings: [] });
    const tooLong = `zone: ${["a", "b", "c"].map((c) => c.repeat(63)).join(".")}.z.example`;
    const site = `site: ${"x".repeat(63)}`;
    const far = ASKED.replace("zone: z.example", tooLong).replace("site: paris", site);
    assert.deepEqual(open(far), { isOpen: false, warnings: [] }, "a site that no name is left for");
  });

  test("covers only the sites that have it on, named after their interface by default", () => {
    const config = parseConfig(
      `zone: z.example
links: [{ interface: eth0, onDemand: true }, { interface: eth1, site: lyon }]`,
      "g",
      "/",
    );
    const parts = { zone: zoneOf(""), clock: new FakeClock(), siteAt: () => undefined };
    const asked = openOnDemand({ ...parts, config, log: silentLog })!;
    const covers = (owner: string) =>
      asked.covers({ name: Name.parse(owner, config.zone), type: Type.A, class: Class.IN });
    assert.deepEqual(["pc.eth0", "pc.lyon", "pc.eth1", "pc"].map(covers), [
      ...[true, false, false, false],
    ]);
  });

  test("PROXY-51: is counted by network, ends with the request, and takes one IN question", async () => {
    const asked: { client: string; signal: AbortSignal | undefined }[] = [];
    const answer = async (_: Question, client: string, signal: AbortSignal): Promise<Answer> => {
      asked.push({ client, signal });
      const empty = { answers: [], authorities: [], additionals: [], names: [] };
      return { rcode: Rcode.NOERROR, isAuthoritative: true, ...empty };
    };
    const demand = { covers: () => true, answer } as unknown as OnDemand;
    const handler = asksOnDemand(demand, origin)(() => []);
    const { signal } = new AbortController();
    const question = { name: name("pc.paris"), type: Type.A, class: Class.IN };
    const ask = (questions: readonly Question[], address = "10.1.0.7") =>
      handler({
        ...{ message: makeMessage({ questions }), bytes: new Uint8Array(), transport: "udp" },
        ...{ source: { address, port: 4000 }, signal },
      });
    for (const last of ["1.7", "1.8", "2.7"]) await ask([question], `10.1.${last}`);
    const [first, second, third] = asked.splice(0);
    assert.equal(first!.client, second!.client);
    assert.notEqual(first!.client, third!.client);
    assert.equal(first!.signal, signal);
    for (const questions of [[], [question, question], [{ ...question, class: Class.ANY }]]) {
      assert.deepEqual(await ask(questions), []);
    }
    assert.deepEqual(asked, []);
  });

  test("PROXY-34: is off, as log and check say, for a zone copied, signed or published elsewhere", async () => {
    const folder = temporaryFolder();
    const file = join(folder, "gateway.yaml");
    const keys = join(folder, "keys");
    mkdirSync(keys);
    const signing = ["key", "--dnssec", "z.example", "--folder", keys];
    assert.equal((await run([process.execPath, MAIN, ...signing])).status, 0);
    for (const [text, field] of [
      ["transfer: { allow: [192.0.2.0/24] }", "transfer.allow"],
      ['transfer: { notify: ["192.0.2.2:53"] }', "transfer.notify"],
      ["catalog: catalog.example", "catalog"],
      ["dnssec: { keys: ./keys }", "dnssec"],
      ['publish: { server: "192.0.2.1:53" }', "publish"],
    ] as const) {
      const { isOpen, warnings } = open(ASKED + text);
      assert.equal(isOpen, false, text);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0]!, /^no link is asked on demand: .* is (copied|signed|published)/);
      assert.ok(warnings[0]!.endsWith(`(${field})`), warnings[0]);
      writeFileSync(file, ASKED + text);
      const { stdout } = await run([process.execPath, MAIN, "check", file]);
      assert.equal(
        `${stdout}`,
        `${file}: zone z.example., no mistake found\n${file}: ${warnings[0]}\n`,
      );
    }
    writeFileSync(file, ASKED);
    const { stdout } = await run([process.execPath, MAIN, "check", file]);
    assert.equal(`${stdout}`, `${file}: zone z.example., no mistake found\n`);
  });
});
