/** Which server a command asks, about which zone, and how. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { chooseServer, reachableOf, readOptions } from "../../src/cli/server.ts";
import { Class, Type } from "../../src/dns/constants.ts";
import { UDP_SIZE } from "../../src/dns/edns.ts";
import { encode } from "../../src/dns/encode.ts";
import { formatEndpoint, parseEndpoint } from "../../src/dns/endpoint.ts";
import { decode, type Message, makeResponse } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { temporaryFolder } from "../support/gateway.ts";

test("a command asks the server that is given, or the one here, or the one published to", () => {
  const config = join(temporaryFolder(), "gateway.yaml");
  const serverOf = (text: string, server?: string) => {
    writeFileSync(config, `zone: z.example\nlinks: []\n${text}`);
    const { address } = readOptions({ config, ...(server !== undefined && { server }) });
    return address && formatEndpoint(address);
  };
  const cases = {
    'listen: { dns: ["0.0.0.0:530", "192.0.2.1:53"] }': "127.0.0.1:530",
    'listen: { dns: ["[::]:530"] }': "[::1]:530",
    'listen: { dns: ["192.0.2.1:53"] }': "192.0.2.1:53",
    "publish: { server: 192.0.2.3 }": "192.0.2.3:53",
    "publish: { server: 'ns1.example.com' }": undefined,
    "publish: {}": undefined,
    'listen: { dns: ["192.0.2.1:53"] }\npublish: { server: 192.0.2.3 }': "192.0.2.1:53",
  };
  for (const [text, server] of Object.entries(cases)) assert.equal(serverOf(text), server, text);
  assert.equal(serverOf("publish: { server: 192.0.2.3 }", "192.0.2.9"), "192.0.2.9:53");
  assert.equal(`${readOptions({ config }).domain}`, "z.example.");
  assert.equal(`${readOptions({ config, domain: "y.example" }).domain}`, "y.example.");
});

test("a command asks the one here at another address than [::] on a host without IPv6, if it can", () => {
  const listen = ["[::]:53", "0.0.0.0:530", "192.0.2.1:53"].map((text) => parseEndpoint(text, 53)!);
  assert.equal(formatEndpoint(reachableOf(listen, false)), "127.0.0.1:530");
  assert.equal(formatEndpoint(reachableOf(listen, true)), "[::1]:53");
  assert.equal(formatEndpoint(reachableOf(listen.slice(0, 1), false)), "[::1]:53");
});

test("a question sets RD, offers EDNS with its UDP size, and asks for no signatures", async () => {
  const asked: Message[] = [];
  const server = createSocket("udp4", (octets, { port, address }) => {
    asked.push(decode(octets));
    server.send(encode(makeResponse(decode(octets), {})), port, address);
  });
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  const { ask } = chooseServer({ server: `127.0.0.1:${server.address().port}` });
  await ask(Name.parse("z.example"), Type.SOA);
  server.close();
  const [{ recursionDesired, edns, questions }] = asked as [Message];
  assert.deepEqual([recursionDesired, edns?.udpSize, edns?.dnssecOk], [true, UDP_SIZE, false]);
  assert.deepEqual(questions, [{ name: Name.parse("z.example"), type: Type.SOA, class: Class.IN }]);
});
