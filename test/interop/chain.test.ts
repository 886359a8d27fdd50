/**
 * A chain from a root of its own down to zones of the program, one signed and one not. BIND has the root
 * and the domain between, both signed, with the DS that `key --dnssec` printed. Unbound resolves with the
 * root's key as its only trust anchor; delv asks through it, dnsviz asks every server by itself.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { Gateway, MAIN, temporaryFolder } from "../support/gateway.ts";
import { type Host, Lab, needs } from "../support/lab.ts";
import { succeed } from "../support/process.ts";
import { root } from "../support/root.ts";
import { waitFor } from "../support/wait.ts";

const ROOT = "9.9.1.1";
const RESOLVER = "9.9.4.1";
const SERVERS = { "ns1.test.": "9.9.2.1", "ns2.test.": "9.9.3.1" };
const SIGNED = "bonjour.test";
const PLAIN = "plain.test";
/** A zone whose existence the signed zone above it denies. */
const HIDDEN = "hidden.test";
/** As the page names it: resolvers treat private reverse zones as empty by themselves. */
const REVERSE = "1.10.in-addr.arpa";

const SERVICES = `
_services._dns-sd._udp PTR _ipp._tcp
_ipp._tcp PTR Office\\032Printer._ipp._tcp.paris
Office\\032Printer._ipp._tcp.paris SRV 0 0 631 printer.paris
Office\\032Printer._ipp._tcp.paris TXT "txtvers=1"
printer.paris A 10.1.0.10
alias CNAME printer.paris
`;
/** What is asked beneath each zone. */
const KINDS = [
  ["printer.paris", "A"],
  ["alias", "A"],
  ["_ipp._tcp", "PTR"],
  ["Office\\032Printer._ipp._tcp.paris", "SRV"],
  ["printer.paris", "AAAA"],
  ["nobody.paris", "A"],
  ["paris", "A"],
] as const;

const delegation = Object.keys(SERVERS);
const apex = "$TTL 3600\n@ SOA a.root. hostmaster.test. 1 14400 3600 604800 300\n";
const rootAddress = `a.root. A ${ROOT}\n`;

