/** What people copy: each example is read, and runs beside the programs it is meant for. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parseConfig, readConfig } from "../src/config.ts";
import { Avahi } from "./support/avahi.ts";
import { makeCertificate } from "./support/certificate.ts";
import { dig } from "./support/dig.ts";
import { Example } from "./support/example.ts";
import { STARTED, temporaryFolder } from "./support/gateway.ts";
import { type Host, Lab, needs } from "./support/lab.ts";
import { root } from "./support/root.ts";
import { waitFor } from "./support/wait.ts";

const ZONE = "bonjour.example.com";

describe("what people copy", () => {
  it("examples/*.yaml are configurations without a mistake, and each runs in a test", async () => {
    const examples = readdirSync(join(root, "examples"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".yaml"))
      .sort();
    assert.deepEqual(examples, [
      "one-lan.yaml", // below
      "publish-to-bind.yaml", // below
      "two-offices.yaml", // interop/offices.test.ts, as the next two
      "two-offices/lyon.yaml",
      "two-offices/paris.yaml",
    ]);
    const machine = new Example("two-offices.yaml");
    const sites = ["paris", "lyon"];
    for (const site of sites) await machine.makeKey(site);
    for (const path of examples) {
      const example = new Example(path);
      for (const site of sites) machine.giveKey(site, example);
      readConfig(example.file);
    }
  });

  it("so is the configuration of the README, and it shows every field", () => {
    const readme = readFileSync(join(root, "README.md"), "utf8");
    const text = /```yaml\n([\s\S]*?)```/.exec(readme)?.[1];
    assert.ok(text);
    const shown = new Set(text.match(/^\w+(?=:)/gm));
    const folder = temporaryFolder();
    mkdirSync(join(folder, "tls"));
    makeCertificate("ns1.example.com", join(folder, "tls"));
    const fields = Object.keys(parseConfig(text, "README.md", folder));
    assert.deepEqual([...shown].sort(), fields.sort());
  });
});

describe("the examples at work", { skip: needs("avahi-daemon", "dig", "named", "knotd") }, () => {
  /** A LAN with a printer on it, and the host that is to hear it. */
  const openLan = async (lab: Lab) => {
    const lan = lab.lan("lan");
    const here = lab.host("here").plug(lan, { name: "eth0", addresses: ["10.1.0.2/16"] });
    const printer = lab.host("printer").plug(lan, { name: "eth0", addresses: ["10.1.0.10/16"] });
    const service = { name: "Office Printer", type: "_ipp._tcp", port: 631 };
    await Avahi.start(printer, { hostName: "printer", services: [service] });
    return { here, printer };
  };
  const waitForPrinter = (client: Host, server: string, site: string) =>
    waitFor(
      "the printer to be served",
      async () => {
        const question = { server, name: `printer.${site}.${ZONE}.`, type: "A" };
        const listing = { server, name: `_ipp._tcp.${ZONE}.`, type: "PTR" };
        const [host, list] = await Promise.all([dig(client, question), dig(client, listing)]);
        return host.answers.length === 1 && list.answers.length === 1;
      },
      20_000,
      100,
    );

  it("one-lan.yaml hears its network and serves what is there", async () => {
    await using lab = new Lab();
    const { here, printer } = await openLan(lab);
    await new Example("one-lan.yaml").start(here).line(STARTED);
    await waitForPrinter(printer, "10.1.0.2", "office");
  });

  /** The lines in `text` are a server's configuration, for a machine with Debian's folders. */
  const publishInto = async (
    command: (file: string) => readonly string[],
    isServing: RegExp,
    text: string,
    more: (folder: string) => string,
  ) => {
    await using lab = new Lab();
    const { here } = await openLan(lab);
    const wan = lab.lan("wan");
    here.plug(wan, { name: "eth1", addresses: ["192.0.2.2/24"] });
    const server = lab.host("ns").plug(wan, { name: "eth0", addresses: ["192.0.2.53/24"] });

    const example = new Example("publish-to-bind.yaml");
    await example.makeKey("paris");
    const folder = temporaryFolder();
    mkdirSync(join(folder, "keys"));
    example.giveKey("paris", { folder });
    const file = join(folder, "server.conf");
    const secret = /secret "(.*)"/.exec(readFileSync(join(folder, "keys/paris"), "utf8"))![1]!;
    const ours = text
      .replaceAll(/\/(etc|var\/lib)\/(bind|knot)\b/g, folder)
      .replace("the secret in keys/paris", secret);
    writeFileSync(file, `${ours}\n${more(folder)}`);
    writeFileSync(
      join(folder, `${ZONE}.zone`),
      "$TTL 10\n@ SOA ns1.example.com. hostmaster.example.com. 1 7200 3600 86400 10\n" +
        "@ NS ns1.example.com.\n",
    );
    const primary = server.start(command(file), { cwd: folder });
    await waitFor("the server", () => {
      if (!primary.isRunning) throw new Error(primary.stderr);
      return isServing.test(primary.stderr + primary.stdout.join(""));
    });

    const collector = example.start(here);
    await collector.line(STARTED);
    await waitForPrinter(here, "192.0.2.53", "paris");
    // What it published goes with it.
    await collector.stop();
    const { answers } = await dig(here, {
      ...{ server: "192.0.2.53", name: `_ipp._tcp.${ZONE}.`, type: "PTR" },
    });
    assert.equal(answers.length, 0);
  };

  it("publish-to-bind.yaml publishes into BIND that is configured as its comment says", async () => {
    const example = readFileSync(join(root, "examples/publish-to-bind.yaml"), "utf8");
    const lines = [...example.matchAll(/^# {3}(.*)$/gm)].map(([, line]) => line);
    await publishInto(
      (file) => ["named", "-g", "-c", file],
      /\ball zones loaded\b.*\brunning\b/s,
      lines
        .join("\n")
        // What named would touch elsewhere on this machine.
        .replace("options {", "options { pid-file none; session-keyfile none;"),
      () => "controls { };",
    );
  });

  it("it publishes into Knot as well, configured as docs/two-offices.md says", async () => {
    const page = readFileSync(join(root, "docs/two-offices.md"), "utf8");
    const text = /```yaml\n(server:\n[\s\S]*?)```/.exec(page)?.[1];
    assert.ok(text);
    await publishInto(
      (file) => ["knotd", "-c", file],
      /\bloaded, serial\b.*\bserver started\b/s,
      text,
      (folder) =>
        `control:\n  listen: ${folder}/knot.sock\nlog:\n  - target: stderr\n    any: info\n`,
    );
  });
});
