import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { parseConfig } from "../../src/config.ts";
import { makeCertificate } from "../support/certificate.ts";
import { skipWithout } from "../support/tool.ts";
import { mistakes } from "./mistakes.ts";

suite("the field listen", () => {
  test("has no TLS unless configured", () => {
    const { listen } = parseConfig('listen: { dns: ["192.0.2.1:53"] }', "gateway.yaml", "/");
    assert.deepEqual([listen?.tls, listen?.https, listen?.credentials], [[], [], undefined]);
  });

  test("finds certificate and key relative to the configuration", {
    skip: skipWithout("openssl"),
  }, () => {
    const made = makeCertificate();
    const text = `
listen:
  dns: ["0.0.0.0:53"]
  tls: ["0.0.0.0:853", "[::]:853"]
  https: ["0.0.0.0:443"]
  certificate: cert.pem
  privateKey: key.pem
  push: ns1.example.com
`;
    const { listen } = parseConfig(text, "gateway.yaml", made.folder);
    assert.deepEqual(listen?.tls.at(-1), { address: "::", port: 853 });
    assert.equal(`${listen?.push}`, "ns1.example.com.");
    assert.deepEqual(listen?.https, [{ address: "0.0.0.0", port: 443 }]);
    assert.deepEqual(listen?.credentials?.paths, made.paths);
    assert.equal(listen?.credentials?.read.privateKey, made.privateKey);
  });

  test("has no place that web has", () => {
    const listen = 'listen: { dns: ["127.0.0.1:53", "[::1]:53"] }';
    assert.deepEqual(mistakes(`${listen}\nweb: "0.0.0.0:53"`), [
      "gateway.yaml:2: web: 0.0.0.0:53 is taken by listen.dns[0]; expected each address once",
    ]);
    // Where nothing is configured it listens there.
    assert.deepEqual(mistakes('web: "127.0.0.1:5300"'), [
      "gateway.yaml:1: web: 127.0.0.1:5300 is taken by listen.dns[0]; expected each address once",
    ]);
    const collector = 'publish: { server: ns1.example }\nweb: "127.0.0.1:5300"';
    assert.ok(parseConfig(collector, "gateway.yaml", "/").web);
    for (const web of ["127.0.0.2:53", "127.0.0.1:8053"]) {
      assert.ok(parseConfig(`${listen}\nweb: "${web}"`, "gateway.yaml", "/").web);
    }
  });

  test("reports what is missing, and what is wrong with the files", {
    skip: skipWithout("openssl"),
  }, () => {
    assert.deepEqual(mistakes('listen:\n  dns: ["0.0.0.0:53"]\n  tls: ["0.0.0.0:853"]'), [
      "gateway.yaml:2: listen.certificate: missing; expected the path of a file (PEM), because listen.tls needs it",
      "gateway.yaml:2: listen.privateKey: missing; expected the path of a file (PEM), because listen.tls needs it",
    ]);
    const { folder } = makeCertificate();
    const wrong = (key: string) =>
      mistakes(
        `listen:\n  dns: ["0.0.0.0:53"]\n  https: ["0.0.0.0:443"]\n  certificate: cert.pem\n  privateKey: ${key}`,
        folder,
      );
    assert.deepEqual(wrong("none.pem"), [
      `gateway.yaml:5: listen.privateKey: ${folder}/none.pem: no such file; expected the certificate's private key in PEM, without a passphrase`,
    ]);
    assert.match(
      wrong("cert.pem")[0]!,
      /^gateway\.yaml:5: listen\.privateKey: \S+\/cert\.pem: no key/,
    );
    assert.deepEqual(mistakes('listen: { dns: ["0.0.0.0:53"], push: ns1.example.com }'), [
      "gateway.yaml:1: listen.push: changes are pushed over TLS only; expected listen.tls as well",
    ]);
    assert.match(
      mistakes('listen: { dns: ["0.0.0.0:53"], push: "192.0.2.1" }')[0]!,
      /^gateway\.yaml:1: listen\.push: an address is not a name/,
    );
    assert.match(
      mistakes('listen: { dns: ["0.0.0.0:53"], dot: [] }')[0]!,
      /listen\.dot: unknown field; expected one of dns, tls, https, push, certificate, privateKey/,
    );
  });

  test("takes each place once, where a wildcard covers its family", () => {
    const said = (text: string) => mistakes(`listen: { ${text} }`);
    assert.deepEqual(said('dns: ["127.0.0.1:53", "127.0.0.1:53"]'), [
      "gateway.yaml:1: listen.dns[1]: 127.0.0.1:53 is taken by listen.dns[0]; expected each address once",
    ]);
    assert.deepEqual(said('dns: ["[::1]:53", "127.0.0.1:53", "[::0]:53"]'), [
      "gateway.yaml:1: listen.dns[2]: [::]:53 is taken by listen.dns[0]; expected each address once",
    ]);
    assert.match(
      said('dns: ["127.0.0.1:853"], tls: ["0.0.0.0:853"], certificate: c, privateKey: k').join(),
      /listen\.tls\[0\]: 0\.0\.0\.0:853 is taken by listen\.dns\[0\]/,
    );
    const good =
      'listen: { dns: ["0.0.0.0:53", "[::]:53", "127.0.0.1:54", "127.0.0.1:0", "127.0.0.1:0"] }';
    assert.equal(parseConfig(good, "gateway.yaml", "/").listen?.dns.length, 5);
  });
});
