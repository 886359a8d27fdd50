/**
 * Who may ask, how often, and what each sees: the program with the clients that people have. Of four
 * networks, 10.1/16 is the office of paris and 10.2/16 that of lyon; the others are nobody's.
 */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { Gateway } from "../support/gateway.ts";
import { type Host, Lab, needs } from "../support/lab.ts";

const ZONE = "bonjour.test";

const zoneFile = `
$ORIGIN ${ZONE}.
$TTL 10
_services._dns-sd._udp  PTR _ipp._tcp
_services._dns-sd._udp  PTR _rtsp._tcp
_ipp._tcp               PTR Printer._ipp._tcp.paris
_ipp._tcp               PTR Printer._ipp._tcp.lyon
_rtsp._tcp              PTR Cam._rtsp._tcp.lyon
_ipp._tcp.paris         PTR Printer._ipp._tcp.paris
_ipp._tcp.lyon          PTR Printer._ipp._tcp.lyon
Printer._ipp._tcp.paris SRV 0 0 631 printer.paris
Printer._ipp._tcp.paris TXT "rp=ipp/print"
Printer._ipp._tcp.lyon  SRV 0 0 631 printer.lyon
Cam._rtsp._tcp.lyon     SRV 0 0 554 cam.lyon
printer.paris           A   10.1.0.10
printer.paris           A   10.3.0.10
printer.lyon            A   10.2.0.10
cam.lyon                A   10.2.0.11
`;
const reverseFile = `
$ORIGIN 10.in-addr.arpa.
$TTL 10
@        SOA ns1.example. hostmaster.example. 1 7200 3600 86400 10
@        NS  ns1.example.
10.0.1   PTR printer.paris.${ZONE}.
10.0.2   PTR printer.lyon.${ZONE}.
`;

