/**
 * One LAN of real responders with hard names, a gateway on it, a client with a route and no
 * multicast. What the client gets is compared octet for octet with what was published.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Type, typeName } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { type Rdata, rdata } from "../../src/dns/rdata.ts";
import type { ResourceRecord } from "../../src/dns/record.ts";
import { Avahi } from "../support/avahi.ts";
import { dig, kdig, type Reply } from "../support/dig.ts";
import { Gateway } from "../support/gateway.ts";
import { type Host, Lab, needs } from "../support/lab.ts";
import { GATEWAY, type Office, office } from "../support/office.ts";
import { waitFor } from "../support/wait.ts";

const ZONE = "bonjour.example.com";
const SITE = `office.${ZONE}`;
const TYPE = "_ipp._tcp";
/** 63 octets. (Were all of them non-ASCII, Avahi 0.8 could not resolve it: "Invalid packet".) */
const LONG = "Großer Farbdrucker im dritten Stock links, Büro 317 (Fr Öz!)";

/** Who publishes what; each `txt` is one string, for Avahi does not keep the order of several. */
const published = [
  { by: "avahi", name: "Mr. Brown's 2.5\" Printer.", port: 631, host: 10, txt: "note=2. Stock" },
  { by: "avahi", name: "back\\slash", port: 632, host: 10, txt: "path=C:\\x" },
  { by: "zeroconf", name: LONG, port: 633, host: 11, txt: "käse=ja" },
  { by: "multicast-dns", name: "Étage 2 – Küche 🖨", port: 634, host: 12, txt: "rp=ipp/print" },
] as const;

type Published = (typeof published)[number];

const site = Name.parse(`${SITE}.`);
const hostName = ({ host }: Published) => site.child(`host-${host}`)!;
const instance = ({ name }: Published) => Name.parse(`${TYPE}.${SITE}.`).child(name)!;
/** The host's address in each family; that of multicast-dns has none of IPv6. */
const addresses = ({ host, by }: Published): Rdata[] => [
  rdata.a(`10.77.1.${host}`),
  ...(by === "multicast-dns" ? [] : [rdata.aaaa(`fd00:77:1::${host}`)]),
];

const octets = (one: Rdata) => Buffer.from(one.toWire()).toString("hex");
const all = (records: readonly ResourceRecord[]) =>
  records.map((record) => octets(record.rdata)).sort();
const expected = (...rdatas: Rdata[]) => rdatas.map(octets).sort();

/** With python-zeroconf. */
function publisher(device: Host, address: string, service: object) {
  const script = join(import.meta.dirname, "../../../test/support/zeroconf-publisher.py");
  return device.start(["/usr/bin/python3", script, JSON.stringify([service]), address]);
}

