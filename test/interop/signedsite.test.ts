/** A gateway that signs what it hears, a BIND that validates it, and a client behind that BIND. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Name } from "../../src/dns/name.ts";
import { SigningKey } from "../../src/dns/signingkey.ts";
import { Avahi } from "../support/avahi.ts";
import { dig, type Reply } from "../support/dig.ts";
import { Gateway, MAIN, temporaryFolder } from "../support/gateway.ts";
import { type Host, Lab, needs } from "../support/lab.ts";
import { run, succeed } from "../support/process.ts";
import { trustAnchors } from "../support/resolver.ts";
import { waitFor } from "../support/wait.ts";

const ZONE = "bonjour.example.com.";
const GATEWAY = "10.1.0.2";
const RESOLVER = "10.1.0.53";

/** The command, with the keys in `folder`. */
const key = (folder: string, ...parameters: string[]) =>
  succeed([process.execPath, MAIN, "key", "--dnssec", ZONE, "--folder", folder, ...parameters]);

function keysIn(folder: string): SigningKey[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".private"))
    .map((file) => {
      const path = join(folder, file);
      const text = readFileSync(path.replace(/private$/, "key"), "utf8");
      return SigningKey.parse(text, readFileSync(path, "utf8"));
    });
}

async function startNamed(host: Host, anchor: SigningKey): Promise<void> {
  const folder = temporaryFolder();
  const file = join(folder, "named.conf");
  writeFileSync(
    file,
    `options { directory "${folder}"; pid-file none; session-keyfile none; recursion yes;
  listen-on { any; }; listen-on-v6 { none; }; allow-query { any; }; dnssec-validation yes; };
controls { };
${trustAnchors(Name.parse(ZONE), anchor.dnskey)}
zone "${ZONE}" { type static-stub; server-addresses { ${GATEWAY}; }; };
`,
  );
  const named = host.start(["named", "-g", "-c", file]);
  await waitFor("named to serve", () => {
    if (!named.isRunning) throw new Error(named.stderr);
    return /\ball zones loaded\b.*\brunning\b/s.test(named.stderr);
  });
}

describe("A gateway that signs", { skip: needs("avahi-daemon", "dig", "named", "delv") }, () => {
  it("SEC-DNSSEC-02, 16, 17, 18: what it hears is authentic to clients behind a resolver", async () => {
    await using lab = new Lab();
    const lan = lab.lan("lan");
    const plug = (name: string, address: string) =>
      lab.host(name).plug(lan, { name: "eth0", addresses: [`${address}/16`] });
    const host = plug("gw", GATEWAY);
    const resolver = plug("resolver", RESOLVER);
    const client = plug("client", "10.1.0.9");
    const printer = plug("printer", "10.1.0.10");
    const service = { name: "Office Printer", type: "_ipp._tcp", port: 631 };
    const avahi = await Avahi.start(printer, { hostName: "printer", services: [service] });

    const keys = join(temporaryFolder(), "keys");
    await key(keys);
    const [first] = keysIn(keys);
    const gateway = await Gateway.start(host, {
      ...{ zone: ZONE, links: [{ interface: "eth0", site: "paris" }] },
      ...{ dnssec: { keys }, transfer: { allow: ["10.1.0.0/16"] } },
    });
    await startNamed(resolver, first!);

    const ask = (name: string, type: string, ...options: string[]): Promise<Reply> =>
      dig(client, {
        ...{ server: RESOLVER, name: `${name}${ZONE}`, type },
        options: ["+rec", "+adflag", ...options],
      });
    await waitFor(
      "the printer to be served",
      async () => (await ask("printer.paris.", "A")).answers.length > 0,
      20_000,
      250,
    );
    const kinds: readonly [string, string, number][] = [
      ["printer.paris.", "A", 1],
      ["_ipp._tcp.", "PTR", 1],
      ["Office\\032Printer._ipp._tcp.paris.", "SRV", 1],
      ["_services._dns-sd._udp.", "PTR", 1],
      ["", "SOA", 1],
      ["printer.paris.", "TXT", 0],
      ["nobody.paris.", "A", 0],
      ["_smb._tcp.", "PTR", 0],
    ];
    const expectAuthentic = async (): Promise<void> => {
      for (const [name, type, count] of kinds) {
        const { status, flags, answers } = await ask(name, type);
        assert.equal(status, "NOERROR", name);
        assert.ok(flags.includes("ad"), `${name} ${type}: ${flags}`);
        assert.equal(answers.length, count, name);
      }
    };
    await expectAuthentic();

    // A successor, read at SIGHUP: clients may know one key, or both.
    await key(keys);
    gateway.program.child.kill("SIGHUP");
    const dnskeys = async () =>
      (await dig(client, { server: GATEWAY, name: ZONE, type: "DNSKEY" })).answers.length;
    await waitFor("the second key", async () => (await dnskeys()) === 2);
    await expectAuthentic();
    await key(keys, "--retire", `${first!.tag}`);
    gateway.program.child.kill("SIGHUP");
    const told = async () =>
      (await dig(client, { server: GATEWAY, name: ZONE, type: "CDS" })).answers.length;
    await waitFor("the parent to be told of one key", async () => (await told()) === 1);
    assert.equal(await dnskeys(), 2);
    await expectAuthentic();

    // A copy would have no signatures.
    const axfr = (from: Host, server: string) =>
      from.run(["dig", `@${server}`, ZONE, "AXFR", "+time=3", "+tries=1"]);
    assert.match((await axfr(client, GATEWAY)).stdout.toString(), /Transfer failed/);
    assert.match((await axfr(host, "127.0.0.1")).stdout.toString(), /printer\.paris/);

    await avahi.stop();
    await waitFor(
      "the printer to be gone, authentically",
      async () => {
        const { answers, flags, status } = await ask("_ipp._tcp.", "PTR");
        return answers.length === 0 && status === "NOERROR" && flags.includes("ad");
      },
      30_000,
      250,
    );

    await gateway.program.stop();
    const said = `${gateway.program.stderr}${gateway.program.stdout.join("")}`;
    assert.match(said, /the zone is signed/);
    for (const file of readdirSync(keys).filter((each) => each.endsWith(".private"))) {
      const [, secret] = /PrivateKey: (.*)/.exec(readFileSync(join(keys, file), "utf8"))!;
      assert.ok(!said.includes(secret!));
      assert.equal(statSync(join(keys, file)).mode & 0o777, 0o600);
    }
  });

  it("does not start without keys", async () => {
    const file = join(temporaryFolder(), "gateway.yaml");
    writeFileSync(file, "listen: { dns: ['127.0.0.1:0'] }\ndnssec: { keys: nowhere }\n");
    const { status, stderr } = await run([process.execPath, MAIN, "run", "--config", file]);
    assert.equal(status, 1);
    assert.match(stderr, /nowhere: .*expected a folder with keys/);
  });
});
