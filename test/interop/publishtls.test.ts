/** A collector publishes by TLS: into a gateway far away, and into BIND. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { FarZone } from "../../src/collector/publishing/farzone.ts";
import { Class, Rcode, Type } from "../../src/dns/constants.ts";
import type { Endpoint } from "../../src/dns/endpoint.ts";
import { rdata } from "../../src/dns/rdata.ts";
import { PersistentConnection } from "../../src/net/client/persistent.ts";
import { name, origin } from "../dnsserver/fixture.ts";
import { listenSecurely } from "../dnsserver/secure.ts";
import { makeSecured, paris } from "../dnsserver/secured.ts";
import { Avahi } from "../support/avahi.ts";
import { startBind } from "../support/bind.ts";
import { type Certificate, makeCertificate } from "../support/certificate.ts";
import { dig } from "../support/dig.ts";
import { freePort } from "../support/freeport.ts";
import { Gateway, MAIN, temporaryFolder } from "../support/gateway.ts";
import { Lab, needs } from "../support/lab.ts";
import { skipWithout } from "../support/tool.ts";
import { waitFor } from "../support/wait.ts";

/** Publishes a record, reads it back, and removes it. */
async function publishInto(endpoint: Endpoint, { certificate }: Certificate): Promise<void> {
  const tls = { serverName: "ns1.example.com", authorities: certificate };
  const clock = systemClock;
  const connection = new PersistentConnection({
    locate: async () => [{ ...endpoint, tls }],
    clock,
  });
  const far = new FarZone({ origin, connection, clock, key: paris });
  const record = { name: name("camera.paris"), type: Type.A, ttl: 10, rdata: rdata.a("10.1.0.20") };
  const update = (klass: number, ttl: number) =>
    far.publish({
      ...{ zone: origin, prerequisites: [] },
      updates: [{ ...record, class: klass, ttl }],
    });
  const holds = async (): Promise<boolean> => {
    const sets = await far.readBack();
    assert.ok(typeof sets !== "number", `no transfer: rcode ${sets}`);
    return [...sets].some((set) => set.name.equals(record.name));
  };
  try {
    assert.equal(await update(Class.IN, 10), Rcode.NOERROR);
    assert.equal(await holds(), true);
    assert.equal(await update(Class.NONE, 0), Rcode.NOERROR);
    assert.equal(await holds(), false);
  } finally {
    connection.close();
  }
}

suite("publishing by TLS", () => {
  test("SEC-16: goes into a gateway", { skip: skipWithout("openssl") }, async () => {
    const { handler } = makeSecured();
    await using server = await listenSecurely({ handler });
    await publishInto(server.tls.endpoint, server.certificate);
  });

  test("SEC-16: goes into BIND", { skip: skipWithout("openssl", "named") }, async () => {
    const certificate = makeCertificate();
    const port = await freePort();
    const { paths } = certificate;
    await using bind = await startBind({
      zone: `${origin}`,
      keys: { paris: Buffer.from(paris.secret).toString("base64") },
      statements: `tls ours { cert-file "${paths.certificate}"; key-file "${paths.privateKey}"; };`,
      options: `listen-on port ${port} tls ours { 127.0.0.1; };`,
    });
    await publishInto({ ...bind.endpoint, port }, certificate);
  });

  const inLab = { skip: needs("avahi-daemon", "dig", "openssl"), timeout: 60_000 };

  test("is one line of the configuration, and goes to port 853", inLab, async () => {
    await using lab = new Lab();
    const [lan, wan] = [lab.lan("lan"), lab.lan("wan")];
    const office = lab.host("office").plug(lan, { name: "eth0", addresses: ["10.1.0.2/16"] });
    office.plug(wan, { name: "eth1", addresses: ["192.0.2.2/24"] });
    const server = lab.host("ns").plug(wan, { name: "eth0", addresses: ["192.0.2.53/24"] });
    const printer = lab.host("printer").plug(lan, { name: "eth0", addresses: ["10.1.0.10/16"] });
    const service = { name: "Office Printer", type: "_ipp._tcp", port: 631 };
    await Avahi.start(printer, { hostName: "printer", services: [service] });

    const { paths } = makeCertificate("ns1.example.com", undefined, "192.0.2.53");
    const zone = "bonjour.example.com";
    const secret = Buffer.from("the secret of paris").toString("base64");
    await Gateway.start(server, {
      ...{ zone, links: [], keys: { paris: { secret, site: "paris" } } },
      // From afar, only TLS reaches it.
      listen: { dns: ["127.0.0.1:53"], tls: ["0.0.0.0:853"], ...paths },
    });
    const settings = {
      ...{ zone, keys: { paris: { secret } } },
      links: [{ interface: "eth0", site: "paris" }],
      publish: { server: "192.0.2.53", transport: "tls", key: "paris" },
    };
    const folder = temporaryFolder();
    const file = join(folder, "gateway.yaml");
    writeFileSync(file, JSON.stringify(settings));
    const where = { cwd: folder, env: { NODE_EXTRA_CA_CERTS: paths.certificate } };
    office.start([process.execPath, MAIN, "run", "--config", file], where);
    await waitFor(
      "the printer",
      async () => {
        const question = { server: "127.0.0.1", name: `_ipp._tcp.${zone}.`, type: "PTR" };
        return (await dig(server, question)).answers.length === 1;
      },
      20_000,
      100,
    );

    writeFileSync(file, JSON.stringify({ ...settings, links: [] }));
    const doctor = [process.execPath, MAIN, "doctor", "--config", file, "--resolver", "192.0.2.53"];
    const { stdout } = await office.run(doctor, where);
    assert.match(`${stdout}`, /^ok {6}publish 192\.0\.2\.53:853: takes updates of bonjour/m);
    // Questions still go to the port of DNS.
    assert.match(`${stdout}`, /^broken {2}zone \S+: 192\.0\.2\.53:53 nothing is listening there;/m);
  });
});
