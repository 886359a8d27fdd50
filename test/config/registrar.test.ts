import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { namedNetworks } from "../../src/config/fields.ts";
import { parseConfig } from "../../src/config.ts";
import { mistakes } from "./mistakes.ts";

suite("the field registrar", () => {
  test("SRP-22: takes a site, and serves private networks by default", () => {
    const { registrar } = parseConfig("registrar: { site: devices }", "gateway.yaml", "/");
    assert.deepEqual(registrar, {
      site: "devices",
      networks: namedNetworks.get("private"),
      udp: false,
    });
    const text = "registrar: { site: devices, networks: [10.1.0.0/16], server: ns1.example.com }";
    const said = parseConfig(text, "gateway.yaml", "/").registrar;
    assert.deepEqual(said?.networks, [{ address: "10.1.0.0", length: 16 }]);
    assert.equal(`${said?.server}`, "ns1.example.com.");
  });

  test("has a site of its own, which no link or key writes", () => {
    assert.deepEqual(
      mistakes("links: [{ interface: eth0, site: Paris }]\nregistrar: { site: paris }"),
      ["gateway.yaml:2: registrar.site: paris is the site of links[0]; expected a site of its own"],
    );
    assert.deepEqual(mistakes("links: [{ interface: eth0 }]\nregistrar: { site: eth0 }"), [
      "gateway.yaml:2: registrar.site: eth0 is the site of links[0]; expected a site of its own",
    ]);
    const keys = "keys: { lyon: { secret: c2VjcmV0IG9mIGx5b24=, site: [paris, lyon] } }";
    assert.deepEqual(mistakes(`registrar: { site: lyon }\n${keys}`), [
      "gateway.yaml:1: registrar.site: lyon is a site of the key lyon; expected a site of its own",
    ]);
  });

  test("needs a zone that is served here", () => {
    assert.deepEqual(mistakes("publish: { server: 192.0.2.1 }\nregistrar: { site: devices }"), [
      "gateway.yaml:2: registrar: no zone is served here (publish without listen); expected registrar at the server",
    ]);
  });

  test("reports mistakes in it", () => {
    assert.match(
      mistakes("registrar: devices")[0]!,
      /registrar: expected fields such as site: and networks:/,
    );
    assert.match(
      mistakes("registrar: { site: _devices }")[0]!,
      /registrar\.site: a site is a place/,
    );
    assert.match(
      mistakes("registrar: { site: devices, network: [any] }")[0]!,
      /registrar\.network: unknown field; expected one of site, networks, udp, server/,
    );
  });
});
