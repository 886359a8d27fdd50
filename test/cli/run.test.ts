/** What `run` says at its start: what it does, and where; or why not. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { hostname } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { freePort } from "../support/freeport.ts";
import { MAIN, STARTED, temporaryFolder } from "../support/gateway.ts";
import { Running, run, succeed } from "../support/process.ts";
import { skipWithout } from "../support/tool.ts";
import { waitFor } from "../support/wait.ts";

test("a collector says where it will publish, with the port of TLS if it uses TLS", async () => {
  const cases = {
    '{ server: "127.0.0.1" }': "127.0.0.1:53",
    '{ server: "127.0.0.1", transport: tls }': "127.0.0.1:853 by TLS",
    '{ server: "127.0.0.1:8530", transport: tls }': "127.0.0.1:8530 by TLS",
    '{ server: "::1", transport: tls }': "[::1]:853 by TLS",
  };
  const file = join(temporaryFolder(), "collector.yaml");
  for (const [publish, at] of Object.entries(cases)) {
    writeFileSync(file, `zone: z.example\nlinks: []\npublish: ${publish}\n`);
    const program = new Running([process.execPath, MAIN, "run", "--config", file]);
    const said = await program.line(STARTED);
    assert.equal(said, `Will publish into z.example. at ${at}.`);
    await program.stop();
  }
});

test("a gateway with a web server says where, and serves figures as server or as collector", async () => {
  const file = join(temporaryFolder(), "gateway.yaml");
  const [dns, web] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${web}/`;
  const fetched = async (path: string) => {
    const response = await fetch(`${url}${path}`, { headers: { connection: "close" } });
    return `${response.status} ${await response.text()}`;
  };
  const calledBy = async (host: string) => {
    const headers = { host, connection: "close" };
    const request = httpRequest({ port: web, path: "/metrics", headers, agent: false }).end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    response.resume();
    return response.statusCode;
  };
  const parts = {
    [`listen: { dns: ["127.0.0.1:${dns}"] }`]: {
      says: `Serving z.example. on 127.0.0.1:${dns}, ${url}. Try:`,
      figures: [/^dnssd_zone_serial\{zone="z.example."\} \d+$/m, /^dnssd_datagrams_total/m],
      page: /^200 .*<title>z\.example<\/title>/s,
    },
    'publish: { server: "127.0.0.1:9" }': {
      says: `Will publish into z.example. at 127.0.0.1:9. Metrics are at ${url}metrics.`,
      figures: [/^dnssd_publishing_troubled\{zone="z.example."\} [01]$/m],
      page: /^404 /,
    },
  };
  for (const [part, { says, figures, page }] of Object.entries(parts)) {
    writeFileSync(file, `zone: z.example\nlinks: []\n${part}\nweb: "127.0.0.1:${web}"\n`);
    const program = new Running([process.execPath, MAIN, "run", "--config", file]);
    assert.equal(await program.line(STARTED), says);
    for (const figure of figures) assert.match(await fetched("metrics"), figure);
    assert.match(await fetched(""), page);
    const names = [hostname(), `${hostname().split(".")[0]}.local:${web}`, "other.local"];
    assert.deepEqual(await Promise.all(names.map(calledBy)), [200, 200, 403]);
    assert.equal(await program.stop(), 0);
  }
  writeFileSync(file, `zone: z.example\nlinks: []\nweb: 8053\n`);
  const { stderr } = await run([process.execPath, MAIN, "run", "--config", file]);
  assert.match(stderr, /gateway\.yaml:3: web: expected an address and a port such as/);
});

test("a gateway that cannot listen at every address exits, and releases those it has", async () => {
  const folder = temporaryFolder();
  const file = join(folder, "gateway.yaml");
  const taken = createSocket("udp4").bind(0, "127.0.0.1");
  await once(taken, "listening");
  taken.unref();
  const addresses = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${taken.address().port}`];
  const listen = JSON.stringify({ dns: addresses });
  writeFileSync(file, `zone: z.example\nlinks: []\nlisten: ${listen}\n`);
  const command = [process.execPath, MAIN, "run", "--config", file];
  const { status, stderr, stdout } = await run(command);
  assert.equal(status, 1, stderr);
  assert.ok(`${stdout}${stderr}`.includes(addresses[1]!), `${stdout}${stderr}`);
  taken.close();
  const program = new Running(command);
  await program.line(STARTED);
  assert.equal(await program.stop("SIGINT"), 0);
});

test("a gateway warns once that a signed zone is not copied, if transfers are configured", async () => {
  const folder = temporaryFolder();
  const file = join(folder, "gateway.yaml");
  const keys = join(folder, "keys");
  await succeed([process.execPath, MAIN, "key", "--dnssec", "z.example", "--folder", keys]);
  const listen = `{ dns: ["127.0.0.1:${await freePort()}"] }`;
  for (const [transfer, count] of [
    ["{ allow: [192.0.2.0/24] }", 1],
    ['{ notify: ["127.0.0.1:9"] }', 1],
    ["{}", 0],
  ] as const) {
    writeFileSync(
      file,
      `zone: z.example\nlinks: []\nlisten: ${listen}\ndnssec: { keys: ${keys} }\ntransfer: ${transfer}\n`,
    );
    const program = new Running([process.execPath, MAIN, "run", "--config", file]);
    await program.line(STARTED);
    program.child.kill("SIGHUP");
    await waitFor("SIGHUP to be heard of", () => /signing keys are reread/.test(program.stderr));
    await program.stop();
    const told = program.stderr.match(/"zones":\["z\.example\."\].*are not transferred/g) ?? [];
    assert.equal(told.length, count, program.stderr);
  }
});

test("SIGUSR1, at which other daemons reopen their logs, opens no debugger", async () => {
  const file = join(temporaryFolder(), "gateway.yaml");
  const port = await freePort();
  writeFileSync(file, `links: []\nlisten: { dns: ["0.0.0.0:${port}"] }\n`);
  const program = new Running([process.execPath, MAIN, "run", "--config", file]);
  assert.match(
    await program.line(STARTED),
    /^Serving bonjour\.home\.arpa\. on 0\.0\.0\.0:\d+\. Try:$/,
  );
  await program.line(new RegExp(`^  dig @127\\.0\\.0\\.1 -p ${port} _services\\.`));
  program.child.kill("SIGUSR1");
  await waitFor("SIGUSR1 to be heard of", () => /SIGUSR1|Debugger/.test(program.stderr));
  program.child.kill("SIGHUP");
  await waitFor("SIGHUP to be heard of", () => /"nothing is reread: /.test(program.stderr));
  assert.equal(await program.stop(), 0);
  assert.doesNotMatch(program.stderr, /Debugger/);
});

/** Starts a program with its log on a terminal but not in its session; then takes the terminal away. */
const TERMINAL = `
import os, signal, subprocess, sys
ours, its = os.openpty()
program = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=its, start_new_session=True)
program.stdout.readline()
os.close(its)
os.close(ours)
program.send_signal(signal.SIGUSR1)
try:
    print("ended", program.wait(1))
except subprocess.TimeoutExpired:
    print("goes on")
    program.kill()
    program.wait()
`;

test("a gateway goes on when the terminal of its log goes without a SIGHUP", {
  skip: skipWithout("python3"),
}, async () => {
  const file = join(temporaryFolder(), "gateway.yaml");
  writeFileSync(file, `links: []\nlisten: { dns: ["127.0.0.1:${await freePort()}"] }\n`);
  const command = [process.execPath, MAIN, "run", "--config", file];
  assert.equal(await succeed(["python3", "-c", TERMINAL, ...command]), "goes on\n");
});