suite("A chain from the root", {
  skip: needs("named", "unbound", "delv", "dnsviz", "dot", "dnssec-signzone"),
}, () => {
  test("SEC-DNSSEC-02, 08: validates a signed zone, and shows that another is unsigned", async () => {
    const folder = temporaryFolder();
    const write = (file: string, text: string) => writeFileSync(join(folder, file), text);
    const read = (file: string) => readFileSync(join(folder, file), "utf8");
    const keys = join(folder, "keys");
    const printed = await succeed([
      ...[process.execPath, MAIN, "key", "--dnssec", SIGNED, "--folder", keys],
    ]);
    const ds = /^\S+\s+IN\s+DS\s.*$/m.exec(printed)?.[0];
    assert.ok(ds !== undefined, printed);

    /** Signs a zone; returns the DS for its parent, and its key. */
    const sign = async (zone: string, records: string): Promise<{ ds: string; key: string }> => {
      const file = zone === "." ? "root" : zone;
      write(file, `${apex}${records}`);
      const bind = (...command: string[]) => succeed(command, { cwd: folder });
      const algorithm = ["-a", "ECDSAP256SHA256"];
      const name = (await bind("dnssec-keygen", "-q", ...algorithm, "-f", "KSK", zone)).trim();
      await bind("dnssec-signzone", "-S", "-z", "-o", zone, "-f", `${file}.signed`, file);
      return { ds: await bind("dnssec-dsfromkey", "-2", name), key: read(`${name}.key`) };
    };
    const addresses = Object.entries(SERVERS).map(([name, address]) => `${name} A ${address}\n`);
    const delegations = [SIGNED, PLAIN].flatMap((zone) =>
      delegation.map((name) => `${zone}. NS ${name}\n`),
    );
    const middle = await sign(
      "test",
      ["@ NS a.root.\n", ...delegations, ...addresses, `${ds}\n`].join(""),
    );
    const top = await sign(".", `@ NS a.root.\ntest. NS a.root.\n${rootAddress}${middle.ds}`);
    const anchor = top.key.replaceAll(/^;.*\n/gm, "");
    write("anchor", anchor);
    write(
      "delv.conf",
      anchor.replace(/^.* DNSKEY (.*? .*? .*?) (.*)$/s, (_, words, key) => {
        return `trust-anchors { . static-key ${words} "${key.replaceAll(/\s/g, "")}"; };\n`;
      }),
    );
    write("hints", `. 3600 IN NS a.root.\na.root. 3600 IN A ${ROOT}\n`);

    await using lab = new Lab();
    const lan = lab.lan("lan");
    const plug = (name: string, ...all: string[]) =>
      lab.host(name).plug(lan, { name: "eth0", addresses: all.map((address) => `${address}/16`) });
    const internet = plug("internet", ROOT);
    const machine = plug("gateway", ...Object.values(SERVERS));
    const resolver = plug("resolver", RESOLVER);
    write(
      "named.conf",
      `options { directory "${folder}"; pid-file none; session-keyfile none; recursion no;
         listen-on { any; }; listen-on-v6 { none; }; };
       controls { };
       zone "." { type primary; file "root.signed"; };
       zone "test" { type primary; file "test.signed"; };`,
    );
    const bind = internet.start(["named", "-g", "-c", join(folder, "named.conf")]);
    await waitFor("named", () => {
      if (!bind.isRunning) throw new Error(bind.stderr);
      return /\ball zones loaded\b/.test(bind.stderr);
    });
    const own = `$TTL 10\n${delegation.map((name) => `@ NS ${name}\n`).join("")}${SERVICES}`;
    await Gateway.start(
      machine,
      {
        ...{ zone: SIGNED, links: [], query: { allow: ["any"] }, dnssec: { keys } },
        ...{ nameservers: delegation, contact: "hostmaster.test", reverse: [REVERSE] },
      },
      {
        [`${REVERSE}.zone`]: `$TTL 10\n10.0 PTR printer.paris.${HIDDEN}.\n`,
        [`${SIGNED}.zone`]: own,
        ...Object.fromEntries(
          [PLAIN, HIDDEN].map((zone) => [
            `${zone}.zone`,
            `${own}@ SOA ns1.test. hostmaster.test. 1 7200 3600 86400 10\n`,
          ]),
        ),
      },
    );
    await startUnbound(resolver, folder);

    for (const [zone, isSecure] of [
      [SIGNED, true],
      [PLAIN, false],
    ] as const) {
      for (const [owner, type] of KINDS) {
        const asked = `${owner}.${zone}`;
        const said = await resolver.succeed([
          ...["delv", `@${RESOLVER}`, "-a", join(folder, "delv.conf"), "+root=."],
          ...["-t", type, "-q", asked],
        ]);
        assert.match(said, isSecure ? /^; .*fully validated$/m : /^; .*unsigned answer$/m, asked);
        const reply = await resolver.succeed([
          ...["dig", `@${RESOLVER}`, "+adflag", "-t", type, "-q", asked],
        ]);
        assert.match(reply, /status: (NOERROR|NXDOMAIN)/, reply);
        assert.equal(/flags: [a-z ]*\bad\b/.test(reply), isSecure, reply);
      }
    }

    for (const start of [forwardingBind, forwardingUnbound]) {
      const port = await start(resolver, folder);
      const asked = ["dig", `@${RESOLVER}`, "-p", `${port}`, "+adflag"];
      const hidden = await resolver.succeed([...asked, `printer.paris.${HIDDEN}`, "A"]);
      assert.match(hidden, /10\.1\.0\.10/, hidden);
      const name = await resolver.succeed([...asked, "-x", "10.1.0.10"]);
      assert.match(name, /\bPTR\tprinter\.paris\.hidden\.test\.$/m, name);
      const where = ["--server", `${RESOLVER}:${port}`, "--domain", HIDDEN];
      const seen = await resolver.succeed([process.execPath, MAIN, "browse", ...where]);
      assert.equal(seen, "     1  _ipp._tcp\n", `as ${start.name} has clients see it`);
      const signed = await resolver.succeed([...asked, `printer.paris.${SIGNED}`, "A"]);
      assert.match(signed, /flags: [a-z ]*\bad\b/, `${start.name} validates`);
    }

    const env = { ...process.env, ROOT_HINTS: join(folder, "hints") };
    const dnsviz = (...parameters: string[]) =>
      resolver.succeed(
        ["/usr/bin/python3", join(root, "test/support/run-dnsviz.py"), ...parameters],
        { env, timeout: 120_000 },
      );
    const probed = join(folder, "probed");
    const names = [SIGNED, PLAIN].flatMap((zone) => [
      zone,
      ...["printer.paris", "alias", "nobody"].map((owner) => `${owner}.${zone}`),
    ]);
    await dnsviz("probe", "-A", "-4", "-a", ".", "-o", probed, ...names);
    const judge = (command: string, ...more: string[]) =>
      dnsviz(command, "-t", join(folder, "anchor"), "-r", probed, ...more);
    assert.equal((await judge("grok", "-l", "warning")).trim() || "{}", "{}");
    const above = /^test \[\.\] \[\.\]$[\s\S]*?(?=^\S+\.test )/m;
    for (const [zone, mark] of [
      [SIGNED, "."],
      [PLAIN, "-"],
    ]) {
      const [, found = ""] = (
        await judge("print", ...names.filter((each) => each.endsWith(zone!)))
      ).split(above);
      const lines = found.split("\n").filter((line) => line !== "");
      assert.equal(lines[0], `${zone} [${mark}] [${mark}]`);
      // Whether there is a DS is for the zone above to say, with a signature.
      const own = lines.slice(lines.findIndex((line) => /^ {2}\[.\] {2}(DNSKEY|A): /.test(line)));
      const marks = own.flatMap((line) => /^ +(\[.\])/.exec(line)?.[1] ?? []);
      assert.ok(marks.length > 15, found);
      assert.deepEqual([...new Set(marks)], [`[${mark}]`], found);
    }
  });
});

