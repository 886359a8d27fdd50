/**
 * `doctor` where something is broken, with resolvers of other makes: it says so, and its remedy
 * repairs it. Each resolver starts with its defaults, beneath a root that knows no zone here.
 */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { Avahi } from "../support/avahi.ts";
import { startBind } from "../support/bind.ts";
import { Gateway, MAIN, temporaryFolder } from "../support/gateway.ts";
import { startKnot } from "../support/knot.ts";
import { type Host, Lab, needs } from "../support/lab.ts";
import { GATEWAY, office } from "../support/office.ts";
import { type Running, run } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";

const ZONE = "bonjour.example.com";
/** Resolvers have an empty zone of this very name. */
const REVERSE = "10.in-addr.arpa";
const ROOT = "9.9.1.1";
const RESOLVER = "10.77.1.53";
/** More than BIND takes, and than Avahi gets through some resolvers. */
const CAMERAS = 120;

const LIST = Array.from({ length: CAMERAS }, (_, i) =>
  [
    `_rtsp._tcp PTR c${i}._rtsp._tcp.lyon`,
    `c${i}._rtsp._tcp.lyon SRV 0 0 554 cameras.lyon`,
    `c${i}._rtsp._tcp.lyon TXT ""\n`,
  ].join("\n"),
);
const FILE = `$TTL 10
_services._dns-sd._udp PTR _rtsp._tcp
cameras.lyon A 10.2.0.20
${LIST.join("")}`;

