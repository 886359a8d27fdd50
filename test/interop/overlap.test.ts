/** Two LANs that are both 192.168.1.0/24: on one host, and in namespaces as docs/operations.md says. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Avahi } from "../support/avahi.ts";
import { Gateway, MAIN, STARTED, temporaryFolder } from "../support/gateway.ts";
import { type Host, Lab, needs } from "../support/lab.ts";
import { root } from "../support/root.ts";
import { waitFor } from "../support/wait.ts";

const ZONE = "bonjour.example.com";
const TYPE = "_ipp._tcp";
const SITES = ["paris", "lyon"] as const;

/** LANs with printers of the same name at the same address, and one service each that the other lacks. */
async function openLans(lab: Lab, gateway: Host) {
  const open = async (site: string, at: number) => {
    const lan = lab.lan(`lan-${site}`);
    gateway.plug(lan, { name: `eth${at}`, addresses: [`192.168.1.${2 + at}/24`] });
    const place = (name: string, last: number) =>
      lab.host(`${name}-${site}`).plug(lan, { name: "eth0", addresses: [`192.168.1.${last}/24`] });
    const note = [`note=${site}`];
    await Avahi.start(place("printer", 10), {
      hostName: "printer",
      services: [{ name: "Office Printer", type: TYPE, port: 631 + at, txt: note }],
    });
    return Avahi.start(place("desk", 20), {
      ...{ hostName: `desk-${site}`, hasBus: true },
      services: [{ name: `Desk of ${site}`, type: TYPE, port: 641 + at, txt: note }],
    });
  };
  const [paris, lyon] = [await open("paris", 0), await open("lyon", 1)];
  return { paris, lyon };
}

/** The zone's records of services, as dig shows them, without TTLs. */
async function served(gateway: Host): Promise<string[]> {
  const text = await gateway.succeed(["dig", "@127.0.0.1", ZONE, "AXFR", "+noall", "+answer"]);
  return text
    .split("\n")
    .map((line) => line.replaceAll(`${ZONE}.`, "").replace(/\s+/g, " ").trim())
    .flatMap((line) => /^(\S+) \d+ IN ((?:A|SRV|TXT|PTR) .*)$/.exec(line)?.slice(1).join(" ") ?? [])
    .filter((line) => !line.includes("_dns-sd._udp"))
    .sort();
}

/** All of both LANs, each under its own site alone. */
function everything(network: (site: string) => string): string[] {
  return SITES.flatMap((site, at) =>
    [
      ["Office\\032Printer", "printer", 631 + at, 10],
      [`Desk\\032of\\032${site}`, `desk-${site}`, 641 + at, 20],
    ].flatMap(([instance, host, port, last]) => [
      `${TYPE}. PTR ${instance}.${TYPE}.${site}.`,
      `${TYPE}.${site}. PTR ${instance}.${TYPE}.${site}.`,
      `${instance}.${TYPE}.${site}. SRV 0 0 ${port} ${host}.${site}.`,
      `${instance}.${TYPE}.${site}. TXT "note=${site}"`,
      `${host}.${site}. A ${network(site)}.${last}`,
    ]),
  ).sort();
}

const becomes = (gateway: Host, expected: readonly string[]) =>
  waitFor(
    "the zone to be both LANs",
    async () => {
      const now = await served(gateway);
      return now.length >= expected.length && `${now}` === `${expected}`;
    },
    30_000,
    200,
  ).catch(async () => assert.deepEqual(await served(gateway), expected));

