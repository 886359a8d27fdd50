import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { parseConfig } from "../../src/config.ts";
import { Class, Rcode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { openGateway } from "../../src/gateway.ts";
import { makeCertificate } from "../support/certificate.ts";
import { freePort } from "../support/freeport.ts";
import { silentLog } from "../support/log.ts";
import { keepalive, PushClient, reconfirm, subscribe } from "../support/pushclient.ts";
import { skipWithout } from "../support/tool.ts";
import { waitFor } from "../support/wait.ts";

const zone = "bonjour.example";
const SERVICE = `_dns-push-tls._tcp.${zone}.`;

/** A gateway without links, with TLS on a port of its own. */
async function open(listen: object = {}) {
  const { paths, folder } = makeCertificate();
  const ports = [await freePort(), await freePort()] as const;
  const at = (port: number) => [`127.0.0.1:${port}`];
  const config = parseConfig(
    JSON.stringify({
      ...{ zone, links: [], data: folder, reverse: ["1.10.in-addr.arpa"] },
      listen: { dns: at(ports[0]), tls: at(ports[1]), ...paths, ...listen },
    }),
    "g",
    folder,
  );
  const stop = new AbortController();
  const gateway = await openGateway(config, {
    ...{ clock: systemClock, log: silentLog, signal: stop.signal },
  });
  const client = await PushClient.connect({ address: "127.0.0.1", port: ports[1] });
  /** Over the same connection: the data of the answers. */
  const ask = async (owner: string) => {
    const asked = { name: Name.parse(owner), type: Type.SRV, class: Class.IN };
    client.send(encode(makeMessage({ id: 4711, questions: [asked] })));
    const { octets } = await client.response(4711);
    return decode(octets).answers.map(({ rdata: { values } }) => values.map(String).join(" "));
  };
  return {
    ...{ client, ask, port: ports[1] },
    async [Symbol.asyncDispose]() {
      client.destroy();
      stop.abort();
      await gateway.closed;
    },
  };
}

suite("a gateway that pushes changes", { skip: skipWithout("openssl") }, () => {
  const push = "ns1.example.com";

  test("PROXY-30, PROXY-41, PUSH-28: names its server and pushes, for each zone it fills", async () => {
    await using gateway = await open({ push });
    const { client, ask, port } = gateway;
    assert.deepEqual(await ask(SERVICE), [`0 0 ${port} ns1.example.com.`]);
    assert.equal(await client.subscribe(1, SERVICE, Type.SRV), Rcode.NOERROR);
    await waitFor("what is there", () => client.known().length === 1);
    assert.deepEqual(client.known(), [`33 ${SERVICE} 0 0 ${port} ns1.example.com.`]);
    const reverse = `_dns-push-tls._tcp.1.10.in-addr.arpa.`;
    assert.equal(await client.subscribe(2, reverse, Type.ANY), Rcode.NOERROR);
    await waitFor("that of the reverse zone", () => client.known().length === 2);
  });

  test("PROXY-41: without `push` names no server, and answers sessions NOTIMP", async () => {
    await using gateway = await open();
    const { client, ask } = gateway;
    assert.deepEqual(await ask(SERVICE), []);
    client.send(keepalive(1, 15_000, 3_600_000));
    assert.equal((await client.response(1)).rcode, Rcode.NOTIMP);
    client.send(subscribe(2, SERVICE, Type.SRV));
    assert.equal((await client.response(2)).rcode, Rcode.NOTIMP);
  });

  test("goes on after a RECONFIRM of a record that no link has announced", async () => {
    await using gateway = await open({ push });
    const { client, port } = gateway;
    client.send(keepalive(1, 15_000, 3_600_000));
    const data = Buffer.from([0, 0, 0, 0, port >> 8, port & 255]);
    const target = Buffer.from(Name.parse(push).wire, "latin1");
    client.send(reconfirm(SERVICE, Type.SRV, Buffer.concat([data, target])));
    client.send(keepalive(2, 15_000, 3_600_000));
    assert.equal((await client.response(2)).rcode, Rcode.NOERROR);
  });
});
