/** `browse`: what it lists, and what it leaves to other servers. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { Rcode } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, makeResponse } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { recordsOf } from "../../src/dns/record.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { MAIN } from "../support/gateway.ts";
import { run } from "../support/process.ts";
import { Serving } from "../support/serving.ts";

const ZONE = "z.example.";

test("a service in another domain, or on a host of another zone, is listed with the others", async () => {
  await using server = await Serving.start({ zone: ZONE, readers: {} });
  const sets = parseMasterFile(
    `$TTL 10
@ SOA ns h 1 1 1 1 1
@ NS ns
_services._dns-sd._udp PTR _http._tcp
_services._dns-sd._udp PTR _ipp._tcp.other.example.
_color._sub._http._tcp PTR Nas._http._tcp.paris
_http._tcp PTR Nas._http._tcp.paris
_http._tcp PTR Wiki._http._tcp
_http._tcp PTR Far._http._tcp.other.example.
_http._tcp PTR Lab._http._tcp.there
_http._tcp PTR Near._http._tcp.local.
_http._tcp PTR odd.
Nas._http._tcp.paris SRV 0 0 80 store.paris
store.paris CNAME nas.paris
Nas._http._tcp.paris TXT ""
nas.paris A 10.1.0.10
nas.paris AAAA 2001:db8::10
Wiki._http._tcp SRV 0 0 80 wiki.other.example.
Wiki._http._tcp SRV 0 0 81 round
round CNAME about
about CNAME round
there NS ns.other.example.
`,
    { origin: Name.parse(ZONE) },
  );
  await server.update(sets.filter(({ name }) => name.labels.length > 2).flatMap(recordsOf));
  const browse = async (...words: string[]) => {
    const where = ["--domain", "z.example", "--server", `127.0.0.1:${server.endpoint.port}`];
    const { status, stdout, stderr } = await run([
      process.execPath,
      MAIN,
      "browse",
      ...where,
      ...words,
    ]);
    return [status, `${stdout}${stderr}`] as const;
  };
  const listed = `Far  (other.example.)
Lab  (there.z.example.)
Near  (local.)
Nas  (paris.z.example.)
    store.paris.z.example.:80
    10.1.0.10, 2001:db8::10
Wiki
    wiki.other.example.:80
    round.z.example.:81
odd.
`;
  // As programs print a type, or a person copies its name.
  const asNamed = ["_http._tcp.z.example.", "_HTTP._tcp.z.example"];
  for (const type of ["_http._tcp", "_http._tcp.", ...asNamed]) {
    const [status, text] = await browse(type);
    assert.equal(text.split("\n").sort().join("\n"), listed.split("\n").sort().join("\n"));
    assert.equal(status, 0);
  }
  for (const type of ["_color._sub._http._tcp", "_color._sub._http._tcp."]) {
    assert.match((await browse(type))[1], /^Nas /);
  }
  assert.deepEqual(await browse(), [0, "     6  _http._tcp\n     0  _ipp._tcp.other.example.\n"]);
  assert.deepEqual(await browse("_ssh._tcp"), [0, "no _ssh._tcp in z.example.\n"]);
  for (const type of ["_http", "http._tcp", "http", "printers", "Nas._http._tcp", "z.example"]) {
    const line = `${type}: is not a service type; expected a service type such as _ipp._tcp\n`;
    assert.deepEqual(await browse(type), [1, line]);
  }
  for (const type of ["_http._tcp.local", "_http._tcp.local."]) {
    assert.match((await browse(type))[1], /: is a name on a link; expected a service type/);
  }
  assert.deepEqual(await browse("--domain", "paris.z.example"), [
    0,
    "no services in paris.z.example.\n",
  ]);
  const [status, text] = await browse("_http._tcp.other.example.");
  assert.equal(status, 1);
  assert.match(text, /answers REFUSED for _http\._tcp\.other\.example\.; expected a server of/);
  const [, elsewhere] = await browse("--domain", "there.z.example");
  assert.match(
    elsewhere,
    /answers with a referral for .*; expected a server of there\.z\.example\./,
  );
});

test("an empty answer counts even from a server that has neither AA nor RA set", async () => {
  for (const rcode of [Rcode.NOERROR, Rcode.NXDOMAIN]) {
    const server = createSocket("udp4", (octets, { port, address }) => {
      server.send(encode(makeResponse(decode(octets), { rcode })), port, address);
    });
    server.bind(0, "127.0.0.1");
    await once(server, "listening");
    const where = ["--domain", "z.example", "--server", `127.0.0.1:${server.address().port}`];
    const { status, stdout, stderr } = await run([process.execPath, MAIN, "browse", ...where]);
    server.close();
    assert.deepEqual([status, `${stdout}`, stderr], [0, "no services in z.example.\n", ""]);
  }
});
