/** The program as a service: few rights, a signal to reread files, TLS. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { connect } from "node:tls";
import { type Certificate, makeCertificate } from "../support/certificate.ts";
import { dig } from "../support/dig.ts";
import { freePort } from "../support/freeport.ts";
import { MAIN, STARTED, temporaryFolder } from "../support/gateway.ts";
import { Lab, needs } from "../support/lab.ts";
import { Running } from "../support/process.ts";
import { skipWithout } from "../support/tool.ts";
import { waitFor } from "../support/wait.ts";

const ZONE = "bonjour.example.com";

/** Writes a configuration into a folder, as JSON, which is YAML; returns its path. */
function configured(config: object, folder = temporaryFolder()): string {
  const file = join(folder, "gateway.yaml");
  mkdirSync(join(folder, "zones"), { recursive: true });
  writeFileSync(file, JSON.stringify({ zone: ZONE, links: [], data: "./zones", ...config }));
  return file;
}

const commandOf = (file: string) => [process.execPath, MAIN, "run", "--config", file];

suite("a service", () => {
  const withTls = { skip: skipWithout("openssl", "dig"), timeout: 60_000 };

  test(
    "XPORT-18: shows a new certificate after SIGHUP, unless it is not good",
    withTls,
    async () => {
      const folder = temporaryFolder();
      const old = makeCertificate("ns1.example.com", folder);
      const [port, tlsPort] = [await freePort(), await freePort()];
      const listen = {
        ...{ dns: [`127.0.0.1:${port}`], tls: [`127.0.0.1:${tlsPort}`] },
        ...{ certificate: "cert.pem", privateKey: "key.pem" },
      };
      const program = new Running(commandOf(configured({ listen }, folder)));
      await program.line(STARTED);
      const shown = async (): Promise<string> => {
        const socket = connect({ host: "127.0.0.1", port: tlsPort, rejectUnauthorized: false });
        await once(socket, "secureConnect");
        const { CN } = socket.getPeerCertificate().subject;
        socket.destroy();
        return `${CN}`;
      };
      const replace = ({ paths }: Certificate) => {
        copyFileSync(paths.certificate, old.paths.certificate);
        copyFileSync(paths.privateKey, old.paths.privateKey);
        program.child.kill("SIGHUP");
      };
      assert.equal(await shown(), "ns1.example.com");
      // An open connection stays open.
      const open = connect({ host: "127.0.0.1", port: tlsPort, rejectUnauthorized: false });
      await once(open, "secureConnect");
      replace(makeCertificate("ns2.example.com"));
      await waitFor("the new one", async () => (await shown()) === "ns2.example.com");

      writeFileSync(old.paths.certificate, "nothing");
      program.child.kill("SIGHUP");
      await waitFor("the word", () => program.stderr.includes("no certificate in PEM"));
      assert.equal(await shown(), "ns2.example.com");
      replace(makeCertificate("ns3.example.com"));
      await waitFor("the next one", async () => (await shown()) === "ns3.example.com");
      const complaints = program.stderr.match(/the new certificate is not used/g);
      assert.equal(complaints?.length, 1);
      assert.equal(open.destroyed, false);
      open.destroy();
      assert.equal(await program.stop(), 0);
    },
  );

  test("reports a wrong certificate before anything is opened", withTls, async () => {
    const { folder } = makeCertificate();
    const listen = {
      ...{ dns: ["127.0.0.1:0"], tls: ["127.0.0.1:0"] },
      ...{ certificate: "cert.pem", privateKey: "nokey.pem" },
    };
    const program = new Running(commandOf(configured({ listen }, folder)));
    assert.equal(await program.ended, 1);
    assert.match(
      program.stderr,
      /^\S+gateway\.yaml:1: listen\.privateKey: \S+nokey\.pem: no such file; expected .*\n$/,
    );
  });

  const inLab = { skip: needs("dig", "setpriv", "openssl"), timeout: 60_000 };

  test(
    "XPORT-28, SEC-21: serves on ports 53, 853 and 443 with one right and no more",
    inLab,
    async () => {
      await using lab = new Lab();
      const lan = lab.lan("lan");
      const host = lab.host("server").plug(lan, { name: "eth0", addresses: ["10.9.0.1/24"] });
      const client = lab.host("client").plug(lan, { name: "eth0", addresses: ["10.9.0.2/24"] });
      const folder = temporaryFolder();
      makeCertificate("ns1.example.com", folder);
      const listen = {
        ...{ dns: ["0.0.0.0:53"], tls: ["0.0.0.0:853"], https: ["0.0.0.0:443"] },
        ...{ certificate: "cert.pem", privateKey: "key.pem" },
      };
      const file = configured({ listen }, folder);
      for (const path of [folder, join(folder, "zones")]) chmodSync(path, 0o777);
      chmodSync(join(folder, "key.pem"), 0o644);
      const unprivileged = [
        ...["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"],
        ...["--bounding-set=-all,+net_bind_service", "--inh-caps=-all,+net_bind_service"],
        "--ambient-caps=-all,+net_bind_service",
      ];
      const program = host.start([...unprivileged, ...commandOf(file)]);
      await program.line(STARTED);
      const status = readFileSync(`/proc/${program.pid}/status`, "utf8");
      assert.match(status, /^Uid:\s+65534\s+65534\s+65534\s+65534$/m);
      // CAP_NET_BIND_SERVICE is the tenth bit.
      assert.match(status, /^CapEff:\s+0000000000000400$/m);
      for (const options of [[], ["+tcp"], ["+tls"], ["+https"]]) {
        const question = { server: "10.9.0.1", name: `${ZONE}.`, type: "SOA", options };
        assert.equal((await dig(client, question)).answers.length, 1, options.join());
      }
      // An address that comes later is served too: the right is kept.
      host.addAddress("eth0", "10.9.0.3/24");
      const later = { server: "10.9.0.3", name: `${ZONE}.`, type: "SOA" };
      await waitFor("its answer", async () => {
        const { stdout } = await client.run([
          "dig",
          `@${later.server}`,
          "+tries=1",
          "+time=1",
          "+short",
          later.name,
          "SOA",
        ]);
        return stdout.length > 0;
      });
    },
  );
});
