/** Wrong arguments: the error names them, and nothing is begun. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { MAIN, temporaryFolder } from "../support/gateway.ts";
import { run } from "../support/process.ts";
import { root } from "../support/root.ts";

describe("the command line", () => {
  it("runs as a program of its own after each build, as a link to it requires", async () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const { status, stdout } = await run([MAIN, "--version"]);
    assert.deepEqual([status, `${stdout}`], [0, `${version}\n`]);
  });

  it("names a command or an option that does not exist", async () => {
    const cases = {
      bogus: "error: there is no command 'bogus'",
      "run bogus": "error: there is no command 'bogus'",
      "--bogus": "error: unknown option '--bogus'",
      "check --bogus": "error: unknown option '--bogus'",
      "run gateway.yaml": "error: a configuration is given by --config gateway.yaml",
      "/etc/gateway.yaml": "error: a configuration is given by --config /etc/gateway.yaml",
      "--log debug check gateway.yaml":
        "error: the command comes first, then its options: dnssd-gateway check …",
      "run --log loud":
        "error: option '--log <level>' argument 'loud' is invalid. Allowed choices are debug, info, warn, error, silent.",
    };
    for (const [line, said] of Object.entries(cases)) {
      const { status, stderr, stdout } = await run([process.execPath, MAIN, ...line.split(" ")]);
      assert.equal(stderr, `${said}\n(see dnssd-gateway --help)\n`);
      assert.equal(status, 1);
      assert.equal(stdout.length, 0, "nothing was begun");
    }
  });

  it("refuses an option that would have no effect where it stands", async () => {
    const cases = {
      "key paris --retire 17": "--retire: is for keys of zones; expected --dnssec with it",
      "key paris --folder keys": "--folder: is for keys of zones; expected --dnssec with it",
      "key paris --role csk": "--role: is for keys of zones; expected --dnssec with it",
      "key --dnssec z.example --file paris.key":
        "--file: is for keys of updates and transfers; expected no --dnssec",
      "key --dnssec z.example --site paris":
        "--site: is for keys of updates and transfers; expected no --dnssec",
      "check gateway.yaml --server 192.0.2.1": "--server: is for --dry-run; expected that with it",
      "check gateway.yaml --domain z.example": "--domain: is for --dry-run; expected that with it",
      "check gateway.yaml --config gateway.yaml":
        "--config: is for zone files; expected FILE alone",
      "check z.zone --dry-run --origin z.example":
        "--origin: is for zone files, which --dry-run does not read",
      "check z.zone --dry-run": "z.zone: a zone file, which --dry-run does not read",
      "check z.zone --origin a..b":
        '--origin: empty label in "a..b"; expected a zone such as bonjour.example.com',
    };
    for (const [line, said] of Object.entries(cases)) {
      const { status, stderr, stdout } = await run([process.execPath, MAIN, ...line.split(" ")]);
      assert.deepEqual([status, stderr, `${stdout}`], [1, `${said}\n`, ""]);
    }
  });

  it("says what is wrong with a server, a domain or a service type", async () => {
    const server = "is not an address; expected 192.0.2.1, 192.0.2.1:53 or [2001:db8::1]:53";
    const domain = "expected a domain name such as bonjour.example.com";
    const cases = {
      "browse --server ns1.example.com": `--server: "ns1.example.com" ${server}`,
      "zone --server 192.0.2.1:x": `--server: "192.0.2.1:x" ${server}`,
      "zone --domain a..b": `--domain: empty label in "a..b"; ${domain}`,
      "browse --server 127.0.0.1:1 _ipp.._tcp":
        '_ipp.._tcp: empty label in "_ipp.._tcp"; expected a service type such as _ipp._tcp',
      "browse --server 127.0.0.1:1":
        "127.0.0.1:1: nothing is listening there; is the gateway running?",
    };
    for (const [line, said] of Object.entries(cases)) {
      const { status, stderr, stdout } = await run([process.execPath, MAIN, ...line.split(" ")]);
      assert.deepEqual([status, stderr, `${stdout}`], [1, `${said}\n`, ""]);
    }
  });

  it("requires --server if the configuration has no server with an address", async () => {
    const file = join(temporaryFolder(), "far.yaml");
    writeFileSync(file, "zone: z.example\npublish: {}\n");
    const { status, stderr } = await run([process.execPath, MAIN, "browse", "--config", file]);
    const said = "--server: not given; expected the address of a server to ask\n";
    assert.deepEqual([status, stderr], [1, said]);
  });

  it("says that its folder has been removed, if no configuration is given", async () => {
    const folder = temporaryFolder();
    const shell = ["sh", "-c", 'rmdir "$PWD" && exec "$@"', "sh", process.execPath, MAIN];
    const { status, stderr, stdout } = await run([...shell, "run"], { cwd: folder });
    assert.match(stderr, /^the working directory has been removed; expected .*\n$/);
    assert.deepEqual([status, `${stdout}`], [1, ""]);
  });

  it("checks a configuration given by its whole path even if its folder has been removed", async () => {
    const config = join(temporaryFolder(), "gateway.yaml");
    writeFileSync(config, "links: []\ndata: none\n");
    const shell = ["sh", "-c", 'rmdir "$PWD" && exec "$@"', "sh", process.execPath, MAIN];
    const { status, stderr } = await run([...shell, "check", config], { cwd: temporaryFolder() });
    assert.deepEqual([status, stderr], [0, ""]);
  });
});
