/** A gateway and its links: a LAN in memory, on a test's clock, and questions by UDP. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { parseConfig } from "../../src/config.ts";
import { Class, Opcode, Rcode, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { formatEndpoint } from "../../src/dns/endpoint.ts";
import { decode, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { openGateway } from "../../src/gateway.ts";
import { ask } from "../../src/net/client/exchange.ts";
import { PersistentConnection } from "../../src/net/client/persistent.ts";
import { Device } from "../collector/device.ts";
import { local, records, service } from "../collector/fixture.ts";
import { FakeClock } from "../support/clock.ts";
import { freePort } from "../support/freeport.ts";
import { temporaryFolder } from "../support/gateway.ts";
import { Lan, LanWatch } from "../support/lan.ts";
import { silentLog } from "../support/log.ts";
import { DEADLINE, waitFor } from "../support/wait.ts";

const ZONE = "z.example.";
const secret = Buffer.alloc(32, 7).toString("base64");

/** Two links, eth0 and eth1. */
async function open(settings: object) {
  const clock = new FakeClock();
  const lans = [new Lan(clock), new Lan(clock)];
  const hosts = lans.map((lan, i) => lan.host(`eth${i}`, `10.${i + 1}.0.250`));
  const links = new LanWatch(...hosts);
  const server = { address: "127.0.0.1", port: await freePort() };
  const folder = temporaryFolder();
  const all = { zone: ZONE, data: folder, listen: { dns: [formatEndpoint(server)] }, ...settings };
  const config = parseConfig(JSON.stringify(all), "g", folder);
  const stop = new AbortController();
  const gateway = await openGateway(config, {
    ...{ clock, log: silentLog, signal: stop.signal, links },
  });
  const answerTo = (owner: string, type: number) => {
    const question = { name: Name.parse(owner, config.zone), type, class: Class.IN };
    return ask(server, makeMessage({ questions: [question] }), {
      clock: systemClock,
      timeout: DEADLINE,
    });
  };
  /** The data at a name, sorted. */
  const found = async (owner: string, type: number = Type.PTR) => {
    const { answers } = await answerTo(owner, type);
    return answers.map(({ rdata }) => `${rdata.values}`).sort();
  };
  /** Lets time pass until `condition` holds. */
  const until = (what: string, condition: () => Promise<boolean>) =>
    waitFor(what, async () => {
      await clock.elapse(20);
      return condition();
    });
  const close = () => {
    stop.abort();
    return gateway.closed;
  };
  const shared = { config, server, found, answerTo, until };
  return { ...{ clock, lans, hosts, links }, ...shared, [Symbol.asyncDispose]: close };
}

suite("the links of a gateway", () => {
  for (const refresh of ["unicast", "multicast"]) {
    test(`are sent refresh questions by ${refresh} if so configured`, async () => {
      await using office = await open({ refresh });
      const { clock, lans } = office;
      const text = service("a", "_ipp._tcp", "h", "10.1.0.3");
      const device = new Device(lans[0]!, "10.1.0.3", text);
      device.announce();
      await clock.elapse(80_000);
      device.host.record();
      await clock.elapse(100_000);
      const asked = device.host.heard.filter(({ message }) =>
        message.questions.some(({ name, type }) => name.equals(local("h")) && type === Type.A),
      );
      assert.ok(asked.length > 0);
      assert.ok(asked.every(({ isUnicast }) => isUnicast === (refresh === "unicast")));
    });
  }

  test("are sites named by the configuration or the interface, listed as `enumerate` says", async () => {
    const reverse = ["1.10.in-addr.arpa", "2.10.in-addr.arpa"];
    const links = [{ interface: "eth0", site: "paris" }, { interface: "eth1" }];
    for (const [enumerate, at, atHome] of [
      ["sites", [`eth1.${ZONE}`, `paris.${ZONE}`], [`eth1.${ZONE}`]],
      ["merged", [ZONE], [ZONE]],
    ] as const) {
      await using office = await open({ enumerate, reverse, links });
      const lb = "lb._dns-sd._udp";
      await office.until("both sites", async () => {
        const told = await Promise.all([office.found(`${lb}.eth1`), office.found(`${lb}.paris`)]);
        return told.flat().length === 2;
      });
      const home = `${lb}.0.0.2.10.in-addr.arpa.`;
      await office.until("the subnet", async () => (await office.found(home)).length > 0);
      assert.deepEqual(await office.found(home), atHome);
      await office.until("the list", async () => (await office.found(lb)).length === at.length);
      assert.deepEqual(await office.found(lb), at);
    }
  });

  test("keep their records published for the grace after they have gone", async () => {
    await using office = await open({ grace: 60 });
    const { clock, lans, hosts, links } = office;
    const count = async (site: string) => (await office.found(`_ipp._tcp.${site}`)).length;
    new Device(lans[0]!, "10.1.0.3", service("a", "_ipp._tcp", "h", "10.1.0.3")).announce();
    await office.until("a service", async () => (await count("eth0")) > 0);
    links.unplug(hosts[0]!);
    await clock.elapse(20_000);
    // This is published after everything that the unplugging has caused.
    new Device(lans[1]!, "10.2.0.3", service("b", "_ipp._tcp", "h", "10.2.0.3")).announce();
    await office.until("another", async () => (await count("eth1")) > 0);
    assert.equal(await count("eth0"), 1);
    await clock.elapse(40_000);
    await office.until("its end", async () => (await count("eth0")) === 0);
  });

  test("are asked on demand until a link or the zone has the answer", async () => {
    const links = [{ interface: "eth0", site: "paris", onDemand: true }];
    const keys = { admin: { secret } };
    const reverse = ["1.10.in-addr.arpa"];
    await using office = await open({ links, keys, reverse });
    const { clock, lans, config, server } = office;
    const device = new Device(lans[0]!, "10.1.0.3", "!pc A 10.1.0.3");
    device.host.record();
    await clock.elapse(1000);
    const isAsked = (label: string) =>
      device.host.heard.some(({ message }) =>
        message.questions.some(({ name, type }) => name.equals(local(label)) && type === Type.A),
      );
    // Over UDP the question would be retried; on a clock that stands still nothing times out.
    const connection = new PersistentConnection({
      locate: async () => [server],
      clock: new FakeClock(),
    });
    const asking = async (label: string) => {
      const name = Name.parse(`${label}.paris`, config.zone);
      const questions = [{ name, type: Type.A, class: Class.IN }];
      const octets = connection.ask((id) => encode(makeMessage({ id, questions })));
      await office.until("the question", async () => isAsked(label));
      return { name, answers: octets.then((bytes) => decode(bytes).answers.length) };
    };
    const heard = await asking("pc");
    await clock.elapse(100);
    assert.equal(await heard.answers, 1);
    const told = await asking("mac");
    const [record] = records("mac A 10.1.0.9");
    const { name } = told;
    const update = makeMessage({
      ...{ opcode: Opcode.UPDATE, authorities: [{ ...record!, name }] },
      questions: [{ name: config.zone, type: Type.SOA, class: Class.IN }],
    });
    const key = config.keys.get("admin")!;
    const { rcode } = await ask(server, update, { clock, key });
    assert.equal(rcode, Rcode.NOERROR);
    assert.equal(await told.answers, 1);
    connection.close();
  });
});
