/** The examples of docs/policy.md, each applied to what one or two sites say. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { project } from "../src/collector/projection/project.ts";
import { Site } from "../src/collector/projection/site.ts";
import { subnetsOf } from "../src/collector/subnets.ts";
import { serviceGroups } from "../src/config/servicegroups.ts";
import { parseConfig } from "../src/config.ts";
import { Type } from "../src/dns/constants.ts";
import { Name } from "../src/dns/name.ts";
import { addressOf, stringsOf } from "../src/dns/rdata.ts";
import { cacheOf, service } from "./collector/fixture.ts";
import { root } from "./support/root.ts";

const page = readFileSync(join(root, "docs/policy.md"), "utf8");
/** The configurations, by the headings above them. */
const examples = new Map(
  [...page.matchAll(/^### (.*)\n[^#]*?```yaml\n([\s\S]*?)```/gm)].map(
    ([, title, text]) => [title!, text!] as const,
  ),
);

const printer = service("Office Printer", "_ipp._tcp", "printer", "192.168.1.10").replace(
  '"txtvers=1"',
  '"txtvers=1" "UUID=4509a320" "adminurl=http://printer.local.:80/setup" "rp=ipp/print"',
);
const inventory = [
  printer,
  service("Juliet", "_presence._tcp", "pc", "192.168.1.20"),
  service("Shell", "_ssh._tcp", "pc", "192.168.1.20"),
  service("Test One", "_http._tcp", "lab-1", "10.1.7.1"),
  service("Bench", "_http._tcp", "lab-2", "10.1.7.2"),
  service("Shares", "_smb._tcp", "nas", "192.168.1.30"),
  service("Admin", "_http._tcp", "NAS", "192.168.1.30"),
  service("Door", "_hap._tcp", "door", "192.168.1.40"),
  service("Phone", "_companion-link._tcp", "phone", "192.168.1.50"),
].join("\n");

const textOf = (octets: Uint8Array) => Buffer.from(octets).toString();

/** What a configuration makes of `inventory` at each of these sites. */
function publish(text: string, ...labels: readonly string[]) {
  const { zone, policy } = parseConfig(text, "policy.md", root);
  const sites = labels.map((label) => {
    const site = new Site(zone.child(label)!, policy);
    const cache = cacheOf(inventory);
    site.caches.add(cache);
    const addresses = ["192.168.1.1", "10.1.7.250"].map((address) => ({
      ...{ family: 4 as const, address, prefix: 24 },
    }));
    site.locate(cache, subnetsOf(addresses));
    return site;
  });
  const { sets, services, withheld } = project(sites, zone, 5000);
  const name = (text: string) => Name.parse(`${text}.${zone}`);
  return {
    services: [...services.values()].map((each) => {
      const labels = each.labels.map(textOf);
      return `${labels[0]} ${labels[3]}`;
    }),
    reasons: withheld.map(({ name, reason }) => `${textOf(name.labels[0]!)}: ${reason}`),
    addresses: (host: string) => sets.get(name(host).key, Type.A)?.rdatas.map(addressOf),
    text: (instance: string) =>
      stringsOf(sets.get(name(instance).key, Type.TXT)!.rdatas[0]!).map(textOf),
  };
}

suite("docs/policy.md", () => {
  const run = (title: string, ...sites: readonly string[]) => {
    const text = examples.get(title);
    assert.ok(text, title);
    return publish(text, ...sites);
  };

  test("has five examples", () => {
    assert.equal(examples.size, 5);
  });

  test("printers, and nothing else", () => {
    const { services, reasons } = run("Printers, and nothing else", "paris");
    assert.deepEqual(services, ["Office Printer paris"]);
    assert.equal(reasons.length, 8);
    for (const reason of reasons) assert.match(reason, /: policy\.rules\[1\] denies it$/);
  });

  test("a network of guests", () => {
    const { services } = run("A network of guests", "paris", "guests");
    assert.deepEqual(services.sort(), [
      ...["Admin paris", "Bench paris", "Juliet paris", "Office Printer guests"],
      ...["Office Printer paris", "Shares paris", "Test One paris"],
    ]);
  });

  test("test devices, a laboratory, and one host", () => {
    const { services } = run("Test devices, a laboratory, and one host", "paris");
    assert.deepEqual(services.sort(), [
      ...["Juliet paris", "Office Printer paris", "Shares paris", "Shell paris"],
    ]);
  });

  test("a smart home in one place", () => {
    const { services } = run("A smart home in one place", "paris", "lyon");
    const doors = services.filter((each) => /Door|Phone/.test(each));
    assert.deepEqual(doors, ["Door paris"]);
  });

  test("two offices with the same addresses", () => {
    const result = run("Two offices with the same addresses", "paris", "lyon");
    assert.deepEqual(result.addresses("printer.paris"), ["192.168.1.10"]);
    assert.deepEqual(result.addresses("printer.lyon"), ["10.2.1.10"]);
    const url = (site: string) => `adminurl=http://printer.${site}.bonjour.example.com:80/setup`;
    assert.deepEqual(result.text("Office\\032Printer._ipp._tcp.paris"), [
      ...["txtvers=1", url("paris"), "rp=ipp/print"],
    ]);
    assert.deepEqual(result.text("Office\\032Printer._ipp._tcp.lyon"), [
      ...["txtvers=1", url("lyon"), "rp=ipp/print", "note=lyon"],
    ]);
  });

  test("SEC-14: names every group, and every type that is off unless allowed", () => {
    for (const group of Object.keys(serviceGroups)) assert.ok(page.includes(`\`${group}\``), group);
    for (const type of [...serviceGroups.personal, ...serviceGroups.steering]) {
      assert.ok(page.includes(`\`${type.split(".")[0]}\``), type);
    }
  });

  test("SEC-14: without a policy, types that tell of people are off, and all others on", () => {
    const { services, reasons } = publish("zone: bonjour.example.com", "paris");
    assert.equal(services.length, 7);
    assert.deepEqual(reasons, [
      "Door: its type reveals personal data, and no rule allows it",
      "Phone: its type reveals personal data, and no rule allows it",
    ]);
  });
});
