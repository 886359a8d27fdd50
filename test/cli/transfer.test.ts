/** Commands that ask for a whole zone from elsewhere: a collector may, as its key may. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeCertificate } from "../support/certificate.ts";
import { Gateway, MAIN, temporaryFolder } from "../support/gateway.ts";
import { Lab, needs } from "../support/lab.ts";

const SECRET = Buffer.from("a secret of both sides").toString("base64");

test("a collector's configuration is enough to copy the zone it publishes into, by TCP or TLS", {
  skip: needs("ip", "openssl"),
}, async () => {
  await using lab = new Lab();
  const lan = lab.lan("lan");
  const there = lab.host("there").plug(lan, { name: "eth0", addresses: ["10.1.0.1/24"] });
  const here = lab.host("here").plug(lan, { name: "eth0", addresses: ["10.1.0.2/24"] });
  const { paths } = makeCertificate("ns.example", temporaryFolder(), "10.1.0.1");
  const settings = {
    zone: "z.example",
    links: [],
    listen: { dns: ["0.0.0.0:53"], tls: ["0.0.0.0:853"], ...paths },
    keys: { paris: { secret: SECRET, site: "paris" } },
  };
  await Gateway.start(there, settings, { "z.example.zone": "wiki.paris 60 A 192.0.2.9\n" });

  const file = join(temporaryFolder(), "paris.yaml");
  const command = async (publish: Readonly<Record<string, unknown>>, ...words: string[]) => {
    const keys = { paris: { secret: SECRET } };
    const links = [{ interface: "eth0", site: "paris" }];
    writeFileSync(file, JSON.stringify({ zone: "z.example", links, keys, publish }));
    const env = { NODE_EXTRA_CA_CERTS: paths.certificate };
    return here.run([process.execPath, MAIN, ...words], { env });
  };
  const server = "10.1.0.1";
  for (const publish of [
    { server, key: "paris" },
    { server, key: "paris", transport: "tls" },
  ]) {
    const zone = await command(publish, "zone", "--config", file);
    assert.match(`${zone.stdout}`, /^wiki\.paris .* 192\.0\.2\.9$/m, zone.stderr);
    const dry = await command(publish, "check", file, "--dry-run");
    assert.match(`${dry.stdout}`, /: of 0 services in paris\.z\.example\., 0 would/, dry.stderr);
  }
  const given = await command(
    { server: "10.1.0.9", key: "paris" },
    "zone",
    "-c",
    file,
    "-s",
    server,
  );
  assert.equal(given.status, 0, given.stderr);

  const keyless = await command({ server }, "zone", "--config", file);
  assert.equal(keyless.status, 1);
  assert.equal(keyless.stderr, "10.1.0.1:53: refuses to transfer z.example.: REFUSED\n");
});