suite("doctor", { skip: needs("avahi-daemon", "named", "unbound", "dnsmasq") }, () => {
  test("says what each make of resolver needs, and with that nothing is broken", async () => {
    await using lab = new Lab();
    const net = office(lab);
    const folder = temporaryFolder();
    const resolvers = net.device("resolver", 53);
    const out = lab.lan("out");
    resolvers.plug(out, { name: "eth1", addresses: ["9.9.1.2/24"] });
    const internet = lab.host("internet").plug(out, { name: "eth0", addresses: [`${ROOT}/24`] });
    await startRoot(internet, folder);
    await Avahi.start(net.device("printer", 10), {
      hostName: "printer",
      services: [{ name: "Office Printer", type: "_ipp._tcp", port: 631 }],
    });
    const settings = {
      zone: ZONE,
      reverse: [REVERSE],
      links: [{ interface: "eth0", site: "paris" }],
    };
    const gateway = await Gateway.start(net.gateway, settings, { [`${ZONE}.zone`]: FILE });
    const makes: readonly Make[] = [bind, unbound, dnsmasq];
    const addressOf = (make: Make) => `${RESOLVER}:${make.port}`;
    const examine = async (...more: string[]) => {
      const { status, stdout, stderr } = await gateway.command(
        ...["doctor", ...more, "--resolver", ...makes.map(addressOf)],
      );
      assert.equal(stderr, "");
      const text = `${stdout}`;
      return {
        status,
        text,
        of: (make: Make) => findingsAt(text, `resolver ${addressOf(make)}`),
      };
    };
    const running = new Map<Make, Running>();
    const start = async (make: Make, lines: readonly string[]) => {
      await running.get(make)?.stop("SIGKILL");
      writeFileSync(join(folder, make.name), make.configure(folder, lines));
      const program = resolvers.start(make.command(join(folder, make.name)));
      running.set(make, program);
      await waitFor(`${make.name} to serve`, () => {
        if (!program.isRunning) throw new Error(program.stderr);
        return make.isServing.test(program.stderr);
      });
    };

    for (const make of makes) await start(make, []);
    await waitFor("the printer", () => gateway.events(/^service came$/).length > 0);
    const before = await examine();
    assert.equal(before.status, 1, before.text);
    assert.match(before.text, /^ok {6}link eth0: 10\.77\.1\.1\/24, .*; \d+ hosts? speaks? /m);
    assert.match(before.text, /^ok {6}server 0\.0\.0\.0:53: serves bonjour/m);
    assert.match(before.text, /^ok {6}zone .*; 121 instances of 2 types$/m);
    assert.match(before.text, /^odd {5}zone .*100 instances or more: _rtsp._tcp\S* \(120\)/m);
    const lines = new Map<Make, string[]>();
    for (const make of makes) {
      const [found, ...more] = before.of(make);
      assert.deepEqual([found?.verdict, more.length], ["broken", 0], before.text);
      if (make !== bind) assert.deepEqual(found!.remedy, [`As for resolver ${addressOf(bind)}.`]);
      lines.set(make, piece(before.of(bind)[0]!.remedy, make.name));
    }
    // None of the resolvers is on this host.
    const [misled] = (await examine("--server", "127.0.0.1")).of(bind);
    assert.match(`${misled?.remedy}`, /^First let the zone's server listen where others can ask/);

    for (const make of makes) await start(make, lines.get(make)!);
    // As at a desk, where no link is listened to.
    const fromDesk = () => examine("--server", GATEWAY);
    const after = await fromDesk();
    const [ofBind, ofUnbound, ofDnsmasq] = makes.map((make) => after.of(make));
    const long = ofBind!.find(({ verdict }) => verdict === "broken");
    assert.match(
      `${long?.fact}`,
      /SERVFAIL.* to _rtsp\._tcp\.bonjour\S*, which has 120$/,
      after.text,
    );
    for (const found of [ofUnbound!, ofDnsmasq!]) {
      assert.deepEqual(
        found.map(({ verdict }) => verdict),
        ["ok", "odd", "ok"],
        after.text,
      );
      assert.match(found[1]!.fact, /sends nothing of .* without EDNS/);
    }

    const more = long!.remedy.flatMap((line) => /^BIND: +(.*)/.exec(line)?.[1] ?? []);
    await start(bind, [...lines.get(bind)!, ...more]);
    const last = await fromDesk();
    assert.deepEqual([last.status, findingsOf(last.text, "broken")], [0, []], last.text);
    assert.deepEqual(
      last.of(bind).map(({ verdict }) => verdict),
      ["ok", "ok"],
      last.text,
    );
    assert.match(last.text, /\n\d+ ok, \d+ odd, 0 broken\n$/);

    // Protection and filters remove records that exist.
    await start(dnsmasq, [
      ...lines.get(dnsmasq)!.filter((line) => !line.startsWith("rebind-domain-ok")),
      ...["stop-dns-rebind", "filterwin2k"],
    ]);
    const filtered = (await fromDesk()).of(dnsmasq);
    const facts = filtered.filter(({ verdict }) => verdict === "broken");
    assert.match(
      facts.map(({ fact }) => fact).join("\n"),
      /SRV\n.* A: it withholds private addresses/,
    );
    assert.ok(facts.some(({ remedy }) => remedy.includes(`dnsmasq:  rebind-domain-ok=/${ZONE}/`)));
    rmSync(folder, { recursive: true });
  });
});

const SECRET = Buffer.from("what both sides know").toString("base64");

suite("doctor, of a collector", { skip: needs("named", "knotd") }, () => {
  for (const [name, start] of Object.entries({ BIND: startBind, Knot: startKnot })) {
    test(`says whether ${name} takes its updates, and changes nothing`, async () => {
      await using primary = await start({ zone: `${ZONE}.`, keys: { paris: SECRET } });
      const folder = temporaryFolder();
      const file = join(folder, "paris.yaml");
      const server = `127.0.0.1:${primary.endpoint.port}`;
      const examine = async (secret: string, zone = ZONE, links: readonly object[] = []) => {
        const publish = { server, key: "paris" };
        writeFileSync(file, JSON.stringify({ zone, links, publish, keys: { paris: { secret } } }));
        const command = ["doctor", "--config", file, "--resolver", server];
        const { stdout, stderr } = await run([process.execPath, MAIN, ...command]);
        assert.equal(stderr, "");
        return `${stdout}`;
      };
      const before = await examine(SECRET);
      const taken = `^ok      publish ${server}: takes updates of ${ZONE}\\., signed by the key paris$`;
      assert.match(before, new RegExp(taken, "m"));
      const again = await examine(SECRET, ZONE, [{ interface: "none0", site: "paris" }]);
      assert.match(again, new RegExp(taken, "m"));
      const serialIn = (text: string) => /serial \d+/.exec(text)?.[0];
      assert.equal(serialIn(again), serialIn(before), "nothing was changed");
      const wrong = await examine(Buffer.from("what one of them knows").toString("base64"));
      assert.match(
        wrong,
        /^broken {2}publish \S+: \S+: the server has a different secret for the key \(BADSIG\): paris/m,
      );
      const other = await examine(SECRET, "other.example");
      assert.match(other, /^broken {2}publish \S+: .*\b(NOTAUTH|REFUSED)\b/m);
    });
  }
});

interface Make {
  /** As the remedies name it. */
  readonly name: string;
  readonly port: number;
  readonly command: (file: string) => string[];
  readonly isServing: RegExp;
  /** The configuration with these lines, as they are printed. */
  readonly configure: (folder: string, lines: readonly string[]) => string;
}

const bind: Make = {
  name: "BIND",
  port: 5301,
  command: (file) => ["named", "-g", "-c", file],
  isServing: /\ball zones loaded\b.*\brunning\b/s,
  configure: (folder, lines) => {
    // BIND takes only one `options` block.
    const options = lines.flatMap((line) => /^options \{(.*)\};/.exec(line)?.[1] ?? []);
    return `
options { directory "${folder}"; pid-file none; session-keyfile none; dnssec-validation no;
  listen-on port 5301 { any; }; listen-on-v6 { none; }; ${options.join(" ")} };
controls { };
zone "." { type hint; file "hints"; };
${lines.filter((line) => !line.startsWith("options")).join("\n")}
`;
  },
};

const unbound: Make = {
  name: "Unbound",
  port: 5302,
  command: (file) => ["unbound", "-d", "-c", file],
  isServing: /start of service/,
  configure: (folder, lines) => `
server:
  directory: "${folder}"
  username: ""
  chroot: ""
  pidfile: ""
  use-syslog: no
  logfile: ""
  verbosity: 1
  interface: ${RESOLVER}
  port: 5302
  access-control: 0.0.0.0/0 allow
  do-ip6: no
  module-config: "validator iterator"
  private-address: 10.0.0.0/8
  root-hints: "${folder}/hints"
remote-control:
  control-enable: no
${lines.join("\n")}
`,
};

const dnsmasq: Make = {
  name: "dnsmasq",
  port: 5303,
  command: (file) => ["dnsmasq", "--keep-in-foreground", `--conf-file=${file}`],
  isServing: /started/,
  configure: (_, lines) => `
port=5303
listen-address=${RESOLVER}
bind-interfaces
no-resolv
no-hosts
user=root
log-facility=-
server=${ROOT}
bogus-priv
${lines.join("\n")}
`,
};

/** A root without delegations. */
async function startRoot(host: Host, folder: string): Promise<void> {
  const file = join(folder, "root.conf");
  writeFileSync(join(folder, "hints"), `. 3600 IN NS a.root.\na.root. 3600 IN A ${ROOT}\n`);
  writeFileSync(
    join(folder, "root.zone"),
    `$TTL 60\n@ SOA a.root. hostmaster.root. 1 14400 3600 604800 60\n@ NS a.root.\na.root. A ${ROOT}\n`,
  );
  writeFileSync(
    file,
    `options { directory "${folder}"; pid-file none; session-keyfile none; recursion no;
       listen-on { any; }; listen-on-v6 { none; }; empty-zones-enable no; };
     controls { };
     zone "." { type primary; file "root.zone"; };`,
  );
  const bind = host.start(["named", "-g", "-c", file]);
  await waitFor("the root", () => {
    if (!bind.isRunning) throw new Error(bind.stderr);
    return /\ball zones loaded\b/.test(bind.stderr);
  });
}

interface Told {
  readonly verdict: string;
  readonly place: string;
  readonly fact: string;
  readonly remedy: string[];
}

function allFindings(text: string): Told[] {
  const found: Told[] = [];
  for (const line of text.split("\n")) {
    const [, verdict, place, fact] = /^(ok|odd|broken) +(\S+(?: \S+)?): (.*)$/.exec(line) ?? [];
    if (verdict !== undefined) found.push({ verdict, place: place!, fact: fact!, remedy: [] });
    else if (line.startsWith(" ".repeat(8))) found.at(-1)!.remedy.push(line.slice(8));
  }
  return found;
}

function findingsAt(text: string, place: string): Told[] {
  return allFindings(text).filter((each) => each.place === place);
}

function findingsOf(text: string, verdict: string): Told[] {
  return allFindings(text).filter((each) => each.verdict === verdict);
}

/** The lines under the name of a program. */
function piece(remedy: readonly string[], name: string): string[] {
  const start = remedy.indexOf(`${name}:`) + 1;
  const length = remedy.slice(start).findIndex((line) => !line.startsWith("  "));
  return remedy.slice(start, length < 0 ? undefined : start + length).map((line) => line.slice(2));
}
