/**
 * Each of the files of `test/fuzz/corpus`: what has once done harm, or is known to, does none.
 * Datagrams go to the codec, to a server that knows the key `paris` and to a link's cache; octets of
 * connections go to listeners, which go on answering.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { suite, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { LinkCache } from "../../src/collector/link/cache.ts";
import { project } from "../../src/collector/projection/project.ts";
import { Site } from "../../src/collector/projection/site.ts";
import { Rcode } from "../../src/dns/constants.ts";
import { FormatError } from "../../src/dns/format.ts";
import { decode } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { recordsOf } from "../../src/dns/record.ts";
import { collectorPrincipal } from "../../src/zone/update/principal.ts";
import { OPEN } from "../collector/fixture.ts";
import { listenSecurely } from "../dnsserver/secure.ts";
import { listenSecured, makeSecured } from "../dnsserver/secured.ts";
import { type Ports, unanswered } from "../support/honest.ts";
import { skipWithout } from "../support/tool.ts";
import { multicastCorpus, ZONE } from "./corpus.ts";
import { type Folder, readCorpus } from "./corpusfile.ts";

/** Milliseconds within which a listener may answer, or end the connection, before it is left alone. */
const ATTENTION = 200;

suite("SEC-20: datagrams of the corpus", () => {
  for (const { file, about, octets } of [...readCorpus("dns"), ...readCorpus("multicast")]) {
    test(`${file}: ${about}`, async () => {
      const server = makeSecured();
      for (const transport of ["udp", "tcp"] as const) {
        for (const answer of await server.ask(octets, transport)) {
          const { isResponse, id, rcode } = decode(answer);
          assert.ok(isResponse && id === octets.readUInt16BE(0));
          assert.notEqual(rcode, Rcode.SERVFAIL);
        }
      }
      const zone = Name.parse(ZONE);
      const site = new Site(zone.child("lan")!, OPEN);
      const cache = new LinkCache({ random: () => 0.5, disputed: () => {} });
      site.caches.add(cache);
      // The first is a whole announcement: a service, its host, its text.
      const [announcement] = multicastCorpus();
      cache.receive(decode(announcement!), { source: "10.0.0.1", family: 4 }, 0);
      try {
        cache.receive(decode(octets, { isLenient: true }), { source: "10.0.0.66", family: 4 }, 0);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
      }
      const { permits } = collectorPrincipal("collector", zone, () => true);
      const published = [...project([site], zone, 0).sets].flatMap(recordsOf);
      assert.ok(published.length > 0, "what is honest is published");
      for (const record of published) {
        assert.ok(permits(record), `${record.name} would be refused, and all else with it`);
      }
    });
  }
});

suite("SEC-20: connections of the corpus", { skip: skipWithout("openssl") }, () => {
  const kinds: Record<
    Exclude<Folder, "dns" | "multicast">,
    (ports: Ports, ca: string) => Socket[]
  > = {
    stream: ({ tcp, tls }, ca) => [plain(tcp), secured(tls, "dot", ca)],
    tls: ({ tls, https }) => [plain(tls), plain(https)],
    http: ({ https }, ca) => [secured(https, "http/1.1", ca)],
    http2: ({ https }, ca) => [secured(https, "h2", ca)],
  };
  for (const [folder, waysOf] of Object.entries(kinds)) {
    test(`of ${folder} leave the listeners answering`, async (t) => {
      await using server = await listenSecured();
      await using secure = await listenSecurely({ handler: server.handler });
      const { certificate: ca } = secure.certificate;
      const ports: Ports = {
        tcp: server.endpoint.port,
        tls: secure.tls.endpoint.port,
        https: secure.https.endpoint.port,
      };
      for (const { file, about, octets } of readCorpus(folder as Folder)) {
        await t.test(`${file}: ${about}`, async () => {
          for (const socket of waysOf(ports, ca)) {
            socket.on("error", () => {});
            socket.write(octets);
            const signal = AbortSignal.timeout(ATTENTION);
            await once(socket.resume(), "close", { signal }).catch(() => {});
            assert.deepEqual(await unanswered({ host: "127.0.0.1", ca, zone: ZONE, ports }), []);
            socket.destroy();
          }
        });
      }
    });
  }
});

function plain(port: number): Socket {
  return connect({ host: "127.0.0.1", port });
}

function secured(port: number, protocol: string, ca: string): Socket {
  return connectTls({ host: "127.0.0.1", port, ca, ALPNProtocols: [protocol] });
}