describe("Four services with hard names, of three kinds of responder", {
  skip: needs("avahi-daemon", "avahi-browse", "dbus-daemon", "dig", "kdig", "python3-zeroconf"),
}, () => {
  let lab: Lab;
  let net: Office;
  let gateway: Gateway;

  before(async () => {
    assert.equal(Buffer.byteLength(LONG), 63);
    lab = new Lab();
    net = office(lab);
    const avahi = net.device("avahi", 10);
    await Avahi.start(avahi, {
      hostName: "host-10",
      services: published
        .filter((service) => service.by === "avahi")
        .map(({ name, port, txt }) => ({ name, type: TYPE, port, txt: [txt] })),
    });
    gateway = await Gateway.start(net.gateway, {
      zone: ZONE,
      links: [{ interface: "eth0", site: "office" }],
    });
    const [, , zeroconf, small] = published;
    const python = publisher(net.device("python", 11), "10.77.1.11", {
      ...{ name: zeroconf.name, type: TYPE, port: zeroconf.port, host: "host-11" },
      addresses: ["10.77.1.11", "fd00:77:1::11"],
      properties: Object.fromEntries([zeroconf.txt.split("=")]),
    });
    const node = net.device("node", 12).script(
      "multicast-responder",
      "10.77.1.12",
      JSON.stringify([
        {
          ...{ name: small.name, type: TYPE, port: small.port, host: "host-12" },
          ...{ address: "10.77.1.12", txt: [small.txt] },
        },
      ]),
    );
    await Promise.all([python.line(/published/), node.line(/ready/)]);
    await waitFor(
      "all four to be served",
      async () => {
        const { answers } = await ask(dig, `${TYPE}.${ZONE}.`, "PTR");
        return answers.length === published.length;
      },
      20_000,
      200,
    );
  });

  after(async () => {
    await lab?.[Symbol.asyncDispose]();
  });

  const ask = (client: typeof dig, name: string, type: string, ...options: string[]) =>
    client(net.client, { server: GATEWAY, name, type, options });

  for (const client of [dig, kdig]) {
    it(`${client.name} lists them in the site and in the merged view`, async () => {
      for (const domain of [SITE, ZONE]) {
        const reply = await ask(client, `${TYPE}.${domain}.`, "PTR");
        assert.equal(reply.status, "NOERROR");
        assert.ok(reply.flags.includes("aa"), "authoritative");
        assert.deepEqual(
          all(reply.answers),
          expected(...published.map((service) => rdata.ptr(instance(service)))),
        );
      }
    });

    for (const service of published) {
      it(`${client.name} gets SRV, TXT, A and AAAA of ${service.name} octet for octet`, async () => {
        const name = instance(service).toString();
        const srv = await ask(client, name, "SRV");
        const wanted = rdata.srv(0, 0, service.port, hostName(service));
        assert.deepEqual(all(srv.answers), expected(wanted));
        const owner = srv.answers[0]!.name;
        assert.equal(octets(rdata.ptr(owner)), octets(rdata.ptr(instance(service))));
        const txt = await ask(client, name, "TXT");
        assert.deepEqual(all(txt.answers), expected(rdata.txt(service.txt)));
        for (const type of [Type.A, Type.AAAA]) {
          const reply = await ask(client, hostName(service).toString(), typeName(type));
          const own = addresses(service).filter((address) => address.type === type);
          assert.deepEqual(all(reply.answers), expected(...own), typeName(type));
          assert.equal(reply.status, "NOERROR");
        }
      });
    }
  }

  it("A browse answer brings SRV, TXT and addresses along (RFC 6763 §12.1)", async () => {
    const reply: Reply = await ask(dig, `${TYPE}.${SITE}.`, "PTR", "+bufsize=4096");
    const brought = new Set(reply.additionals.map((record) => typeName(record.type)));
    assert.deepEqual([...brought].sort(), ["A", "AAAA", "SRV", "TXT"]);
  });

  it("Service types are enumerated in the site and in the merged view", async () => {
    for (const domain of [SITE, ZONE]) {
      const { answers } = await ask(dig, `_services._dns-sd._udp.${domain}.`, "PTR");
      assert.deepEqual(all(answers), expected(rdata.ptr(Name.parse(`${TYPE}.${domain}.`))));
    }
  });

  it("avahi-browse lists and resolves them over unicast DNS", async () => {
    net.client.etc("resolv.conf", `nameserver ${GATEWAY}\n`);
    const browser = await Avahi.start(net.client, {
      ...{ hostName: "client", hasBus: true, isWideArea: true },
    });
    for (const domain of [ZONE, SITE]) {
      const lines = await browser.browse(TYPE, domain);
      for (const service of published) {
        const found = lines.filter((line) => line.event === "=" && line.instance === service.name);
        assert.ok(found.length > 0, `${service.name} is resolved in ${domain}`);
        for (const { host, address, port, txt } of found) {
          assert.equal(host, `host-${service.host}.${SITE}`);
          assert.ok([`10.77.1.${service.host}`, `fd00:77:1::${service.host}`].includes(address));
          assert.deepEqual(
            [port, Buffer.from(txt).equals(Buffer.from(`"${service.txt}"`))],
            [service.port, true],
          );
        }
      }
    }
    await browser.stop();
  });

  it("The dump of the zone loads in named-checkzone and kzonecheck", {
    skip: needs("named-checkzone", "kzonecheck"),
  }, async () => {
    const dump = await gateway.command("zone");
    assert.equal(dump.status, 0, dump.stderr);
    const file = join(gateway.folder, "dump.zone");
    writeFileSync(file, dump.stdout);
    for (const checker of [
      ["named-checkzone", "-i", "local", ZONE, file],
      ["kzonecheck", "-o", `${ZONE}.`, file],
    ]) {
      const { status, stdout, stderr } = await gateway.host.run(checker);
      assert.equal(status, 0, `${checker[0]}: ${stdout}${stderr}`);
    }
    const text = dump.stdout.toString();
    for (const service of published) {
      assert.ok(text.includes(String(service.port)), `${service.name} is in the dump`);
    }
  });

  it("Nothing of .local and no link-local address is served", async () => {
    const text = (await gateway.command("zone")).stdout.toString();
    assert.doesNotMatch(text, /\.local\b|\bfe80:|\b169\.254\./i);
  });
});

