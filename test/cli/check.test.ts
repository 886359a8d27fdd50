/** `check` reports in advance what `run` would refuse. */
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, it } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { readConfig } from "../../src/config.ts";
import { openZones } from "../../src/gateway/zones.ts";
import { makeCertificate } from "../support/certificate.ts";
import { MAIN, temporaryFolder } from "../support/gateway.ts";
import { silentLog } from "../support/log.ts";
import { run } from "../support/process.ts";

describe("dnssd-gateway check", () => {
  const folder = temporaryFolder();
  const path = (file: string) => join(folder, file);
  const config = path("gateway.yaml");
  const write = (text: string, file = "gateway.yaml") => writeFileSync(path(file), text);
  const check = async (file = config, ...options: readonly string[]) => {
    const { status, stdout, stderr } = await run([
      process.execPath,
      MAIN,
      "check",
      file,
      ...options,
    ]);
    return { status, said: `${stdout}${stderr}`.split("\n").slice(0, -1) };
  };
  beforeEach(() => {
    rmSync(path("zones"), { recursive: true, force: true });
    mkdirSync(path("zones"));
  });

  it("reads the zone files of a configuration as run does", async () => {
    write("zone: z.example\n");
    write("$TTL 60\nwiki A 192.0.2.9\n", "zones/z.example.zone");
    const good = `${config}: zone z.example., no mistake found`;
    assert.deepEqual(await check(), { status: 0, said: [good] });

    write("$TTL 60\nwiki A 192.0.2\n", "zones/z.example.zone");
    const wrong = await check();
    assert.equal(wrong.status, 1);
    assert.match(wrong.said.join("\n"), /z\.example\.zone:2: [^\n]*192\.0\.2[^\n]*$/);
    const refused = await run([process.execPath, MAIN, "run", "--config", config]);
    assert.equal(refused.stderr, `${wrong.said[0]}\n`);

    const many = Array.from({ length: 4001 }, (_, i) => `www A 10.0.${i >> 8}.${i & 255}\n`);
    write(`$TTL 60\n${many.join("")}`, "zones/z.example.zone");
    const large = "A of www.z.example. with 4001 records and 64016 octets, expected at most 64000";
    assert.deepEqual(await check(), {
      status: 1,
      said: [`${path("zones/z.example.zone")}:2: ${large}`],
    });

    // A gateway that serves nothing reads none.
    write("zone: z.example\nlinks: [{ interface: eth0 }]\npublish: { server: 192.0.2.53 }\n");
    assert.deepEqual(await check(), { status: 0, said: [good] });
  });

  it("reports a zone file that hides what collectors publish", async () => {
    write("zone: z.example\n");
    const apex = "$TTL 60\n@ SOA ns.z.example. h.z.example. 1 2 3 4 5\n@ NS ns.z.example.\n";
    write(`${apex}wiki A 192.0.2.9\n`, "zones/paris.z.example.zone");
    write(apex, "zones/example.zone");
    const good = `${config}: zone z.example., no mistake found`;
    const hidden = `${path("zones/paris.z.example.zone")}: hides what is published at and beneath paris.z.example., expected its records in z.example.zone, or NS of it there`;
    assert.deepEqual(await check(), { status: 0, said: [hidden, good] });
    write("$TTL 60\n@ NS ns\nns A 192.0.2.1\n", "zones/z.example.zone");
    assert.deepEqual(await check(), { status: 0, said: [hidden, good] });
    write("$TTL 60\nparis NS ns\nns A 192.0.2.1\n", "zones/z.example.zone");
    assert.deepEqual(await check(), { status: 0, said: [good] });
    // The nearest zone above is the one that counts.
    write("zone: z.example\nreverse: [10.in-addr.arpa, 1.10.in-addr.arpa]\n");
    write(apex, "zones/2.1.10.in-addr.arpa.zone");
    write("$TTL 60\n2 NS ns.z.example.\n", "zones/1.10.in-addr.arpa.zone");
    assert.deepEqual(await check(), { status: 0, said: [good] });
  });

  it("notes that nameservers has no effect, and a zone that clients will not ask for", async () => {
    write("zone: z.local\nnameservers: [ns1.example.com]\n");
    write("$TTL 60\n@ NS ns2.example.com.\n", "zones/z.local.zone");
    assert.deepEqual((await check()).said, [
      `${config}: zone z.local., no mistake found`,
      `${config}: nameservers does nothing: the file of z.local. has NS records of its own`,
      `${config}: names in local. are resolved by multicast: clients will not ask this server for z.local.`,
    ]);
    // Delegations beneath the apex, and other records at it, leave it its effect.
    write("zone: z.example\nnameservers: [ns1.example.com]\n");
    rmSync(path("zones/z.local.zone"));
    write("$TTL 60\n@ TXT a\nlab NS ns2.example.com.\n", "zones/z.example.zone");
    assert.deepEqual((await check()).said, [`${config}: zone z.example., no mistake found`]);
  });

  it("accepts one file for each zone, and names a file that cannot be read", async () => {
    write("zone: z.example\n");
    write("@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\n", "zones/y.example.zone");
    write("@ 60 SOA ns h 9 2 3 4 5\n@ 60 NS ns\n", "zones/Y.example.zone");
    const files = [path("zones/Y.example.zone"), path("zones/y.example.zone")];
    const { status, said } = await check();
    assert.equal(status, 1);
    const twice = `${files[1]}: the same zone as ${files[0]}; expected one file for each zone`;
    assert.deepEqual(said, [twice]);
    rmSync(files[0]!);
    rmSync(files[1]!);
    mkdirSync(files[1]!);
    const folder = await check();
    assert.match(folder.said[0]!, /y\.example\.zone: EISDIR.*; expected a file that can be read/);
  });

  it("notes what is odd in a zone file but no mistake, as the start does", async () => {
    write("zone: z.example\ncatalog: y.example\nlisten: { dns: [127.0.0.1:0] }\n");
    const text =
      "web 60 CNAME www\nwww 60 A 192.0.2.9\nwww 90 A 192.0.2.8\nx._http._tcp 60 SRV 0 0 80 web\n";
    write(text, "zones/z.example.zone");
    const file = path("zones/z.example.zone");
    const odd = [
      `${file}:3: A of www.z.example. with TTL 90 and 60, the lower is taken`,
      `${file}:4: SRV leads to the alias web.z.example.`,
    ];
    const { status, said } = await check();
    assert.equal(status, 0);
    assert.deepEqual(said.slice(0, 3), [...odd, `${config}: zone z.example., no mistake found`]);
    const alone = await check(file, "--config", config);
    assert.deepEqual(alone.said.slice(0, 2), odd);

    const warnings: object[] = [];
    const stop = new AbortController();
    const log = { ...silentLog, warn: (fields: object) => warnings.push(fields) };
    const options = { clock: systemClock, log, signal: stop.signal };
    const zones = await openZones(readConfig(config), options);
    stop.abort();
    await zones.closed;
    assert.deepEqual(
      warnings,
      odd.map((remark) => ({ remark })),
    );
  });

  it("refuses a further zone without an SOA, which the shared and reverse zones may lack", async () => {
    write("zone: z.example\nreverse: [1.10.in-addr.arpa]\ncatalog: y.example\n");
    for (const file of ["zones/z.example.zone", "zones/1.10.in-addr.arpa.zone"]) {
      write("$TTL 60\nwiki A 192.0.2.9\n", file);
      const alone = await check(path(file), "--config", config);
      assert.deepEqual(alone.said, [`${path(file)}: 1 record set, no mistake found`]);
      assert.match(
        (await check(path(file))).said.at(-1)!,
        /\.zone: where a configuration has collectors fill this zone, -c names it/,
      );
    }
    write("$TTL 60\n@ NS ns.example.\n", "zones/y.example.zone");
    const { status, said } = await check();
    assert.equal(status, 1);
    assert.match(said.join("\n"), /y\.example\.zone.*SOA/);

    write("$TTL 60\n@ NS ns.e.\n@ SOA ns.e. h.e. 1 1 1 1 1\n", "zones/y.example.zone");
    assert.deepEqual((await check()).said, [
      "catalog: y.example. has a zone file; expected another name",
    ]);
  });

  it("reports a file in place of a folder, and a folder in place of a file", async () => {
    const expected = "expected a folder for zone files that can be read and written";
    write("data: gateway.yaml\n");
    const said = [`${config}: is not a folder; ${expected}`];
    assert.deepEqual(await check(), { status: 1, said });
    const refused = await run([process.execPath, MAIN, "run", "--config", config]);
    assert.equal(refused.stderr, `${said[0]}\n`);

    assert.deepEqual((await check(folder)).said, [
      `${folder}: is a folder; expected a configuration file (YAML)`,
    ]);
    assert.deepEqual((await check(folder, "--origin", "z.example")).said, [
      `${folder}: is a folder; expected a zone file`,
    ]);
    const nameless = path("zones/a..b.zone");
    assert.deepEqual((await check(nameless)).said, [
      `${nameless}: empty label in "a..b"; expected a zone such as bonjour.example.com`,
    ]);
  });

  it("reports that there is no key of a zone that is to be signed", async () => {
    mkdirSync(path("keys"));
    mkdirSync(path("none"));
    write("zone: z.example\ndata: none\ndnssec: { keys: keys }\n");
    const { status, said } = await check();
    assert.equal(status, 1);
    assert.match(said[0]!, /keys: no key for any zone served here; expected one such as/);
  });

  it("notes keys of zones that are not served, and that signed zones are not copied", async () => {
    const make = async (zone: string) => {
      const { status } = await run([process.execPath, MAIN, "key", "--dnssec", zone], {
        cwd: folder,
      });
      assert.equal(status, 0);
    };
    await make("z.example");
    write("zone: z.example\ndata: none\ndnssec: { keys: keys }\n");
    assert.deepEqual((await check()).said, [`${config}: zone z.example., no mistake found`]);
    await make("old.example");
    const { status, said } = await check();
    assert.equal(status, 0);
    assert.equal(said.length, 2);
    const [file = "", what] = said[0]!.split(": ");
    assert.ok(file.startsWith(path("keys/Kold.example.+013+")), file);
    assert.equal(what, "belongs to old.example., which is not served here");
    write(
      "zone: z.example\ndata: none\ndnssec: { keys: keys }\ntransfer: { allow: [192.0.2.1] }\n",
    );
    const copied = "transfer does nothing for z.example.: a signed zone is not transferred";
    assert.equal((await check()).said[2], `${config}: ${copied}`);
  });

  it("notes settings that are no mistake but have no effect", async () => {
    const publish = "publish: { server: 192.0.2.53 }\n";
    const cases: [string, string][] = [
      [
        "links: []\npolicy: { rules: [{ deny: chat }] }\n",
        "policy does nothing where there are no links (links: []); set this at the collectors",
      ],
      [
        "links: []\nsubtypes: { _ipp._tcp: [_universal] }\ngrace: 60\n",
        "subtypes, grace do nothing where there are no links (links: []); set this at the collectors",
      ],
      [
        `${publish}query: { limit: 5 }\nviews: [{ networks: [any] }]\nnameservers: [ns1.example]\n`,
        "nameservers, query, views do nothing where nothing is served (publish without listen); set this at the server",
      ],
      [
        "listen: { dns: ['127.0.0.1:53'], certificate: none.pem }\n",
        "certificate and privateKey do nothing where listen has neither tls nor https",
      ],
      [
        "links: [{ interface: eth0, site: hq }]\npolicy: { rules: [{ deny: chat, site: [HQ, paris, lyon] }] }\n",
        "policy.rules[0] does nothing at paris, lyon: no link has these sites",
      ],
      [
        "links: [{ interface: eth0, site: hq }]\nregistrar: { site: devices }\npolicy: { rules: [{ deny: chat, site: [devices, lyon] }] }\n",
        "policy.rules[0] does nothing at lyon: no link has this site",
      ],
      [
        "links: []\nregistrar: { site: devices }\npolicy: { rules: [{ deny: chat, site: [Devices, lyon] }] }\n",
        "policy.rules[0] does nothing at lyon: no link has this site",
      ],
      [
        "links: []\nregistrar: { site: devices }\npolicy: { rules: [{ deny: chat }] }\ngrace: 60\n",
        "grace does nothing where there are no links (links: []); set this at the collectors",
      ],
      [
        `${publish}links: [{ interface: eth0, site: hq }]\npolicy: { text: [{ type: all, drop: [a] }, { type: all, drop: [b], site: paris }] }\n`,
        "policy.text[1] does nothing at paris: no link has this site",
      ],
      [
        "links: [{ interface: eth0 }]\npolicy: { addresses: [{ from: 10.1.0.0/24, to: 10.2.0.0/24, site: paris }] }\n",
        "policy.addresses[0] does nothing at paris: no link has this site",
      ],
      [
        "links: [{ interface: eth0, site: hq, onDemand: true }]\nviews: [{ networks: [any] }]\n",
        "clients with a view get nothing on demand (views)",
      ],
      [`links: []\n${publish}`, "nothing is published: no links are configured (links: [])"],
      [
        `${publish}listen: { dns: ["127.0.0.1:53"] }\n`,
        "what is published elsewhere (publish) is not in the zone served here (listen)",
      ],
      [
        "publish: { server: '2001:db8::53:53' }\n",
        "2001:db8::53:53 is an address without a port; with one it would be [2001:db8::53]:53",
      ],
    ];
    for (const [text, note] of cases) {
      write(`zone: z.example\ndata: none\n${text}`);
      const { status, said } = await check();
      assert.equal(status, 0);
      assert.deepEqual(said.slice(1), [`${config}: ${note}`]);
    }
    const { paths } = makeCertificate("ns1.example.com");
    const listen = (push: string) =>
      `listen: { dns: ["127.0.0.1:53"], tls: ["127.0.0.1:853"], push: ${push}, certificate: ${paths.certificate}, privateKey: ${paths.privateKey} }\n`;
    write(`zone: z.example\ndata: none\n${listen("ns2.example.com")}`);
    assert.deepEqual((await check()).said.slice(1), [
      `${config}: clients get no changes pushed: the certificate is not valid for ns2.example.com (listen.push)`,
    ]);
    const others = [
      [listen("ns1.example.com"), 0],
      ["links: [{ interface: eth0, site: hq }]\nviews: [{ networks: [any] }]\n", 0],
      ["links: []\npublish: { server: '2001:db8::53' }\n", 1],
      [
        "links: [{ interface: eth0, site: 'caf\u00e9' }]\npolicy: { rules: [{ deny: chat, site: 'cafe\u0301' }] }\n",
        0,
      ],
      // Any site may be that of a link.
      ["policy: { rules: [{ deny: chat, site: eth7 }] }\n", 0],
      [
        `${publish}links: [{ interface: eth0 }]\npolicy: { rules: [{ deny: chat, site: hq }] }\n`,
        0,
      ],
    ] as const;
    for (const [text, notes] of others) {
      write(`zone: z.example\ndata: none\n${text}`);
      assert.equal((await check()).said.length, 1 + notes, text);
    }
  });
});
