/** Updates and signed transfers with real clients: BIND's nsupdate and dig, Knot's knsupdate and kdig. */
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { Class, Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata } from "../../src/dns/rdata.ts";
import type { TsigKey } from "../../src/dns/tsig.ts";
import { name, origin } from "../dnsserver/fixture.ts";
import {
  listenSecured,
  lyon,
  operator,
  operators,
  paris,
  type SecuredListener,
  secondary,
} from "../dnsserver/secured.ts";
import { freePort } from "../support/freeport.ts";
import { MAIN, temporaryFolder } from "../support/gateway.ts";
import { type Finished, Running, run, succeed as succeedCommand } from "../support/process.ts";
import { skipWithout } from "../support/tool.ts";

interface Client {
  readonly tool: string;
  readonly parameters: readonly string[];
}

const clients: readonly Client[] = [
  { tool: "nsupdate", parameters: [] },
  { tool: "nsupdate", parameters: ["-v"] },
  { tool: "knsupdate", parameters: [] },
  { tool: "knsupdate", parameters: ["-v"] },
];

for (const client of clients) {
  const title = [client.tool, ...client.parameters].join(" ");
  suite(title, { skip: skipWithout(client.tool) }, () => {
    test("TSIG-01: adds a record with each algorithm", async () => {
      await using server = await listenSecured();
      for (const [i, key] of operators.entries()) {
        await succeed(client, server, key, `add new${i}.${origin} 10 A 10.0.0.${i}`);
        assert.ok(server.zone.current.set(name(`new${i}`), Type.A), key.algorithm);
      }
    });

    test("UPD-23: removes a record, a set, a name, and what is not there", async () => {
      await using server = await listenSecured();
      const has = (owner: string, type: number) =>
        server.zone.current.set(name(owner), type) !== undefined;
      await succeed(client, server, operator, `del printer.paris.${origin} A 10.1.0.10`);
      assert.deepEqual(
        [has("printer.paris", Type.A), has("printer.paris", Type.AAAA)],
        [false, true],
      );
      await succeed(client, server, operator, `del printer.paris.${origin} AAAA`);
      assert.equal(has("printer.paris", Type.AAAA), false);
      const printer = "Office\\032Printer._ipp._tcp.paris";
      await succeed(client, server, operator, `del ${printer}.${origin}`);
      assert.deepEqual([has(printer, Type.SRV), has(printer, Type.TXT)], [false, false]);
      await succeed(client, server, operator, `del nobody.${origin}`);
    });

    test("UPD-05 to UPD-09: is held to its prerequisites", async () => {
      await using server = await listenSecured();
      const printer = `printer.paris.${origin}`;
      const cases: readonly [string, string | undefined][] = [
        [`prereq yxdomain ${printer}`, undefined],
        [`prereq yxdomain nobody.${origin}`, "NXDOMAIN"],
        [`prereq yxdomain _tcp.paris.${origin}`, "NXDOMAIN"],
        [`prereq nxdomain nobody.${origin}`, undefined],
        [`prereq nxdomain ${printer}`, "YXDOMAIN"],
        [`prereq yxrrset ${printer} A`, undefined],
        [`prereq yxrrset ${printer} TXT`, "NXRRSET"],
        [`prereq nxrrset ${printer} TXT`, undefined],
        [`prereq nxrrset ${printer} A`, "YXRRSET"],
        [`prereq yxrrset ${printer} A 10.1.0.10`, undefined],
        [`prereq yxrrset ${printer} A 10.1.0.11`, "NXRRSET"],
      ];
      for (const [i, [prerequisite, refusal]] of cases.entries()) {
        const steps = [prerequisite, `add new${i}.${origin} 10 A 10.0.0.1`];
        if (refusal === undefined) await succeed(client, server, operator, ...steps);
        else await fail(client, server, operator, new RegExp(refusal), ...steps);
        const isThere = server.zone.current.set(name(`new${i}`), Type.A) !== undefined;
        assert.equal(isThere, refusal === undefined, prerequisite);
      }
    });

    test("UPD-33: adds a record of an unknown type", async () => {
      await using server = await listenSecured();
      await succeed(client, server, operator, `add new.${origin} 10 TYPE65280 \\# 2 abcd`);
      const data = rdata.opaque(65280, Buffer.from("abcd", "hex"));
      assert.equal(server.zone.current.set(name("new"), 65280)?.rdatas[0]?.key, data.key);
    });

    test("UPD-34: is REFUSED without a signature", async () => {
      await using server = await listenSecured();
      const { serial } = server.zone.current;
      await fail(client, server, undefined, /REFUSED/, `add new.${origin} 10 A 10.0.0.1`);
      assert.equal(server.zone.current.serial, serial);
    });

    test("TSIG-04, TSIG-05: gets BADKEY for an unknown key, BADSIG for a wrong secret", async () => {
      await using server = await listenSecured();
      const { serial } = server.zone.current;
      const step = `add new.${origin} 10 A 10.0.0.1`;
      const unknown = { ...operator, name: Name.parse("nobody.") };
      const wrong = { ...operator, secret: Buffer.alloc(32, "a guess") };
      await fail(client, server, unknown, /BADKEY/, step);
      await fail(client, server, wrong, /BADSIG/, step);
      assert.equal(server.zone.current.serial, serial);
    });

    test("SEC-16: a stolen key of Paris writes nothing of Lyon", async () => {
      await using server = await listenSecured();
      const add = (owner: string, data: string) => `add ${owner}.${origin} 10 ${data}`;
      const merged = (site: string) => `PTR Printer._ipp._tcp.${site}.${origin}`;
      await succeed(client, server, paris, add("host.paris", "A 10.1.0.1"));
      await succeed(client, server, paris, add("_ipp._tcp", merged("paris")));
      await succeed(client, server, lyon, add("_ipp._tcp", merged("lyon")));
      const { serial } = server.zone.current;
      for (const step of [
        add("host.lyon", "A 10.1.0.1"),
        add("host", "A 10.1.0.1"),
        add("_ipp._tcp", merged("lyon")),
        add("*.paris", "A 10.1.0.1"),
        add("paris", `NS ns.paris.${origin}`),
        `del _ipp._tcp.${origin} ${merged("lyon")}`,
        `del _ipp._tcp.${origin} PTR`,
        `del _ipp._tcp.${origin}`,
        `del ${origin}`,
      ]) {
        await fail(client, server, paris, /REFUSED/, step);
        // Nor together with what the key may write.
        await fail(client, server, paris, /REFUSED/, add("other.paris", "A 10.1.0.2"), step);
      }
      assert.equal(server.zone.current.serial, serial);
    });

    test("TSIG-17: a key for transfers updates nothing", async () => {
      await using server = await listenSecured();
      await fail(client, server, secondary, /REFUSED/, `add new.${origin} 10 A 10.0.0.1`);
    });

    test("UPD-24: adds many records in one message, with one new serial", async () => {
      await using server = await listenSecured();
      const { serial } = server.zone.current;
      const steps = Array.from(
        { length: 300 },
        (_, i) => `add h${i}.paris.${origin} 10 A 10.0.0.1`,
      );
      await succeed(client, server, paris, ...steps);
      assert.equal(server.zone.current.serial, serial + 1);
      assert.ok(server.zone.current.set(name("h299.paris"), Type.A));
    });
  });
}

