/** The program as an administrator runs it: mistakes in its use, and its end. */
import assert from "node:assert/strict";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Gateway, MAIN, STARTED, temporaryFolder } from "../support/gateway.ts";
import { type Host, Lab, needs } from "../support/lab.ts";
import { office } from "../support/office.ts";
import { waitFor } from "../support/wait.ts";

const ZONE = "bonjour.example.com";

describe("The command line", { skip: needs() }, () => {
  const runWith = async (host: Host, settings: object, ...prefix: string[]) => {
    const folder = temporaryFolder();
    // Readable for whatever user it is run as.
    chmodSync(folder, 0o755);
    const file = join(folder, "gateway.yaml");
    writeFileSync(file, JSON.stringify({ zone: ZONE, data: folder, ...settings }));
    const command = [...prefix, process.execPath, MAIN, "run", "--config", file];
    const { status, stderr } = await host.run(command);
    rmSync(folder, { recursive: true });
    return {
      status,
      lines: stderr.split("\n").filter((line) => line !== "" && !line.startsWith("{")),
    };
  };

  it("A busy port is reported in one line, with exit status 1", async () => {
    await using lab = new Lab();
    const net = office(lab);
    await Gateway.start(net.gateway, { zone: ZONE });
    const { status, lines } = await runWith(net.gateway, { listen: { dns: ["127.0.0.1:53"] } });
    assert.deepEqual([status, lines.length], [1, 1], lines.join("\n"));
    assert.match(lines[0]!, /127\.0\.0\.1:53.*in use/);
  });

  it("The zone is printed on its own host, at whichever address it is served", async () => {
    await using lab = new Lab();
    const net = office(lab);
    for (const address of ["10.77.1.1", "[fd00:77:1::1]", "127.0.0.1"]) {
      const listen = { dns: [`${address}:53`] };
      const gateway = await Gateway.start(net.gateway, { zone: ZONE, links: [], listen });
      const { status, stdout, stderr } = await gateway.command("zone");
      assert.equal(status, 0, stderr);
      assert.match(`${stdout}`, /\bSOA\b/);
      await gateway.program.stop();
    }
  });

  it("It starts without a configuration on a host without IPv6, as many a container is", async () => {
    await using lab = new Lab();
    const host = lab.host("alone");
    await host.run(["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"]);
    const program = host.start([process.execPath, MAIN], { cwd: temporaryFolder() });
    const line = await program.line(STARTED);
    assert.match(line, / on 127\.0\.0\.1:5300\. Try/);
  });

  it("It is asked at another address on a host without IPv6 if it listens at [::] first", async () => {
    await using lab = new Lab();
    const host = lab.host("alone");
    await host.run(["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"]);
    const listen = { dns: ["[::]:53", "0.0.0.0:53"] };
    const gateway = await Gateway.start(host, { zone: ZONE, links: [], listen });
    const { status, stderr } = await gateway.command("browse");
    assert.equal(status, 0, stderr);
    const { stdout } = await gateway.command("doctor");
    assert.match(`${stdout}`, /^odd +zone .*it lists no services$/m);
  });

  it("A missing right is reported in one line, with exit status 1", async () => {
    await using lab = new Lab();
    const { gateway } = office(lab);
    const { status, lines } = await runWith(
      gateway,
      { listen: { dns: ["127.0.0.1:53"] } },
      // Root but for this right: the file and the program itself stay readable wherever they are.
      ...["setpriv", "--bounding-set=-net_bind_service"],
    );
    assert.deepEqual([status, lines.length], [1, 1], lines.join("\n"));
    assert.match(lines[0]!, /127\.0\.0\.1:53.*permission/);
  });

  it("A configuration mistake is reported in one line with its place, with exit status 1", async () => {
    await using lab = new Lab();
    const { gateway } = office(lab);
    const { status, lines } = await runWith(gateway, { listen: { dns: ["not an address"] } });
    assert.deepEqual([status, lines.length], [1, 1], lines.join("\n"));
    assert.match(lines[0]!, /gateway\.yaml:\d+: listen\.dns.*not an address/);
  });

  it("A zone file mistake is reported in one line with its place, with exit status 1", async () => {
    await using lab = new Lab();
    const { gateway } = office(lab);
    const folder = temporaryFolder();
    writeFileSync(
      join(folder, "bad.example.zone"),
      [
        "$TTL 10",
        "@ SOA ns.example. admin.example. 1 1 1 1 1",
        "@ NS ns.example.",
        "@ A 999.1.1.1",
        "",
      ].join("\n"),
    );
    const { status, lines } = await runWith(gateway, { data: folder });
    assert.deepEqual([status, lines.length], [1, 1], lines.join("\n"));
    assert.match(lines[0]!, /bad\.example\.zone:4: "999\.1\.1\.1"/);
  });

  it("SIGHUP, with which systemd reloads a service, does not end it", async () => {
    await using lab = new Lab();
    const net = office(lab);
    const { program } = await Gateway.start(net.gateway, { zone: ZONE });
    program.child.kill("SIGHUP");
    await waitFor("SIGHUP to be heard of", () => /"signal":"SIGHUP"/.test(program.stderr));
    assert.equal(await program.stop(), 0);
  });

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`${signal} stops it within a second, with exit status 0`, async (t) => {
      await using lab = new Lab();
      const net = office(lab);
      const gateway = await Gateway.start(net.gateway, { zone: ZONE });
      const before = Date.now();
      const status = await gateway.program.stop(signal);
      const took = Date.now() - before;
      t.diagnostic(`${signal} to the end: ${took} ms`);
      assert.equal(status, 0);
      assert.ok(took < 1_000, `${took} ms`);
    });
  }
});
