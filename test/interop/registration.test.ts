/**
 * Devices that register themselves with others' software: keys of BIND's dnssec-keygen, messages and
 * signatures of Perl's Net::DNS. dig finds what they have registered, even after a crash.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { suite, test } from "node:test";
import { temporaryFolder } from "../support/gateway.ts";
import { run, succeed } from "../support/process.ts";
import { root } from "../support/root.ts";
import { Serving } from "../support/serving.ts";
import { skipWithout } from "../support/tool.ts";

const ZONE = "bonjour.example.";
const SITE = `devices.${ZONE}`;

/** Makes a key; returns its path, as the client takes it. */
async function makeKey(algorithm: string): Promise<string> {
  const folder = temporaryFolder();
  const host = ["-T", "KEY", "-n", "HOST", `lamp.${SITE}`];
  const name = await succeed(["dnssec-keygen", "-q", "-K", folder, "-a", algorithm, ...host]);
  return join(folder, name.trim());
}

interface Registering {
  readonly key: string;
  readonly host?: string;
  /** Seconds: the lease, and that of the KEY. */
  readonly leases?: readonly [number, number];
  /** Undefined if the device goes. */
  readonly address?: string;
  readonly services?: readonly string[];
  readonly domain?: string;
}

/** Returns the response code and the leases granted: "NOERROR 7200 86400". */
async function register(ours: Serving, registering: Registering): Promise<string> {
  const { key, host = "lamp", leases = [7200, 86_400], address = "-" } = registering;
  const { services = [], domain = SITE } = registering;
  const zone = domain === SITE ? ZONE : domain;
  const described = services.flatMap((each) => {
    const [instance, type, ...rest] = each.split(" ");
    return [instance!, `${type}.${domain}`, ...rest];
  });
  const said = await succeed([
    ...["perl", join(root, "test/support/requester.pl"), `${ours.endpoint.port}`, key, zone],
    ...[...leases.map(String), `${host}.${domain}`, address, ...described],
  ]);
  return said.trim();
}

async function ask(ours: Serving, owner: string, type: string): Promise<readonly string[]> {
  const { stdout } = await run([
    ...["dig", "@127.0.0.1", "-p", `${ours.endpoint.port}`, "+short", "+tries=1", "+time=5"],
    ...["-t", type, "-q", owner],
  ]);
  return stdout.toString().trim().split("\n").filter(Boolean).sort();
}

/** A reason to skip where a module of Perl is missing. */
function withoutModule(): string | false {
  const { status } = spawnSync("perl", ["-MNet::DNS::SEC", "-e1"]);
  return status !== 0 && process.env.CI !== "true" ? "needs libnet-dns-sec-perl" : false;
}

suite("a device that registers itself", {
  skip: skipWithout("dig", "perl", "dnssec-keygen") || withoutModule(),
}, () => {
  test("SRP-07, SRP-23, SRP-24: is found by clients until it goes, even after a crash of the server", async () => {
    const registrar = { site: "devices", networks: ["127.0.0.0/8", "10.1.0.0/16"] };
    const reverse = ["1.10.in-addr.arpa"];
    await using ours = await Serving.start({ zone: ZONE, readers: {}, registrar, reverse });
    const key = await makeKey("ECDSAP256SHA256");
    const services = ["Desk\\032Lamp _http._tcp 80 path=/lamp", "Desk\\032Lamp _hue._tcp 443 a=1"];
    const lamp = { key, address: "10.1.0.9", services };
    assert.equal(await register(ours, lamp), "NOERROR 7200 86400");
    const instance = `Desk\\032Lamp._http._tcp.${SITE}`;
    assert.deepEqual(await ask(ours, `_http._tcp.${ZONE}`, "PTR"), [instance]);
    assert.deepEqual(await ask(ours, instance, "SRV"), [`0 0 80 lamp.${SITE}`]);
    assert.deepEqual(await ask(ours, instance, "TXT"), ['"path=/lamp"']);
    assert.deepEqual(await ask(ours, `lamp.${SITE}`, "A"), ["10.1.0.9"]);
    assert.deepEqual(await ask(ours, "9.0.1.10.in-addr.arpa", "PTR"), [`lamp.${SITE}`]);
    assert.deepEqual(await ask(ours, `dr._dns-sd._udp.${ZONE}`, "PTR"), [SITE]);
    const [before] = await ask(ours, ZONE, "SOA");

    await ours.stop("SIGKILL");
    await ours.start();
    assert.deepEqual(await ask(ours, `_http._tcp.${ZONE}`, "PTR"), [instance]);
    assert.equal(await register(ours, lamp), "NOERROR 7200 86400");
    assert.deepEqual(await ask(ours, ZONE, "SOA"), [before]);

    const other = await makeKey("ED25519");
    assert.equal(await register(ours, { ...lamp, key: other }), "YXDOMAIN");
    assert.equal(await register(ours, { key: other, leases: [0, 0] }), "REFUSED");
    const rival = {
      key: other,
      host: "lamp-2",
      address: "10.1.0.10",
      domain: "default.service.arpa.",
    };
    assert.equal(await register(ours, rival), "NOERROR 7200 86400");
    assert.deepEqual(await ask(ours, `lamp-2.${SITE}`, "A"), ["10.1.0.10"]);

    assert.equal(await register(ours, { key, leases: [0, 86_400] }), "NOERROR 0 86400");
    assert.deepEqual(await ask(ours, `_services._dns-sd._udp.${ZONE}`, "PTR"), []);
    assert.deepEqual(await ask(ours, instance, "SRV"), []);
    assert.deepEqual(await ask(ours, "9.0.1.10.in-addr.arpa", "PTR"), []);
    assert.equal((await ask(ours, instance, "KEY")).length, 1);
    assert.equal(await register(ours, { ...lamp, key: other }), "YXDOMAIN");
  });
});