for (const tool of ["dig", "kdig"]) {
  suite(`${tool} -y`, { skip: skipWithout(tool) }, () => {
    test("TSIG-13: verifies the answer, with each algorithm", async () => {
      await using server = await listenSecured();
      for (const key of operators) {
        for (const transport of ["+notcp", "+tcp"]) {
          const text = await ask(
            tool,
            server,
            key,
            transport,
            "-t",
            "A",
            `printer.paris.${origin}`,
          );
          assert.match(text, /10\.1\.0\.10/);
          assertVerified(text, key.algorithm);
        }
      }
    });

    test("TSIG-11: may write the key's name in any case", async () => {
      await using server = await listenSecured();
      const key = { ...operator, name: Name.parse("OPERATOR.") };
      assertVerified(await ask(tool, server, key, "-t", "SOA", `${origin}`), "upper case");
    });

    test("TSIG-04, TSIG-05: gets BADKEY for an unknown key, BADSIG for a wrong secret", async () => {
      await using server = await listenSecured();
      const unknown = { ...operator, name: Name.parse("nobody.") };
      const wrong = { ...operator, secret: Buffer.alloc(32, "a guess") };
      assert.match(await ask(tool, server, unknown, "-t", "SOA", `${origin}`), /BADKEY/i);
      assert.match(await ask(tool, server, wrong, "-t", "SOA", `${origin}`), /BADSIG/i);
    });

    test("TSIG-14: verifies a transfer of thousands of records", async () => {
      await using server = await listenSecured();
      const updates = Array.from({ length: 5000 }, (_, i) => ({
        ...{ name: name(`h${i}.paris`), type: Type.A, class: Class.IN, ttl: 10 },
        rdata: rdata.a("10.0.0.1"),
      }));
      const by = { name: "test", permits: () => true };
      await server.zone.apply({ zone: origin, prerequisites: [], updates }, by);
      for (const key of [secondary, ...operators]) {
        const text = await ask(tool, server, key, "-t", "AXFR", `${origin}`);
        assert.equal(text.match(/^h\d+\.paris\./gm)?.length, 5000, key.algorithm);
        assertVerified(text, key.algorithm);
      }
    });

    test("XFR-09: gets no transfer without a signature", async () => {
      await using server = await listenSecured();
      const text = await ask(tool, server, undefined, "-t", "AXFR", `${origin}`);
      assert.match(text, /Transfer failed|failed|REFUSED/i);
      assert.doesNotMatch(text, /printer/);
    });
  });
}