describe("Sixty instances of one type, and a client without EDNS and TCP", {
  skip: needs("avahi-daemon", "avahi-browse", "dbus-daemon", "dig"),
}, () => {
  it("avahi-browse lists some each time, and all over a few tries", async (t) => {
    await using lab = new Lab();
    const net = office(lab);
    await Gateway.start(net.gateway, {
      zone: ZONE,
      links: [{ interface: "eth0", site: "office" }],
    });
    const names = Array.from({ length: 60 }, (_, i) => `Box ${i + 1}`);
    const fleet = net
      .device("boxes", 20)
      .script(
        "devices",
        JSON.stringify({ addresses: ["10.77.1.20"], type: "_http._tcp", name: "Box", each: 60 }),
      );
    await waitFor("the boxes", () => fleet.events("ready").length > 0);
    fleet.say(JSON.stringify({ announce: { packet: 10, burst: 10, pause: 0 } }));
    await waitFor(
      "sixty to be served",
      async () => {
        const question = { server: GATEWAY, name: `_http._tcp.${ZONE}.`, type: "PTR" };
        return (await dig(net.client, { ...question, options: ["+tcp"] })).answers.length === 60;
      },
      20_000,
      200,
    );

    net.client.etc("resolv.conf", `nameserver ${GATEWAY}\n`);
    const browser = await Avahi.start(net.client, {
      ...{ hostName: "client", hasBus: true, isWideArea: true },
    });
    const seen = new Set<string>();
    const counts: number[] = [];
    for (let tries = 0; tries < 20 && seen.size < 60; tries++) {
      const lines = await browser.browse("_http._tcp", ZONE);
      const listed = new Set(
        lines.filter((line) => line.event === "+").map((line) => line.instance),
      );
      assert.ok(listed.size > 0, "a browse lists some");
      counts.push(listed.size);
      for (const name of listed) seen.add(name);
      // As another client would be: this one has cached what it was given.
      await browser.stop();
      await browser.start();
    }
    t.diagnostic(`avahi-browse of 60 instances listed ${counts.join(", ")} in turn`);
    assert.deepEqual([...seen].sort(), names.sort());
  });
});

describe("A service that names no host, as python-zeroconf makes them", {
  skip: needs("avahi-daemon", "avahi-browse", "dbus-daemon", "python3-zeroconf"),
}, () => {
  it("SD-01: is its own host, and avahi-browse resolves it over unicast DNS", async () => {
    await using lab = new Lab();
    const net = office(lab);
    await Gateway.start(net.gateway, {
      zone: ZONE,
      links: [{ interface: "eth0", site: "office" }],
    });
    const service = { name: "My Hub", type: "_hub._tcp", port: 8123, addresses: ["10.77.1.11"] };
    const python = publisher(net.device("python", 11), "10.77.1.11", service);
    await python.line(/published/);
    net.client.etc("resolv.conf", `nameserver ${GATEWAY}\n`);
    const browser = await Avahi.start(net.client, {
      ...{ hostName: "client", hasBus: true, isWideArea: true },
    });
    const resolved = async () =>
      (await browser.browse("_hub._tcp", ZONE)).find(({ event }) => event === "=");
    await waitFor("it to be resolved", async () => (await resolved()) !== undefined, 20_000, 200);
    const { instance, address, port } = (await resolved())!;
    assert.deepEqual([instance, address, port], ["My Hub", "10.77.1.11", 8123]);
  });
});
