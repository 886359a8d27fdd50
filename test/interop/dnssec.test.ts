/** Answers signed online, before validators: delv, BIND, Unbound and dnsviz; and beside BIND's signer. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { Class, Type } from "../../src/dns/constants.ts";
import { digestOf, signedOctets } from "../../src/dns/dnssec.ts";
import { Rdata, rdata } from "../../src/dns/rdata.ts";
import type { RecordSet } from "../../src/dns/record.ts";
import { SigningKey } from "../../src/dns/signingkey.ts";
import { formatRdata } from "../../src/dns/text.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { formatMasterFile } from "../../src/zone/masterfile/masterformat.ts";
import {
  keysOf,
  listenSigned,
  MANY,
  name,
  origin,
  type SignedListener,
  signedRecords,
} from "../dnsserver/signed.ts";
import { plainName, rdataOf } from "../support/arbitrary.ts";
import fc from "../support/fastcheck.ts";
import { temporaryFolder } from "../support/gateway.ts";
import { run, succeed } from "../support/process.ts";
import { startResolver, trustAnchors } from "../support/resolver.ts";
import { root } from "../support/root.ts";
import { skipWithout } from "../support/tool.ts";
import { rrsigOf } from "../support/validation.ts";

/** Every kind of answer, and what delv prints if it is right. */
const KINDS: readonly [string, RegExp][] = [
  ["printer.paris A", /A 10\.1\.0\.10/],
  ["printer.paris TXT", /NXRRSET/],
  ["PRINTER.PARIS AAAA", /2001:db8::10/],
  ["@ SOA", /SOA /],
  ["@ NS", /NS ns\./],
  ["@ DNSKEY", /DNSKEY 257/],
  ["@ CDS", /CDS /],
  ["@ CDNSKEY", /CDNSKEY 257/],
  ["@ TXT", /NXRRSET/],
  ["_ipp._tcp PTR", /Office/],
  ["_many._tcp PTR", /Printer\\03289/],
  ["Office\\032Printer._ipp._tcp.paris SRV", /SRV 0 0 631 Printer\.Paris/],
  ["nobody A", /NXRRSET/],
  ["a.b.nobody A", /NXRRSET/],
  ["paris A", /NXRRSET/],
  ["_xyz._tcp PTR", /NXRRSET/],
  ["x.wild A", /A 10\.1\.0\.99/],
  ["x.wild AAAA", /NXRRSET/],
  ["*.wild A", /A 10\.1\.0\.99/],
  ["alias A", /CNAME .*A 10\.1\.0\.10/s],
  ["alias2 A", /CNAME .*CNAME .*A 10\.1\.0\.10/s],
  ["alias2 TXT", /CNAME .*NXRRSET/s],
  ["dangling A", /CNAME .*NXRRSET/s],
  ["printer.moved A", /DNAME .*A 10\.1\.0\.10/s],
  ["nobody.moved A", /DNAME .*NXRRSET/s],
  ["unsigned DS", /NXRRSET/],
  ["secure DS", /DS 4711 13 2/],
  ["opaque TYPE65280", /0A0B0C0D/],
  ["svc SVCB", /SVCB 1 Target\.Svc/],
  [`${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(45)} A`, /NXRRSET/],
  [`${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(46)} A`, /NXRRSET/],
];

function delv({ endpoint }: SignedListener, anchor: Rdata) {
  const file = join(temporaryFolder(), "anchor");
  writeFileSync(file, trustAnchors(origin, anchor));
  return async (asked: string): Promise<string> => {
    const [owner, type] = asked.split(" ");
    const where = [`@${endpoint.address}`, "-p", `${endpoint.port}`];
    const what = ["-t", type!, "-q", `${name(owner!)}`];
    const options = ["-a", file, `+root=${origin}`];
    const { stdout, stderr } = await run(["delv", ...where, ...options, ...what]);
    return `${stdout}${stderr}`.replaceAll(/[ \t]+/g, " ");
  };
}

