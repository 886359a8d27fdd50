/** Dynamic update by its real clients: BIND's nsupdate and Knot's knsupdate, by UDP and TCP. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Type } from "../../src/dns/constants.ts";
import type { TsigKey } from "../../src/dns/tsig.ts";
import { name, origin } from "../dnsserver/fixture.ts";
import { listenSecured, operators, type SecuredListener } from "../dnsserver/secured.ts";
import { type Finished, run } from "../support/process.ts";
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
  });
}

async function succeed(
  client: Client,
  server: SecuredListener,
  key: TsigKey,
  ...steps: readonly string[]
): Promise<void> {
  const { status, stderr, stdout } = await update(client, server, key, ...steps);
  assert.equal(status, 0, `${stderr}${stdout}`);
}

function update(
  { tool, parameters }: Client,
  { endpoint: { address, port } }: SecuredListener,
  key: TsigKey | undefined,
  ...steps: readonly string[]
): Promise<Finished> {
  const secret = key && Buffer.from(key.secret).toString("base64");
  const signing = key === undefined ? [] : ["-y", `${key.algorithm}:${key.name}:${secret}`];
  const input = [`server ${address} ${port}`, `zone ${origin}`, ...steps, "send", ""].join("\n");
  return run([tool, ...signing, ...parameters], { input });
}
