/** The examples that people copy: each is read, and runs beside the programs it is meant for. */
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
      "behind-knot.yaml", // below
      "one-lan.yaml", // below
      "publish-to-bind.yaml", // below
      "two-offices.yaml", // interop/offices.test.ts, as the next two
      "two-offices/lyon.yaml",
      "two-offices/paris.yaml",
    ]);
    const machine = new Example("two-offices.yaml");
    const keys = ["paris", "lyon", "knot"];
    for (const key of keys) await machine.makeKey(key);
    for (const path of examples) {
      const example = new Example(path);
      for (const key of keys) machine.giveKey(key, example);
      readConfig(example.file);
    }
  });

  it("the README's configuration is without a mistake too, and shows every field", () => {
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
    const avahi = await Avahi.start(printer, { hostName: "printer", services: [service] });
    return { here, printer, avahi };
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

  /** That LAN, and a server of another make on the other side of the host. */
  const openBoth = async (lab: Lab) => {
    const { here, avahi } = await openLan(lab);
    const wan = lab.lan("wan");
    here.plug(wan, { name: "eth1", addresses: ["192.0.2.2/24"] });
    const server = lab.host("ns").plug(wan, { name: "eth0", addresses: ["192.0.2.53/24"] });
    return { here, avahi, server };
  };

  /** What a server of another make needs beside the lines that people copy. */
  interface Make {
    readonly command: (file: string) => readonly string[];
    readonly isServing: RegExp;
    readonly more: (folder: string) => string;
  }
  const bind: Make = {
    command: (file) => ["named", "-g", "-c", file],
    isServing: /\ball zones loaded\b.*\brunning\b/s,
    more: () => "controls { };",
  };
  const knot: Make = {
    command: (file) => ["knotd", "-c", file],
    isServing: /\bserver started\b/,
    more: (folder) =>
      `control:\n  listen: ${folder}/knot.sock\nlog:\n  - target: stderr\n    any: info\n`,
  };

  /** The lines in an example's comment. */
  const commentOf = (path: string) => {
    const example = readFileSync(join(root, "examples", path), "utf8");
    return [...example.matchAll(/^# {3}(.*)$/gm)].map(([, line]) => line).join("\n");
  };

  /** Starts a server with `lines`, which name Debian's folders. Returns what reads its log. */
  const startServer = async (
    host: Host,
    { command, isServing, more }: Make,
    lines: string,
    prepare: (folder: string) => string,
  ): Promise<() => string> => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "keys"));
    const key = prepare(folder);
    const file = join(folder, "server.conf");
    const secret = /secret "(.*)"/.exec(readFileSync(join(folder, "keys", key), "utf8"))![1]!;
    const ours = lines
      .replaceAll(/\/(etc|var\/lib)\/(bind|knot)\b/g, folder)
      .replace(`the secret in keys/${key}`, secret);
    writeFileSync(file, `${ours}\n${more(folder)}`);
    const server = host.start(command(file), { cwd: folder });
    const log = () => server.stderr + server.stdout.join("");
    await waitFor("the server", () => {
      if (!server.isRunning) throw new Error(log());
      return isServing.test(log());
    });
    return log;
  };

  const publishInto = async (make: Make, lines: string) => {
    await using lab = new Lab();
    const { here, server } = await openBoth(lab);
    const example = new Example("publish-to-bind.yaml");
    await example.makeKey("paris");
    await startServer(server, make, lines, (folder) => {
      example.giveKey("paris", { folder });
      writeFileSync(
        join(folder, `${ZONE}.zone`),
        "$TTL 10\n@ SOA ns1.example.com. hostmaster.example.com. 1 7200 3600 86400 10\n" +
          "@ NS ns1.example.com.\n",
      );
      return "paris";
    });

    const collector = example.start(here);
    await collector.line(STARTED);
    await waitForPrinter(here, "192.0.2.53", "paris");
    // It withdraws what it published.
    await collector.stop();
    const { answers } = await dig(here, {
      ...{ server: "192.0.2.53", name: `_ipp._tcp.${ZONE}.`, type: "PTR" },
    });
    assert.equal(answers.length, 0);
  };

  it("publish-to-bind.yaml publishes into a BIND that is configured as its comment says", async () => {
    // Files that named would write elsewhere on this machine.
    const ours = "options { pid-file none; session-keyfile none;";
    await publishInto(bind, commentOf("publish-to-bind.yaml").replace("options {", ours));
  });

  it("publish-to-bind.yaml publishes into a Knot configured as docs/two-offices.md says", async () => {
    const page = readFileSync(join(root, "docs/two-offices.md"), "utf8");
    const lines = /```yaml\n(server:\n[\s\S]*?)```/.exec(page)?.[1];
    assert.ok(lines);
    const isServing = /\bloaded, serial\b.*\bserver started\b/s;
    await publishInto({ ...knot, isServing }, lines);
  });

  it("behind-knot.yaml has its zone copied and served by a Knot configured as its comment says", async () => {
    await using lab = new Lab();
    const { here, avahi, server } = await openBoth(lab);
    const example = new Example("behind-knot.yaml");
    await example.makeKey("knot");
    await example.start(here).line(STARTED);
    const log = await startServer(server, knot, commentOf("behind-knot.yaml"), (folder) => {
      example.giveKey("knot", { folder });
      return "knot";
    });
    await waitForPrinter(server, "192.0.2.53", "office");

    // Long before Knot would ask by itself: it is notified.
    const type = "_presence._tcp";
    avahi.add("s1", { name: "Juliet", type, port: 5298 });
    const question = { name: `${type}.${ZONE}.`, type: "PTR" };
    await waitFor("what is new", async () => {
      const { answers } = await dig(server, { server: "192.0.2.53", ...question });
      return answers.length === 1;
    });
    // The change is smaller than the zone, so that is all that is sent.
    await waitFor("the log of it", () => /\bIXFR, incoming\b.*\bfinished\b/.test(log()));
    // Nobody else is answered.
    const { status } = await dig(server, { server: "192.0.2.2", ...question });
    assert.equal(status, "REFUSED");
  });
});