/** The lines that docs/operations.md has for a resolver in front, with HIDDEN in them. */
function linesFor(make: string): string {
  const page = readFileSync(join(root, "docs/operations.md"), "utf8");
  const [, lines] = new RegExp(`\n${make}:\n\n\`\`\`\n([^\`]*)`).exec(page) ?? [];
  if (lines === undefined) throw new Error(`docs/operations.md has no lines for ${make}`);
  return lines
    .replaceAll("bonjour.example.com", HIDDEN)
    .replaceAll("192.0.2.1", SERVERS["ns1.test."]);
}

async function forwardingUnbound(host: Host, folder: string): Promise<number> {
  await startUnbound(host, folder, 5301, linesFor("Unbound"));
  return 5301;
}

async function forwardingBind(host: Host, folder: string): Promise<number> {
  const file = join(folder, "forwarding.conf");
  const options = `directory "${folder}"; pid-file none; session-keyfile none;
    listen-on port 5302 { any; }; listen-on-v6 { none; }; dnssec-validation yes;`;
  writeFileSync(
    file,
    `${linesFor("BIND").replace("options {", `options { ${options}`)}
     controls { };
     ${readFileSync(join(folder, "delv.conf"), "utf8")}
     zone "." { type hint; file "hints"; };`,
  );
  const bind = host.start(["named", "-g", "-c", file]);
  await waitFor("named", () => {
    if (!bind.isRunning) throw new Error(bind.stderr);
    return /\ball zones loaded\b/.test(bind.stderr);
  });
  return 5302;
}

async function startUnbound(host: Host, folder: string, port = 53, more = ""): Promise<void> {
  const file = join(folder, `unbound-${port}.conf`);
  writeFileSync(
    file,
    `server:
  port: ${port}
  directory: "${folder}"
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  logfile: ""
  verbosity: 1
  interface: ${RESOLVER}
  access-control: 0.0.0.0/0 allow
  do-ip6: no
  module-config: "validator iterator"
  root-hints: "${folder}/hints"
  trust-anchor-file: "${folder}/anchor"
  local-zone: "test." nodefault
remote-control:
  control-enable: no
${more}`,
  );
  const unbound = host.start(["unbound", "-d", "-c", file]);
  await waitFor("unbound", () => {
    if (!unbound.isRunning) throw new Error(unbound.stderr);
    return /start of service/.test(unbound.stderr);
  });
}