suite("delv", { skip: skipWithout("delv") }, () => {
  for (const [algorithm, roles] of [
    ["ecdsap256sha256", ["csk"]],
    ["ed25519", ["csk"]],
    ["ecdsap256sha256", ["ksk", "zsk"]],
  ] as const) {
    test(`SEC-DNSSEC-02, 04, 06, 07, 08, 10, 12: accepts every kind of answer: ${algorithm}, ${roles}`, async () => {
      const keys = keysOf(roles, algorithm);
      await using server = await listenSigned({ keys });
      const ask = delv(server, keys[0]!.dnskey);
      for (const [asked, expected] of KINDS) {
        const text = await ask(asked);
        assert.match(text, /^; (negative response, )?fully validated/m, `${asked}: ${text}`);
        assert.doesNotMatch(text, /unsigned answer|untrusted/, asked);
        assert.match(text, expected, asked);
      }
    });
  }

  test("SEC-DNSSEC-02: validates nothing with another key", async () => {
    await using server = await listenSigned();
    const ask = delv(server, keysOf()[0]!.dnskey);
    for (const asked of ["printer.paris A", "nobody A"]) {
      assert.doesNotMatch(await ask(asked), /fully validated/);
    }
  });

  test("SEC-DNSSEC-05, 13: accepts the answers of a zone while it changes", async () => {
    const keys = keysOf();
    await using server = await listenSigned({ keys });
    const ask = delv(server, keys[0]!.dnskey);
    const by = { name: "test", permits: () => true };
    let isDone = false;
    let changes = 0;
    const churn = async () => {
      for (; !isDone; changes++) {
        const address = `10.1.${changes >> 8}.${changes & 255}`;
        const record = { name: name("printer.paris"), class: Class.IN, type: Type.A, ttl: 60 };
        const change = { ...record, rdata: rdata.a(address) };
        const away = { ...record, class: Class.ANY, ttl: 0, rdata: new Rdata(Type.A, []) };
        const updates = changes % 3 === 2 ? [away] : [away, change];
        await server.zone.apply({ zone: origin, prerequisites: [], updates }, by);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const churning = churn();
    try {
      for (let i = 0; i < 10; i++) {
        for (const asked of ["printer.paris A", "alias A", "printer.paris TXT", "@ SOA"]) {
          assert.match(await ask(asked), /fully validated/, asked);
        }
      }
    } finally {
      isDone = true;
      await churning;
    }
    assert.ok(changes > 50, `${changes} changes`);
  });
});

suite("dig and kdig", { skip: skipWithout("dig", "kdig") }, () => {
  const ask = (tool: string, { endpoint }: SignedListener, ...rest: string[]) =>
    succeed([tool, `@${endpoint.address}`, "-p", `${endpoint.port}`, "+norec", ...rest]);

  test("SEC-DNSSEC-03: +dnssec brings signatures, and a plain query brings none", async () => {
    await using server = await listenSigned();
    for (const tool of ["dig", "kdig"]) {
      const signed = await ask(tool, server, "+dnssec", `printer.paris.${origin}`, "A");
      assert.match(signed, /RRSIG\s+A 13 4 60 /);
      assert.match(signed, /[Ff]lags: (qr|QR) (aa|AA);/i);
      const plain = await ask(tool, server, `printer.paris.${origin}`, "A");
      assert.doesNotMatch(plain, /RRSIG|NSEC/);
    }
  });

  test("SEC-DNSSEC-09: +coflag brings NXDOMAIN with the NSEC", async () => {
    await using server = await listenSigned();
    const what = [`nobody.${origin}`, "A"];
    const compact = await ask("dig", server, "+dnssec", ...what);
    assert.match(compact, /status: NOERROR/);
    assert.match(compact, /NSEC\s+\\000\.nobody\.signed\.example\. RRSIG NSEC TYPE128/);
    const restored = await ask("dig", server, "+dnssec", "+coflag", ...what);
    assert.match(restored, /status: NXDOMAIN/);
    assert.match(restored, /flags: do co;/);
    assert.match(restored, /TYPE128/);
    assert.match(await ask("dig", server, ...what), /status: NXDOMAIN/);
  });

  test("SEC-DNSSEC-11: a question of type NXNAME is a FORMERR", async () => {
    await using server = await listenSigned();
    const text = await ask("dig", server, "+dnssec", `printer.paris.${origin}`, "TYPE128");
    assert.match(text, /status: FORMERR/);
    assert.match(text, /EDE: 30/);
  });

  test("SEC-DNSSEC-03: a large set is truncated by UDP, and comes whole by TCP", async () => {
    await using server = await listenSigned();
    const what = ["+dnssec", `_many._tcp.${origin}`, "PTR"];
    assert.match(await ask("dig", server, "+ignore", ...what), /flags: qr aa tc/);
    const whole = await ask("dig", server, ...what);
    assert.equal(whole.match(/\tPTR\t/g)?.length, MANY);
    assert.match(whole, /RRSIG\s+PTR/);
  });

  test("SEC-DNSSEC-19, 20: the origin has no DS here, and AD stays off", async () => {
    await using server = await listenSigned();
    const text = await ask("dig", server, "+dnssec", "+adflag", "+cdflag", `${origin}`, "DS");
    assert.match(text, /status: NOERROR/);
    assert.match(text, /flags: qr aa;.*ANSWER: 0,/);
  });
});

for (const make of ["named", "unbound"] as const) {
  suite(`${make} as a resolver that validates`, { skip: skipWithout(make, "dig") }, () => {
    /** Asks the resolver as its clients do. */
    const ask = (port: number, ...what: string[]) =>
      succeed(["dig", "@127.0.0.1", "-p", `${port}`, "+adflag", "+time=5", "+tries=1", ...what]);

    test("SEC-DNSSEC-02, 08: clients behind it get AD with every kind of answer", async () => {
      const keys = keysOf();
      await using server = await listenSigned({ keys });
      const settings = { zone: origin, server: server.endpoint, anchor: keys[0]!.dnskey };
      await using resolver = await startResolver(make, settings);
      for (const [asked] of KINDS) {
        const [owner, type] = asked.split(" ");
        const text = await ask(resolver.port, "-t", type!, "-q", `${name(owner!)}`);
        // CNAMEs made from a DNAME, and names whose length leaves no room, are left to the resolver to judge.
        assert.match(text, /status: (NOERROR|NXDOMAIN)/, `${asked}: ${text}`);
        assert.match(text, /flags: [a-z ]*\bad\b/, `${asked}: ${text}`);
      }
    });

    test("SEC-DNSSEC-02: with another key the answer is SERVFAIL", async () => {
      await using server = await listenSigned();
      const anchor = keysOf()[0]!.dnskey;
      const settings = { zone: origin, server: server.endpoint, anchor };
      await using resolver = await startResolver(make, settings);
      assert.match(await ask(resolver.port, `printer.paris.${origin}`, "A"), /status: SERVFAIL/);
    });
  });
}

suite("dnsviz", { skip: skipWithout("dnsviz", "dot") }, () => {
  const dnsviz = (...parameters: string[]) =>
    succeed(["/usr/bin/python3", join(root, "test/support/run-dnsviz.py"), ...parameters], {
      timeout: 120_000,
    });

  test("SEC-DNSSEC-02, 04, 06, 07, 08: finds every answer secure, and nothing to remark", async () => {
    const keys = keysOf();
    await using server = await listenSigned({ keys });
    const folder = temporaryFolder();
    const [probed, anchor] = [join(folder, "probed"), join(folder, "anchor")];
    writeFileSync(anchor, `${origin} IN DNSKEY ${formatRdata(keys[0]!.dnskey)}\n`);
    const { address, port } = server.endpoint;
    const where = `${origin}+:ns.${origin}=${address}:${port}`;
    const owners = ["@", "printer.paris", "x.wild", "alias2", "nobody", "_xyz._tcp"];
    const names = owners.map((owner) => `${name(owner)}`);
    await dnsviz("probe", "-A", "-x", where, "-o", probed, ...names);
    const remarks = await dnsviz("grok", "-l", "warning", "-t", anchor, "-r", probed);
    assert.equal(remarks.trim() || "{}", "{}");
    const all = await dnsviz("grok", "-t", anchor, "-r", probed);
    const found = JSON.parse(all) as Record<string, { queries: Record<string, Finding> }>;
    const findings = Object.values(found).flatMap(({ queries }) => Object.entries(queries));
    assert.ok(findings.length >= 12, `${findings.length}`);
    for (const [query, { answer = [], nodata = [], nxdomain = [] }] of findings) {
      const statuses = [...answer, ...nodata, ...nxdomain].map(({ status }) => status);
      assert.deepEqual([...new Set(statuses)], ["SECURE"], query);
    }
  });
});

interface Finding {
  readonly answer?: readonly { readonly status: string }[];
  readonly nodata?: readonly { readonly status: string }[];
  readonly nxdomain?: readonly { readonly status: string }[];
}

suite("BIND's tools", { skip: skipWithout("dnssec-signzone", "dnssec-cds", "dig") }, () => {
  /** Types whose text BIND takes whatever their data. */
  const types = [Type.A, Type.AAAA, Type.PTR, Type.SRV, Type.MX, Type.TXT, Type.RP];
  const more = [Type.AFSDB, Type.KX, Type.HINFO, Type.MINFO, Type.CAA];
  const arbitrarySet = fc.constantFrom(...types, ...more).chain((type) =>
    fc.record(
      {
        type: fc.constant(type),
        ttl: fc.constant(60),
        rdatas: fc.uniqueArray(rdataOf(type, plainName), {
          ...{ minLength: 1, maxLength: 5 },
          selector: ({ key }) => key,
        }),
      },
      { noNullPrototype: true },
    ),
  );

  test("SEC-DNSSEC-06: dnssec-signzone makes the same signatures, octet for octet", async () => {
    const folder = temporaryFolder();
    const [key] = keysOf(["csk"], "ed25519");
    writeFileSync(join(folder, `${key!.fileName}.key`), key!.formatKey());
    writeFileSync(join(folder, `${key!.fileName}.private`), key!.formatPrivateKey());
    const sets: RecordSet[] = fc
      .sample(arbitrarySet, { numRuns: 200, seed: 4034 })
      .map((set, i) => ({ ...set, name: name(`Host-${i}`) }));
    const isSigned = ({ name }: RecordSet) => !/\bn?s?\.(un)?secure\./.test(`${name}`);
    const all = [...signedRecords().filter(isSigned), ...sets];
    writeFileSync(join(folder, "zone"), formatMasterFile(all, origin));
    const times = ["-s", "20260101000000", "-e", "20260201000000"];
    const files = ["-K", folder, "-o", `${origin}`, "-f", join(folder, "signed")];
    await succeed(["dnssec-signzone", "-S", "-z", "-P", "-O", "full", ...times, ...files, "zone"], {
      cwd: folder,
    });
    const signed = parseMasterFile(readFileSync(join(folder, "signed"), "utf8"), { origin });
    let compared = 0;
    for (const { name: owner, type, rdatas } of signed) {
      if (type !== Type.RRSIG) continue;
      for (const data of rdatas) {
        const { covered, signature, ...fields } = rrsigOf(data);
        const set = signed.find((each) => each.type === covered && each.name.equals(owner))!;
        const made = key!.sign(signedOctets(set, fields));
        assert.deepEqual(Buffer.from(made), Buffer.from(signature), `${owner} ${covered}`);
        if (covered !== Type.NSEC) compared++;
      }
    }
    assert.ok(compared > 200, `${compared} signatures`);
  });

  test("SEC-DNSSEC-16: dnssec-settime changes times of our keys, and we read dnssec-keygen's", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "keys"));
    const keygen = ["dnssec-keygen", "-q", "-K", "keys", "-P", "sync", "now"];
    for (const algorithm of ["ECDSAP256SHA256", "ED25519"]) {
      for (const role of [["-f", "KSK"], []]) {
        const rest = role.length === 0 ? keygen.slice(0, 4) : keygen;
        const file = (
          await succeed([...rest, "-a", algorithm, ...role, `${origin}`], { cwd: folder })
        ).trim();
        const read = readKey(join(folder, "keys", file));
        assert.equal(read.fileName, file);
        assert.equal(read.isEntryPoint, role.length > 0);
        assert.equal(read.times.SyncPublish !== undefined, role.length > 0);
        const path = join(folder, file);
        writeFileSync(`${path}.key`, read.formatKey());
        writeFileSync(`${path}.private`, read.formatPrivateKey(), { mode: 0o600 });
        await succeed(["dnssec-settime", "-I", "20300101000000", path]);
        const { Inactive, ...times } = readKey(path).times;
        assert.equal(Inactive, Date.UTC(2030, 0, 1) / 1000);
        assert.deepEqual(times, read.times);
      }
    }
  });

  test("SEC-DNSSEC-16: dnssec-cds makes the parent's DS set from what is served", async () => {
    const [old, next] = keysOf(["csk", "csk"]);
    const ds = (key: SigningKey | undefined) => formatRdata(digestOf(origin, key!.dnskey));
    const retired = old!.at({ ...old!.times, SyncDelete: 1 });
    for (const [keys, expected] of [
      [[old!], [ds(old)]],
      [[old!, next!], [ds(old), ds(next)].sort()],
      [[retired, next!], [ds(next)]],
    ] as const) {
      await using server = await listenSigned({ keys });
      const { address, port } = server.endpoint;
      const folder = temporaryFolder();
      const [before, child] = [join(folder, "before"), join(folder, "child")];
      writeFileSync(before, `${origin} 3600 IN DS ${ds(old)}\n`);
      // dnssec-cds does not believe what was signed before that time.
      const yesterday = Date.now() / 1000 - 86_400;
      utimesSync(before, yesterday, yesterday);
      const types = ["DNSKEY", "CDS", "CDNSKEY"].flatMap((type) => [`${origin}`, type]);
      const where = [`@${address}`, "-p", `${port}`, "+dnssec", "+norec", "+noall", "+answer"];
      writeFileSync(child, await succeed(["dig", ...where, ...types]));
      const made = await succeed(["dnssec-cds", "-d", before, "-f", child, `${origin}`]);
      const lines = made.split("\n").filter((line) => / DS |\tDS\t/.test(line));
      const found = lines.map((line) => line.replace(/^.*\bDS\s+/, ""));
      assert.deepEqual(found.map(compact).sort(), expected.map(compact));
    }
  });

  /** A DS record without the blanks that BIND puts into its digest. */
  const compact = (data: string): string => {
    const [tag, algorithm, type, ...digest] = data.trim().split(/\s+/);
    return [tag, algorithm, type, digest.join("")].join(" ");
  };

  const readKey = (path: string): SigningKey => {
    assert.ok(existsSync(`${path}.private`));
    const [key, secret] = ["key", "private"].map((end) => readFileSync(`${path}.${end}`, "utf8"));
    return SigningKey.parse(key!, secret!);
  };
});
