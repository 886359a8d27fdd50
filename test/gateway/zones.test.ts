import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import type { ConfigError } from "../../src/config/mistakes.ts";
import { parseConfig } from "../../src/config.ts";
import { Rcode, Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { recordsOf } from "../../src/dns/record.ts";
import { SigningKey } from "../../src/dns/signingkey.ts";
import { formatRdata } from "../../src/dns/text.ts";
import { openZones, readZones } from "../../src/gateway/zones.ts";
import type { Log } from "../../src/log.ts";
import { temporaryFolder } from "../support/gateway.ts";
import { silentLog } from "../support/log.ts";
import { waitFor } from "../support/wait.ts";
import { principal } from "../zone/fixture.ts";

const paris = principal("paris");
const zone = "bonjour.example.";
const reverse = ["1.10.in-addr.arpa.", "2.10.in-addr.arpa."];

function configOn(data: string) {
  return parseConfig(JSON.stringify({ zone, reverse, data }), "g", data);
}

suite("the zones served", () => {
  test("TSIG-07: know when a key last signed, in whichever zone, even after a restart", async () => {
    const folder = temporaryFolder();
    for (const [i, time] of [
      [1, 1_750_000_002],
      [2, 1_750_000_004],
      [0, 1_750_000_006],
      [1, 1_750_000_008],
    ] as const) {
      const owner = [zone, ...reverse][i]!;
      const origin = Name.parse(owner);
      const record = {
        name: Name.parse(`a${time}`, origin),
        type: 16,
        ttl: 10,
        rdatas: [rdata.txt("a")],
      };
      const update = { zone: origin, prerequisites: [], updates: recordsOf(record) };
      const life = new AbortController();
      const options = { clock: systemClock, log: silentLog, signal: life.signal };
      const zones = await openZones(configOn(folder), options);
      const rcode = await zones.dynamic[i]!.apply({ ...update, signedAt: time }, paris);
      assert.equal(rcode, Rcode.NOERROR);
      assert.equal(zones.signedBefore("paris"), time);
      assert.equal(zones.signedBefore("lyon"), 0);
      life.abort();
      await zones.closed;
    }
  });

  test("AUTH-18: get no generated record beside an alias of their file", async () => {
    const folder = temporaryFolder();
    const text = "$TTL 60\nlb._dns-sd._udp CNAME b._dns-sd._udp\nb._dns-sd._udp PTR paris\n";
    writeFileSync(join(folder, `${zone}zone`), text);
    const life = new AbortController();
    const options = { clock: systemClock, log: silentLog, signal: life.signal };
    const { dynamic, closed } = await openZones(configOn(folder), options);
    const typesOf = (label: string) =>
      [...dynamic[0]!.current]
        .filter(({ name }) => name.equals(Name.parse(`${label}._dns-sd._udp.${zone}`)))
        .map(({ type }) => type);
    const types = ["lb", "b", "db"].map(typesOf);
    life.abort();
    await closed;
    assert.deepEqual(types, [[Type.CNAME], [Type.PTR], [Type.PTR]]);
  });

  test("PROXY-31, PROXY-35: have the configured names at their apex, in a folder that is created for them", async () => {
    const data = join(temporaryFolder(), "a", "b");
    const nameservers = ["ns1.example", "ns2.example"];
    const settings = { nameservers, contact: "h.example", catalog: "c.example" };
    const config = parseConfig(JSON.stringify({ zone, reverse, data, ...settings }), "g", data);
    const life = new AbortController();
    const options = { clock: systemClock, log: silentLog, signal: life.signal };
    const zones = await openZones(config, options);
    const told = zones.all.map(({ current }) => {
      const [ns, soa] = [Type.NS, Type.SOA].map((type) => current.set(current.origin, type)!);
      const names = [...ns!.rdatas, ...soa!.rdatas].map(({ values }) => `${values.slice(0, 2)}`);
      return names.join(" ");
    });
    life.abort();
    await zones.closed;
    const own = "ns1.example. ns2.example. ns1.example.,h.example.";
    assert.deepEqual(told, [own, own, own, "invalid. invalid.,h.example."]);
  });

  test("are refused if their folder is a file, a file has mistakes or the catalog has a file", async () => {
    const folder = temporaryFolder();
    const life = new AbortController();
    const options = { clock: systemClock, log: silentLog, signal: life.signal };
    const file = join(folder, "other.example.zone");
    writeFileSync(file, "$TTL 60\n@ SOA ns.z. h.z. 1 2 3 4 5\n@ NS ns.z.\n");
    for (const data of [file, join(file, "zones")]) {
      await assert.rejects(openZones(configOn(data), options), (error: ConfigError) => {
        assert.deepEqual(error.lines, [
          `${data}: is not a folder; expected a folder for zone files that can be read and written`,
        ]);
        return true;
      });
    }
    const text = JSON.stringify({ zone, data: folder, catalog: "other.example" });
    const mistake = /^ConfigError: catalog: other\.example\. has a zone file/;
    await assert.rejects(openZones(parseConfig(text, "g", folder), options), mistake);
    writeFileSync(file, "a A 1\nb A 2\n");
    await assert.rejects(openZones(configOn(folder), options), (error: ConfigError) => {
      assert.equal(error.lines.length, 4, "a line for each mistake");
      return true;
    });
  });

  test("cause no remark if the zone above has a delegation at their name or above it", async () => {
    const data = temporaryFolder();
    const apex = "$TTL 60\n@ SOA ns.z. h.z. 1 2 3 4 5\n@ NS ns.z.\n";
    writeFileSync(join(data, "east.paris.bonjour.example.zone"), apex);
    const remarks: string[] = [];
    const read = async (record: string) => {
      writeFileSync(join(data, "bonjour.example.zone"), `$TTL 60\n${record}\n`);
      await readZones(configOn(data), (remark) => remarks.push(remark));
      return remarks.splice(0).length;
    };
    for (const cut of ["paris", "east.paris"]) assert.equal(await read(`${cut} NS ns.z.`), 0, cut);
    const others = [
      "west.paris NS ns.z.",
      "x.east.paris NS ns.z.",
      "@ NS ns.z.",
      "paris A 192.0.2.9",
    ];
    for (const other of others) assert.equal(await read(other), 1, other);
  });

  test("cause a remark if only a zone further up has their delegation", async () => {
    const data = temporaryFolder();
    const apex = "$TTL 60\n@ SOA ns.z. h.z. 1 2 3 4 5\n@ NS ns.z.\n";
    const write = (origin: string, more: string) =>
      writeFileSync(join(data, `${origin}.zone`), `${apex}${more}\n`);
    write("5.1.10.in-addr.arpa", "");
    const reverse = ["10.in-addr.arpa", "1.10.in-addr.arpa"];
    const config = parseConfig(JSON.stringify({ zone, reverse, data }), "g", data);
    const remarks: string[] = [];
    for (const [above, next, count] of [
      ["5.1 NS ns.z.", "", 1],
      ["", "5 NS ns.z.", 0],
    ] as const) {
      write("10.in-addr.arpa", above);
      write("1.10.in-addr.arpa", next);
      await readZones(config, (remark) => remarks.push(remark));
      const hidden = remarks.splice(0).filter((remark) => /hides/.test(remark));
      assert.equal(hidden.length, count, above + next);
    }
  });

  test("list what to browse, except the reverse zones", async () => {
    const life = new AbortController();
    const options = { clock: systemClock, log: silentLog, signal: life.signal };
    const zones = await openZones(configOn(temporaryFolder()), options);
    const told = zones.dynamic.map(({ current }) =>
      [...current].filter(({ type }) => type === Type.PTR).map(({ name }) => `${name}`),
    );
    life.abort();
    await zones.closed;
    const browsing = ["b", "db", "lb"].map((kind) => `${kind}._dns-sd._udp.${zone}`);
    assert.deepEqual(told, [browsing, [], []]);
  });

  test("SRP-25: announce where devices register, and list that site for browsing", async () => {
    const registrar = { site: "devices", server: "ns1.example.com" };
    const told = async (settings: object) => {
      const life = new AbortController();
      const options = { clock: systemClock, log: silentLog, signal: life.signal };
      const data = temporaryFolder();
      const listen = { dns: ["127.0.0.1:53", "[::1]:53", "127.0.0.1:5300", "127.0.0.1:0"] };
      const all = { zone, data, listen, registrar, ...settings };
      const config = parseConfig(JSON.stringify(all), "g", data);
      // As if it had a certificate.
      const secure = { ...config.listen!, tls: [{ address: "127.0.0.1", port: 853 }] };
      const zones = await openZones({ ...config, listen: secure }, options);
      const lines = [...zones.dynamic[0]!.current]
        .filter(({ type }) => type === Type.PTR || type === Type.SRV)
        .map(
          (set) =>
            `${set.name}`.replace(`.${zone}`, "") +
            " " +
            set.rdatas.map((each) => formatRdata(each).replace(`.${zone}`, "")).join(", "),
        );
      life.abort();
      await zones.closed;
      return lines.sort();
    };
    const site = ["b", "db", "lb"].map((kind) => `${kind}._dns-sd._udp.devices devices`);
    const registering = ["dr", "r"].map((kind) => `${kind}._dns-sd._udp devices`);
    const found = [
      "_dnssd-srp._tcp 0 0 53 ns1.example.com., 0 0 5300 ns1.example.com.",
      "_dnssd-srp-tls._tcp 0 0 853 ns1.example.com.",
    ];
    const merged = ["b", "db", "lb"].map((kind) => `${kind}._dns-sd._udp ${zone}`);
    assert.deepEqual(await told({}), [...found, ...merged, ...registering, ...site].sort());
    const each = [`b._dns-sd._udp ${zone}, devices`, "lb._dns-sd._udp devices"];
    const unnamed = { enumerate: "sites", registrar: { site: "devices" } };
    assert.deepEqual(await told(unnamed), [...each, ...registering, ...site].sort());
  });

  test("SEC-DNSSEC-18: warn once, at the first key of a zone, that it is no longer transferred", async () => {
    const folder = temporaryFolder();
    const keys = join(folder, "keys");
    mkdirSync(keys);
    // Keys of different algorithms never share a name, whatever their tags.
    const write = (owner: string, algorithm: "ed25519" | "ecdsap256sha256") => {
      const key = SigningKey.generate(Name.parse(owner), algorithm, "csk", {});
      writeFileSync(join(keys, `${key.fileName}.key`), key.formatKey());
      writeFileSync(join(keys, `${key.fileName}.private`), key.formatPrivateKey(), { mode: 0o600 });
    };
    const warnings: unknown[] = [];
    const log: Log = {
      ...silentLog,
      warn: (fields, text) => {
        if (/are not transferred/.test(text)) warnings.push((fields as { zones: unknown }).zones);
      },
    };
    const life = new AbortController();
    let reload = () => {};
    const onReload = (look: () => void) => {
      reload = look;
    };
    const config = parseConfig(
      JSON.stringify({ zone, reverse, dnssec: { keys }, transfer: { allow: ["192.0.2.0/24"] } }),
      "g",
      folder,
    );
    write(reverse[0]!, "ed25519");
    const options = { clock: systemClock, log, signal: life.signal, onReload };
    const { keysOf, closed } = await openZones(config, options);
    assert.deepEqual(warnings, [[reverse[0]]]);
    for (const [owner, algorithm, count] of [
      [zone, "ed25519", 1],
      [zone, "ecdsap256sha256", 2],
      [reverse[0]!, "ecdsap256sha256", 2],
    ] as const) {
      write(owner, algorithm);
      reload();
      await waitFor("the key", () => keysOf(Name.parse(owner))?.all.length === count);
    }
    life.abort();
    await closed;
    assert.deepEqual(warnings, [[reverse[0]], [zone, reverse[0]]]);
  });

  test("release their folder if one of them cannot be opened", async () => {
    const folder = temporaryFolder();
    const damaged = join(folder, "2.10.in-addr.arpa.journal");
    mkdirSync(damaged);
    const life = new AbortController();
    const options = { clock: systemClock, log: silentLog, signal: life.signal };
    await assert.rejects(openZones(configOn(folder), options), /EISDIR/);
    rmSync(damaged, { recursive: true });
    const zones = await openZones(configOn(folder), options);
    assert.equal(zones.all.length, 3);
    life.abort();
    await zones.closed;
  });
});