describe("Two LANs with one prefix", {
  skip: needs("avahi-daemon", "avahi-publish", "dbus-daemon", "dig"),
}, () => {
  it("MDNS-46: on one host, each is harvested under its own site alone", async () => {
    await using lab = new Lab();
    const host = lab.host("gw");
    const { lyon } = await openLans(lab, host);
    const gateway = await Gateway.start(host, {
      zone: ZONE,
      links: SITES.map((site, at) => ({ interface: `eth${at}`, site })),
    });
    const both = everything(() => "192.168.1");
    await becomes(host, both);
    await waitFor("a word", () => gateway.events(/eth0 and eth1 share the subnet/).length === 1);
    // Both are asked when records are refreshed, and each answers for itself.
    const late = await lyon.publish({ name: "Late", type: TYPE, port: 700 });
    await waitFor("one more", async () => (await served(host)).some((l) => l.includes("Late")));
    const more = (await served(host)).filter((line) => line.includes("Late"));
    assert.ok(
      more.every((line) => !line.includes("paris")),
      `${more}`,
    );
    await late.stop();
    await becomes(host, both);
  });

  it("In namespaces as docs/operations.md says, their addresses differ too", async () => {
    const page = readFileSync(join(root, "docs/operations.md"), "utf8");
    const section = page
      .split(/^## /m)
      .find((part) => part.startsWith("Two links with one prefix"))!;
    const block = (language: string, start: string) => {
      const found = new RegExp(`\`\`\`${language}\n(${start}[\\s\\S]*?)\`\`\``).exec(section);
      assert.ok(found, start);
      return found[1]!;
    };
    const [commands, collector] = [block("sh", "ip netns add"), block("yaml", "# lyon.yaml")];
    /** "And the same for paris, with …". */
    const forParis = (text: string) =>
      text
        .replaceAll("lyon", "paris")
        .replaceAll("eth1", "eth0")
        .replaceAll("100.64.0.1", "100.64.0.5")
        .replaceAll("100.64.0.2", "100.64.0.6")
        .replaceAll("10.2.1.0/24", "10.1.1.0/24");
    assert.match(section, /for paris, with eth0, 100\.64\.0\.5, 100\.64\.0\.6 and 10\.1\.1\.0\/24/);

    await using lab = new Lab();
    const host = lab.host("gw");
    const { lyon } = await openLans(lab, host);
    const folder = temporaryFolder();
    mkdirSync(join(folder, "keys"));
    const collectors: { readonly site: string; readonly inner: Host }[] = [];
    for (const [site, text, lines] of [
      ["paris", forParis(collector), forParis(commands)],
      ["lyon", collector, commands],
    ] as const) {
      writeFileSync(join(folder, `${site}.yaml`), text);
      const [first, ...rest] = lines.trim().split("\n");
      assert.match(first!, new RegExp(`^ip netns add ${site} `));
      // Names of namespaces are the machine's, so this one has the lab's in front.
      const inner = lab.host(site);
      const { namespace } = inner;
      collectors.push({ site, inner });
      for (const line of rest.slice(0, -1)) {
        const command = line
          .replaceAll(new RegExp(`(-n |netns )${site}\\b`, "g"), `$1${namespace}`)
          .replace(/^dnssd-gateway\b/, `${process.execPath} ${MAIN}`);
        await host.succeed(["sh", "-ec", command], { cwd: folder });
      }
      assert.equal(rest.at(-1), `ip netns exec ${site} dnssd-gateway run --config ${site}.yaml`);
    }
    writeFileSync(join(folder, "gateway.yaml"), block("yaml", "# gateway.yaml"));
    const run = (config: string) => [process.execPath, MAIN, "run", "--config", config];
    await host.start(run("gateway.yaml"), { cwd: folder }).line(STARTED);
    for (const { site, inner } of collectors) {
      await inner.start(run(`${site}.yaml`), { cwd: folder }).line(STARTED);
    }
    const both = everything((site) => (site === "paris" ? "10.1.1" : "10.2.1"));
    await becomes(host, both);
    await lyon.stop();
    const isLyonsDesk = (line: string) => /desk-lyon|of\\032lyon/.test(line);
    await becomes(
      host,
      both.filter((line) => !isLyonsDesk(line)),
    );
    await lyon.start();
    await becomes(host, both);
  });
});