suite("access to a zone", { skip: needs("dig", "kdig") }, () => {
  let lab: Lab;
  const hosts: Record<string, Host> = {};
  const server: Record<string, string> = {
    paris: "10.1.0.1",
    lyon: "10.2.0.1",
    guest: "10.9.0.1",
    stranger: "203.0.113.1",
    here: "127.0.0.1",
  };

  before(async () => {
    lab = new Lab();
    const machine = lab.host("gateway");
    const networks = ["paris", "lyon", "guest", "stranger"];
    for (const [i, network] of networks.entries()) {
      const lan = lab.lan(network);
      const [address, length] = [server[network]!, network === "stranger" ? 24 : 16];
      machine.plug(lan, { name: `eth${i}`, addresses: [`${address}/${length}`] });
      const own = address.replace(/\d+$/, "2");
      const plug = { name: "eth0", addresses: [`${own}/${length}`] };
      hosts[network] = lab.host(`${network}-client`).plug(lan, plug);
    }
    hosts.here = machine;
    await Gateway.start(
      machine,
      {
        zone: ZONE,
        links: [],
        query: { allow: ["private"], limit: 1, slip: 1, unlimited: ["10.2.0.0/16"] },
        views: [
          { networks: ["10.1.0.0/16"], sites: ["paris"], addresses: ["10.1.0.0/16"] },
          { networks: ["10.2.0.0/16"] },
        ],
        identity: { server: "ns1.paris" },
        transfer: { allow: ["10.2.0.2"] },
      },
      { [`${ZONE}.zone`]: zoneFile, "10.in-addr.arpa.zone": reverseFile },
    );
  });
  after(() => lab[Symbol.asyncDispose]());

  /** By UDP, unless `words` say otherwise; questions by TCP are not counted. */
  const dig = (from: string, ...words: readonly string[]) =>
    hosts[from]!.succeed(["dig", `@${server[from]}`, "+tries=1", "+time=5", "+norec", ...words]);
  const digTcp = (from: string, ...words: readonly string[]) => dig(from, "+tcp", ...words);

  test("SEC-05: strangers are REFUSED with the reason, as are clients that no view is for", async () => {
    for (const from of ["stranger", "guest"]) {
      const text = await digTcp(from, `_ipp._tcp.${ZONE}`, "PTR");
      assert.match(text, /status: REFUSED/);
      assert.match(text, /EDE: 18 \(Prohibited\)/);
      assert.match(text, /ANSWER: 0, AUTHORITY: 0/);
    }
  });

  test("SEC-06: paris sees only paris, in every section, of every type, in reverse and by ANY", async () => {
    const names = [
      ...[`_services._dns-sd._udp.${ZONE}`, `_ipp._tcp.${ZONE}`, `_rtsp._tcp.${ZONE}`],
      ...[`lyon.${ZONE}`, `_ipp._tcp.lyon.${ZONE}`, `printer.lyon.${ZONE}`, `cam.lyon.${ZONE}`],
      ...[`Cam._rtsp._tcp.lyon.${ZONE}`, "10.0.2.10.in-addr.arpa", ZONE],
    ];
    for (const name of names) {
      for (const type of ["PTR", "SRV", "TXT", "A", "ANY", "NSEC", "HINFO"]) {
        const text = await digTcp("paris", "+noquestion", "+nocmd", "+noadditional", name, type);
        const own = text.replace(/^;.*$/gm, "");
        assert.doesNotMatch(own, /lyon|rtsp|10\.2\./i, `${name} ${type}`);
      }
    }
    assert.match(await digTcp("paris", `printer.lyon.${ZONE}`), /status: NXDOMAIN/);
    assert.match(await digTcp("lyon", `printer.lyon.${ZONE}`), /10\.2\.0\.10/);
    const browsed = await digTcp("paris", `_ipp._tcp.${ZONE}`, "PTR");
    assert.match(browsed, /Printer\._ipp\._tcp\.paris/);
    assert.match(browsed, /10\.1\.0\.10/);
    assert.doesNotMatch(browsed, /10\.3\.0\.10|lyon/, "additionals too");
    assert.match(await digTcp("paris", "-x", "10.1.0.10"), /printer\.paris/);
    assert.match(await digTcp("paris", "-x", "10.2.0.10"), /status: NXDOMAIN/);
  });

  test("SEC-06: transfers are whole, and only for those who may have them", async () => {
    assert.match(await digTcp("paris", ZONE, "AXFR"), /Transfer failed/);
    assert.match(await digTcp("lyon", ZONE, "AXFR"), /cam\.lyon.*10\.2\.0\.11/);
    assert.match(await digTcp("here", `cam.lyon.${ZONE}`), /10\.2\.0\.11/);
  });

  test("EDNS-16, EDNS-19: dig and kdig accept our cookie, and learn which server answers", async () => {
    const text = await digTcp("lyon", "+nsid", `printer.paris.${ZONE}`);
    assert.match(text, /; COOKIE: [0-9a-f]{48} \(good\)/);
    assert.match(text, /; NSID: .*\("ns1\.paris"\)/);
    assert.match(await digTcp("lyon", "ch", "txt", "id.server", "+short"), /"ns1\.paris"/);
    assert.match(await digTcp("lyon", "ch", "txt", "version.bind"), /status: REFUSED/);
    const knot = await hosts.lyon!.succeed([
      ...["kdig", `@${server.lyon}`, "+cookie", "+nsid", `printer.paris.${ZONE}`],
    ]);
    assert.match(knot, /COOKIE: [0-9A-F]{48}/);
    assert.match(knot, /NSID: .*ns1\.paris/);
  });

  test("SEC-02: beyond the limit comes TC, but the answer by TCP or with a cookie", async () => {
    const host = `printer.paris.${ZONE}`;
    const plain = ["+nocookie", "+ignore", host];
    // A busy machine may take a second to ask again, after which there is an answer.
    const limited = async (sign: RegExp, ...words: readonly string[]): Promise<string> => {
      for (let i = 0; i < 30; i++) {
        const text = await dig("paris", ...words);
        if (sign.test(text)) return text;
      }
      return assert.fail(`never limited: ${words}`);
    };
    assert.match(await limited(/flags:[^;]* tc/, ...plain), /ANSWER: 0/);
    // As dig does by default.
    assert.match(await limited(/\(TCP\)/, "+nocookie", host), /10\.1\.0\.10/);
    const retried = await limited(/BADCOOKIE, retrying/, "+cookie", "+badcookie", host);
    assert.match(retried, /10\.1\.0\.10[\s\S]*\(UDP\)/);
    const knot = await hosts.paris!.succeed([
      ...["kdig", `@${server.paris}`, "+cookie", "+badcookie=2", host],
    ]);
    assert.match(knot, /10\.1\.0\.10/);
    assert.match(knot, /\(UDP\)/);
    for (let i = 0; i < 30; i++) {
      assert.doesNotMatch(await dig("lyon", ...plain), /flags:[^;]* tc/, "exempt");
    }
  });
});
