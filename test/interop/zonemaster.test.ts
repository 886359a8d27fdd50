/**
 * Zonemaster's whole examination (zonemaster-cli, of the registries of .se and .fr) of a zone served
 * here: beneath a root of its own, delegated by BIND to two addresses of the program in two networks,
 * IPv4 and IPv6. It remarks on what the documentation says it will, and on nothing else.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { addressOctets, reverseName } from "../../src/dns/address.ts";
import { Gateway, temporaryFolder } from "../support/gateway.ts";
import { Lab, needs } from "../support/lab.ts";
import { waitFor } from "../support/wait.ts";

/** By tag, what docs/operations.md says of each remark. */
const REMARKS: Readonly<Record<string, string>> = {
  REFRESH_MINIMUM_VALUE_LOWER: "RFC 8766 §6.1",
  EXPIRE_MINIMUM_VALUE_LOWER: "RFC 8766 §6.1",
  SOA_DEFAULT_TTL_MAXIMUM_VALUE_LOWER: "the negative TTL",
  Z09_MISSING_MAIL_TARGET: "no mail",
  NOT_SIGNED: "signed only if it is to be",
  NEITHER_DNSKEY_NOR_DS: "signed only if it is to be",
};

/** What it found in order, which shows that it has looked. */
const FINDINGS = [
  ...["ARE_AUTHORITATIVE", "ADDRESSES_MATCH", "ONE_SOA_SERIAL", "NO_RECURSOR", "EDNS0_SUPPORT"],
  ...["AXFR_FAILURE", "SAME_SOURCE_IP", "NO_UPWARD_REFERRAL", "CASE_QUERIES_RESULTS_OK"],
];

interface Remark {
  readonly level: string;
  readonly tag: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/**
 * Zonemaster accepts no documentation or private address for a name server, so these belong to
 * others; they are used in namespaces that lead nowhere.
 */
const ROOT = { v4: "9.9.1.1", v6: "2620:fe:1::1" };
const SERVERS = [
  { name: "ns1.test.", v4: "9.9.2.1", v6: "2620:fe:2::1" },
  { name: "ns2.test.", v4: "9.9.3.1", v6: "2620:fe:3::1" },
];

const serverRecords = SERVERS.map(({ name, v4, v6 }) => `${name} A ${v4}\n${name} AAAA ${v6}\n`);
const rootRecords = `a.root. A ${ROOT.v4}\na.root. AAAA ${ROOT.v6}\n`;

suite("Zonemaster", { skip: needs("zonemaster-cli", "named") }, () => {
  test("AUTH-26: remarks on a zone served here what the documentation says, and no more", async () => {
    await using lab = new Lab();
    const internet = lab.host("internet");
    const machine = lab.host("gateway");
    const networks = [
      [1, internet],
      [2, machine],
      [3, machine],
    ] as const;
    for (const [i] of networks) {
      const lan = lab.lan(`lan${i}`);
      const plug = (host: number) => ({
        name: `eth${i}`,
        addresses: [`9.9.${i}.${host}/24`, `2620:fe:${i}::${host}/64`],
      });
      internet.plug(lan, plug(i === 1 ? 1 : 2));
      if (i > 1) machine.plug(lan, plug(1));
    }

    const folder = temporaryFolder();
    const write = (file: string, text: string) => writeFileSync(join(folder, file), text);
    const soa =
      "$TTL 3600\n@ SOA a.root. hostmaster.example.test. 1 14400 3600 604800 300\n@ NS a.root.\n";
    write("root", `${soa}test. NS a.root.\n${rootRecords}`);
    const mail = "example MX 10 mail.example\nmail.example A 9.9.1.1\n";
    const delegation = SERVERS.map(({ name }) => `bonjour.test. NS ${name}\n`);
    write("test", [soa, mail, ...delegation, ...serverRecords].join(""));
    write("in-addr.arpa", soa + SERVERS.map(({ name, v4 }) => pointer(v4, name)).join(""));
    write("ip6.arpa", soa + SERVERS.map(({ name, v6 }) => pointer(v6, name)).join(""));
    write("hints", `. 3600 IN NS a.root.\n${rootRecords}`);
    write(
      "named.conf",
      `options { directory "${folder}"; pid-file none; session-keyfile none; recursion no;
         listen-on { ${ROOT.v4}; }; listen-on-v6 { ${ROOT.v6}; }; };
       controls { };
       zone "." { type primary; file "root"; };
       zone "test" { type primary; file "test"; };
       zone "in-addr.arpa" { type primary; file "in-addr.arpa"; };
       zone "ip6.arpa" { type primary; file "ip6.arpa"; };`,
    );
    const bind = internet.start(["named", "-g", "-c", join(folder, "named.conf")], { cwd: folder });
    await waitFor("named", () => /\ball zones loaded\b/.test(bind.stderr));
    await Gateway.start(machine, {
      ...{ zone: "bonjour.test", links: [], query: { allow: ["any"] } },
      ...{ nameservers: SERVERS.map(({ name }) => name), contact: "hostmaster.example.test" },
    });

    const { stdout, stderr } = await internet.run(
      [
        ...["zonemaster-cli", "--json", "--no-time", "--level", "INFO"],
        ...["--hints", join(folder, "hints"), "bonjour.test"],
      ],
      { timeout: 120_000 },
    );
    assert.match(`${stdout}`, /^\[/, stderr);
    const remarks = JSON.parse(`${stdout}`) as Remark[];
    for (const finding of FINDINGS)
      assert.ok(
        remarks.some(({ tag }) => tag === finding),
        finding,
      );
    const worse = remarks.filter(({ level }) => level !== "INFO");
    assert.deepEqual(
      worse.filter(({ tag }) => REMARKS[tag] === undefined),
      [],
    );
    for (const tag of Object.keys(REMARKS))
      assert.ok(
        worse.some((each) => each.tag === tag),
        tag,
      );
  });
});

function pointer(address: string, name: string): string {
  return `${reverseName(addressOctets(address))} PTR ${name}\n`;
}