suite("the program, with keys it has made", { skip: skipWithout("nsupdate", "dig") }, () => {
  test("SEC-16: takes from each key only what it may write", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "zones"));
    const makeKey = async (...parameters: string[]) => {
      const text = await succeedIn(folder, [process.execPath, MAIN, "key", ...parameters]);
      return text
        .split("\n")
        .filter((line) => line.startsWith("  "))
        .join("\n");
    };
    const port = await freePort();
    const config = [
      `zone: ${origin}`,
      `listen: { dns: ["127.0.0.1:${port}"] }`,
      "links: []",
      "data: zones",
      "keys:",
      await makeKey("paris", "--site", "paris", "--file", "paris.key"),
      await makeKey("operator", "--algorithm", "hmac-sha512", "--file", "operator.key"),
    ];
    writeFileSync(join(folder, "gateway.yaml"), config.join("\n"));
    const command = [process.execPath, MAIN, "run", "--config", "gateway.yaml"];
    const program = new Running(command, { cwd: folder });
    try {
      await program.line(/^Serving /);
      const add = async (key: string, owner: string) => {
        const steps = [`server 127.0.0.1 ${port}`, `zone ${origin}`];
        const input = [...steps, `add ${owner}.${origin} 10 A 10.0.0.1`, "send", ""].join("\n");
        const nsupdate = ["nsupdate", "-k", `${key}.key`];
        return (await run(nsupdate, { cwd: folder, input })).stderr.trim();
      };
      assert.equal(await add("operator", "host"), "");
      assert.equal(await add("paris", "host.paris"), "");
      assert.equal(await add("paris", "host.lyon"), "update failed: REFUSED");
      const dig = ["dig", "@127.0.0.1", "-p", `${port}`, "-k", "paris.key"];
      const text = await succeedIn(folder, [...dig, "-t", "AXFR", `${origin}`]);
      assert.match(text, /^host\..*10\.0\.0\.1\n.*^host\.paris\..*10\.0\.0\.1$/ms);
      assert.doesNotMatch(text, /lyon/);
      assertVerified(text, "AXFR");
    } finally {
      await program.stop();
      rmSync(folder, { recursive: true });
    }
  });
});

const succeedIn = (cwd: string, command: readonly string[]) => succeedCommand(command, { cwd });

function assertVerified(text: string, message: string): void {
  assert.match(text, /TSIG/, message);
  assert.doesNotMatch(text, /verif|BADSIG|BADKEY|BADTIME|fail/i, message);
}

async function ask(
  tool: string,
  { endpoint: { address, port } }: SecuredListener,
  key: TsigKey | undefined,
  ...rest: readonly string[]
): Promise<string> {
  const command = [tool, `@${address}`, "-p", `${port}`, ...signing(key), ...rest];
  const { stdout, stderr } = await run(command);
  return `${stdout}${stderr}`;
}

async function succeed(
  client: Client,
  server: SecuredListener,
  key: TsigKey,
  ...steps: readonly string[]
): Promise<void> {
  const { status, stderr, stdout } = await update(client, server, key, ...steps);
  assert.equal(status, 0, `${steps[0]}: ${stderr}${stdout}`);
}

/** Expects the client to fail, and to say why. */
async function fail(
  client: Client,
  server: SecuredListener,
  key: TsigKey | undefined,
  why: RegExp,
  ...steps: readonly string[]
): Promise<void> {
  const { status, stderr, stdout } = await update(client, server, key, ...steps);
  assert.notEqual(status, 0, `${steps[0]} was done`);
  assert.match(`${stderr}${stdout}`, why, steps[0]);
}

function update(
  { tool, parameters }: Client,
  { endpoint: { address, port } }: SecuredListener,
  key: TsigKey | undefined,
  ...steps: readonly string[]
): Promise<Finished> {
  const input = [`server ${address} ${port}`, `zone ${origin}`, ...steps, "send", ""].join("\n");
  return run([tool, ...signing(key), ...parameters], { input });
}

function signing(key: TsigKey | undefined): readonly string[] {
  if (key === undefined) return [];
  const secret = Buffer.from(key.secret).toString("base64");
  return ["-y", `${key.algorithm}:${key.name}:${secret}`];
}
