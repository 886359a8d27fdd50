/**
 * Secondaries that nobody has configured: a zone names one whose address is in the zone itself, and one
 * elsewhere, whose address the system's resolver knows. BIND copies the zone on both.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { Type } from "../../src/dns/constants.ts";
import { soaOf } from "../../src/dns/rdata.ts";
import { dig } from "../support/dig.ts";
import { Gateway, temporaryFolder } from "../support/gateway.ts";
import { type Host, Lab, needs } from "../support/lab.ts";
import { waitFor } from "../support/wait.ts";

const ZONE = "bonjour.example.com";
const GATEWAY = "10.1.0.2";
/** Their addresses, by their names in the zone. */
const SECONDARIES = { [`ns2.${ZONE}.`]: "10.1.0.3", "ns3.hosting.example.": "10.1.0.4" };
const SECRET = "c2VjcmV0IG9mIHRoZSBvcGVyYXRvcg==";

async function startNamed(host: Host, address: string, zones: string, files = {}) {
  const folder = temporaryFolder();
  for (const [file, text] of Object.entries<string>(files)) writeFileSync(join(folder, file), text);
  writeFileSync(
    join(folder, "named.conf"),
    `options { directory "${folder}"; pid-file none; session-keyfile none; recursion no;
  listen-on { ${address}; }; listen-on-v6 { none; }; allow-query { any; }; notify no; };
controls { };
${zones}`,
  );
  const named = host.start(["named", "-g", "-c", join(folder, "named.conf")]);
  await waitFor("named", () => {
    if (!named.isRunning) throw new Error(named.stderr);
    return /\ball zones loaded\b/.test(named.stderr);
  });
  return named;
}

const secondary = `zone "${ZONE}" { type secondary; primaries { ${GATEWAY}; }; };\n`;
const hosting = 'zone "hosting.example" { type primary; file "hosting"; };\n';
const hostingZone = `$TTL 60
@ SOA ns3 hostmaster 1 3600 3600 3600 60
@ NS ns3
ns3 A ${SECONDARIES["ns3.hosting.example."]}
`;

suite("A zone that names its secondaries", { skip: needs("named", "nsupdate", "dig") }, () => {
  test("XFR-27, AUTH-51: notifies them of each change, wherever they are, and TTLs are equal", async () => {
    await using lab = new Lab();
    const lan = lab.lan("lan");
    const plug = (name: string, address: string) =>
      lab.host(name).plug(lan, { name: "eth0", addresses: [`${address}/24`] });
    const host = plug("gw", GATEWAY);
    const [near, far] = Object.values(SECONDARIES);
    host.etc("resolv.conf", `nameserver ${far}\n`);
    await Gateway.start(
      host,
      {
        ...{ zone: ZONE, links: [], transfer: { allow: ["10.1.0.0/24"] } },
        keys: { operator: { secret: SECRET } },
      },
      {
        [`${ZONE}.zone`]: `@ 60 NS ns1\n${Object.keys(SECONDARIES)
          .map((name) => `@ 60 NS ${name}\n`)
          .join("")}ns1 60 A ${GATEWAY}\nns2 60 A ${near}\n`,
      },
    );
    // Started after the gateway, so that their first refresh finds it: BIND may not retry for long.
    const servers = [
      await startNamed(plug("near", near!), near!, secondary),
      await startNamed(plug("far", far!), far!, secondary + hosting, { hosting: hostingZone }),
    ];
    const serials = () =>
      Promise.all(
        [GATEWAY, near!, far!].map(async (server) => {
          const { answers } = await dig(host, { server, name: ZONE, type: "SOA" });
          return answers[0] && soaOf(answers[0].rdata).serial;
        }),
      );
    const areEqual = async () => {
      const [ours, ...theirs] = await serials();
      return ours !== undefined && theirs.every((serial) => serial === ours) ? ours : undefined;
    };
    await waitFor("the zone to be copied", areEqual, 20_000, 100);
    let before = await areEqual();
    // The third gives a whole set another TTL.
    for (const change of ["a 10 A 10.9.9.1", "b 4500 A 10.9.9.2", "a 120 A 10.9.9.3"]) {
      const add = change.replace(" ", `.${ZONE} `);
      const input = `server 127.0.0.1\nzone ${ZONE}\nadd ${add}\nsend\n`;
      const { stderr } = await host.run(["nsupdate", "-y", `hmac-sha256:operator:${SECRET}`], {
        input,
      });
      assert.equal(stderr, "");
      const now = await waitFor("the change to be copied", async () => {
        const serial = await areEqual();
        return serial !== before && serial;
      });
      assert.notEqual(now, before);
      before = now;
    }
    const ttlsOf = async (server: string) => {
      const replies = await Promise.all(
        ["a. A", "b. A", "ns2. A", " NS", " SOA", "nobody. A"].map((asked) => {
          const [owner, type = ""] = asked.split(" ");
          return dig(host, { server, name: `${owner}${ZONE}`, type });
        }),
      );
      return replies.map(({ answers, authorities }) => {
        const negative = authorities.filter(({ type }) => type === Type.SOA);
        return [...answers, ...negative].map(({ ttl }) => ttl);
      });
    };
    const ours = await ttlsOf(GATEWAY);
    assert.deepEqual(ours.slice(0, 4), [[120, 120], [4500], [60], [60, 60, 60]]);
    assert.ok(ours.slice(4).every(([ttl, ...more]) => ttl! > 0 && more.length === 0));
    for (const server of [near!, far!]) assert.deepEqual(await ttlsOf(server), ours);
    for (const { stderr } of servers) {
      const notices = stderr.match(/received notify for zone 'bonjour\.example\.com'/g) ?? [];
      assert.ok(notices.length >= 3, stderr);
    }
  });
});
