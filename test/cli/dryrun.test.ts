import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Gateway, MAIN } from "../support/gateway.ts";
import { Lab, needs } from "../support/lab.ts";

const SERVICES = String.raw`$TTL 10
_presence._tcp.paris PTR Juliet._presence._tcp.paris
Juliet._presence._tcp.paris SRV 0 0 5298 pc.paris
Juliet._presence._tcp.paris TXT "txtvers=1"
_ipp._tcp.paris PTR \027[31mRed._ipp._tcp.paris
\027[31mRed._ipp._tcp.paris SRV 0 0 631 printer.paris
\027[31mRed._ipp._tcp.paris TXT "UUID=1" "note=\027]0;pwned\007"
_ipp._tcp.paris PTR \<b\>Lab._ipp._tcp.paris
\<b\>Lab._ipp._tcp.paris SRV 0 0 631 bench.paris
\<b\>Lab._ipp._tcp.paris TXT "UUID=2" "=x" "uuid=3" "" "flag" "empty="
Proxy._http._tcp.paris SRV 0 0 80 wpad.paris
Own._http._tcp.paris SRV 0 0 80 isatap.paris
WPAD._http._tcp.paris SRV 0 0 80 wpad._http._tcp.paris
wpad._http._tcp.paris A 10.1.0.31
wpad.paris A 10.1.0.30
isatap.paris A 10.1.0.30
Romeo._presence._tcp.lyon SRV 0 0 5298 pc.lyon
pc.lyon A 10.2.0.20
_services._dns-sd._udp PTR _ipp._tcp
_ipp._tcp PTR \027[31mRed._ipp._tcp.paris
_ipp._tcp PTR \<b\>Lab._ipp._tcp.paris
pc.paris A 10.1.0.20
printer.paris A 10.1.0.10
bench.paris CNAME lab.paris
lab.paris A 10.1.7.10
`;

const POLICY = `
zone: z.example
policy:
  rules:
    - { deny: chat }
    - { deny: all, address: 10.9.0.0/16 }
    - { deny: printers, host: lab, address: 10.1.7.0/24 }
  text: [{ type: printers, drop: [uuid] }]
  hosts: isatap
`;

test("check --dry-run lists published services that a policy would hide, without terminal controls", {
  skip: needs("ip"),
}, async () => {
  await using lab = new Lab();
  const here = lab.host("here").plug(lab.lan("lan"), { name: "eth0", addresses: ["10.1.0.2/24"] });
  const settings = { zone: "z.example", links: [{ interface: "eth0", site: "lan" }] };
  const gateway = await Gateway.start(here, settings, { "z.example.zone": SERVICES });
  const file = join(gateway.folder, "new.yaml");
  writeFileSync(file, POLICY);
  const check = (...more: readonly string[]) =>
    here.run([process.execPath, MAIN, "check", file, "--dry-run", ...more]);
  const { status, stdout, stderr } = await check("--server", "127.0.0.1:53");
  assert.equal(stderr, "");
  assert.equal(status, 0);
  assert.deepEqual(String(stdout).split("\n").slice(0, -1), [
    `${file}: of 7 services in z.example., 4 would be hidden`,
    "     2  policy.rules[0] denies it",
    "        Juliet._presence._tcp.paris.z.example.",
    "        Romeo._presence._tcp.lyon.z.example.",
    "     0  policy.rules[1] denies it",
    "     1  policy.rules[2] denies it",
    "        <b>Lab._ipp._tcp.paris.z.example.",
    "     0  its type reveals personal data, and no rule allows it",
    "     0  its type steers clients, and no rule allows it",
    "     1  its host's name steers clients",
    "        Proxy._http._tcp.paris.z.example.",
    "     1  TXT records would change",
    "        \\027[31mRed._ipp._tcp.paris.z.example.",
    "This covers neither services that are not published now nor the networks of the links.",
  ]);

  // Services of other sites are left to their collectors.
  writeFileSync(file, `${POLICY}links: [{ interface: eth0, site: Lyon }]\n`);
  const lyon = await check("--server", "127.0.0.1:53");
  assert.match(`${lyon.stdout}`, /: of 1 services in Lyon\.z\.example\., 1 would be hidden\n/);
  assert.ok(!`${lyon.stdout}`.includes("paris"));
  // A link without a site is named by its interface, unless collectors elsewhere may have such links too.
  writeFileSync(file, `${POLICY}links: [{ interface: paris }]\n`);
  const named = await check("--server", "127.0.0.1:53");
  assert.match(`${named.stdout}`, /: of 6 services in paris\.z\.example\., 3 would be hidden\n/);
  writeFileSync(
    file,
    `${POLICY}links: [{ interface: eth0, site: lyon }, { interface: paris }]\npublish: {}\n`,
  );
  const far = await check("--server", "127.0.0.1:53");
  assert.match(`${far.stdout}`, /: of 7 services in z\.example\., 4 would be hidden\n/);
  writeFileSync(file, `${POLICY}links: []\n`);
  const deaf = await check("--server", "127.0.0.1:53");
  assert.match(`${deaf.stdout}`, /: policy does nothing where there are no links/);
  assert.match(`${deaf.stdout}`, /: of 7 services in z\.example\., 4 would be hidden\n/);
  // Services that devices register are the gateway's, and the only ones if it hears no link.
  for (const [links, of] of [
    ["[{ interface: eth0, site: lyon }]", "7 services in lyon.z.example., paris.z.example., 4"],
    ["[]", "6 services in paris.z.example., 3"],
  ]) {
    writeFileSync(file, `${POLICY}links: ${links}\nregistrar: { site: paris }\n`);
    const registering = await check("--server", "127.0.0.1:53");
    assert.ok(`${registering.stdout}`.includes(`: of ${of} would be hidden\n`));
  }
  writeFileSync(file, POLICY);

  // The other commands print no controls either, whatever a zone holds.
  for (const command of [["zone"], ["browse", "_ipp._tcp"], ["browse"]]) {
    const { status, stdout } = await gateway.command(...command);
    assert.equal(status, 0);
    assert.ok(stdout.length > 10 && isPlain(`${stdout}`), command.join(" "));
  }

  // RFC 6763 §6.4: a string without a key, or with one that came before, is not for clients.
  const { stdout: listed } = await gateway.command("browse", "_ipp._tcp");
  assert.ok(listed.includes("\n    UUID=2 flag empty=\n"), `${listed}`);

  const nobody = await check("--server", "127.0.0.1:1");
  assert.equal(nobody.status, 1);
  assert.match(nobody.stderr, /^127\.0\.0\.1:1: nothing is listening there\n$/);
});

/** True if `text` has only printable characters, line ends and tabs. */
function isPlain(text: string): boolean {
  return !/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(text);
}
