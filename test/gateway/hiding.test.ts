/** A gateway restarted with another policy: what the new policy hides is never served. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { FarZone } from "../../src/collector/publishing/farzone.ts";
import { parseConfig } from "../../src/config.ts";
import { Class, Rcode, Type } from "../../src/dns/constants.ts";
import { formatEndpoint } from "../../src/dns/endpoint.ts";
import { makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { soaOf } from "../../src/dns/rdata.ts";
import type { RecordSet } from "../../src/dns/record.ts";
import { recordsOf } from "../../src/dns/record.ts";
import { hide } from "../../src/gateway/hiding.ts";
import { nearZones } from "../../src/gateway/publishing.ts";
import { openGateway } from "../../src/gateway.ts";
import { ask } from "../../src/net/client/exchange.ts";
import { PersistentConnection } from "../../src/net/client/persistent.ts";
import { collectorPrincipal } from "../../src/zone/update/principal.ts";
import { Zone } from "../../src/zone/zone.ts";
import { Device } from "../collector/device.ts";
import { lines, service } from "../collector/fixture.ts";
import { openRegistrar, SITE } from "../dnsserver/registering.ts";
import { FakeClock } from "../support/clock.ts";
import { freePort } from "../support/freeport.ts";
import { temporaryFolder } from "../support/gateway.ts";
import { Lan, LanWatch } from "../support/lan.ts";
import { silentLog } from "../support/log.ts";
import { host, service as registered } from "../support/requester.ts";
import { DEADLINE, waitFor } from "../support/wait.ts";
import { sets, zoneOf } from "../zone/fixture.ts";

const ZONE = Name.parse("z.example.");
const REVERSE = Name.parse("1.10.in-addr.arpa.");

/** A LAN and a folder that outlast each gateway. */
class Machine {
  readonly clock = new FakeClock();
  readonly lan = new Lan(this.clock);
  readonly #folder = temporaryFolder();
  readonly #port = freePort();

  /** Without `isPlugged` the gateway has no link. */
  async start(policy: object, isPlugged = true) {
    const { clock, lan } = this;
    const server = { address: "127.0.0.1", port: await this.#port };
    const settings = {
      ...{ zone: ZONE.toString(), reverse: [REVERSE.toString()], data: this.#folder, policy },
      links: [{ interface: "eth0", site: "paris" }],
      listen: { dns: [formatEndpoint(server)] },
    };
    const stop = new AbortController();
    const gateway = await openGateway(parseConfig(JSON.stringify(settings), "g", this.#folder), {
      ...{ clock, log: silentLog, signal: stop.signal },
      links: new LanWatch(...(isPlugged ? [lan.host("eth0", "10.1.0.250")] : [])),
    });
    const end = () => {
      stop.abort();
      return gateway.closed;
    };
    /** How many records the answer has. */
    const count = async (owner: string, type: number) => {
      const questions = [{ name: Name.parse(owner, ZONE), type, class: Class.IN }];
      const asking = { clock: systemClock, timeout: DEADLINE };
      return (await ask(server, makeMessage({ questions }), asking)).answers.length;
    };
    /** All records of a zone, one a line, and its serial. */
    const copy = async (origin: Name) => {
      // On this clock nothing times out.
      const still = new FakeClock();
      const locate = async () => [server];
      const connection = new PersistentConnection({ locate, clock: still });
      const reading = new FarZone({ origin, connection, clock: still }).readBack();
      let isRead = false;
      const note = () => {
        isRead = true;
      };
      reading.then(note, note);
      // Transfers take turns on the gateway's clock, though no time passes.
      await waitFor("a transfer", async () => {
        await clock.elapse(0);
        return isRead;
      });
      const sets = await reading;
      connection.close();
      assert.ok(typeof sets !== "number");
      const { serial } = soaOf(sets.set(origin, Type.SOA)!.rdatas[0]!);
      return { serial, lines: lines([...sets].filter(({ type }) => type !== Type.SOA)) };
    };
    return { count, copy, [Symbol.asyncDispose]: end };
  }
}

/** What reveals the hidden service or its host. */
const DENIED = /\b(Juliet|pc|_presence)\b/;

suite("a restarted gateway", () => {
  test("with a stricter policy hides its targets from the first answer on, and nothing else", async () => {
    const machine = new Machine();
    const { clock, lan } = machine;
    const plug = (last: number, instance: string, type: string, host: string, text = "") => {
      const said = service(instance, type, host, `10.1.0.${last}`);
      const listed = `_services._dns-sd._udp 4500 PTR ${type}\n${said}`;
      new Device(lan, `10.1.0.${last}`, listed.replace('"txtvers=1"', `"txtvers=1"${text}`));
    };
    plug(10, "Laser", "_ipp._tcp", "printer", ' "UUID=4509"');
    plug(20, "Juliet", "_presence._tcp", "pc");
    plug(30, "Cellar", "_ipp._tcp", "cellar");
    const origins = [ZONE, REVERSE] as const;
    const before = await (async () => {
      await using gateway = await machine.start({});
      await waitFor("all three", async () => {
        await clock.elapse(1000);
        const [printers, hosts] = await Promise.all(origins.map(gateway.copy));
        const listed = printers!.lines.filter((line) => /^_[a-z]+\._tcp\.z\.example\./.test(line));
        return (
          listed.length === 3 &&
          hosts!.lines.filter((line) => /^\d+\.0\.1\.10\./.test(line)).length === 3
        );
      });
      return await Promise.all(origins.map(gateway.copy));
    })();

    const policy = {
      rules: [{ deny: "chat" }],
      text: [{ type: "printers", drop: "UUID" }],
      addresses: [{ from: "10.1.0.30", to: "10.1.200.30" }],
    };
    const wanted = (text: readonly string[]) => {
      const left = text.filter((line) => !DENIED.test(line) && !/^30\.0\.1\.10/.test(line));
      return left.map((line) =>
        line.replace(' "UUID=4509"', "").replace("10.1.0.30", "10.1.200.30"),
      );
    };
    const after = await (async () => {
      await using gateway = await machine.start(policy, false);
      assert.equal(await gateway.count("_presence._tcp", Type.PTR), 0);
      assert.equal(await gateway.count("Juliet._presence._tcp.paris", Type.SRV), 0);
      assert.equal(await gateway.count("pc.paris", Type.A), 0);
      assert.equal(await gateway.count("_ipp._tcp", Type.PTR), 2);
      return await Promise.all(origins.map(gateway.copy));
    })();
    for (const [i, { serial, lines }] of after.entries()) {
      assert.deepEqual(lines, wanted(before[i]!.lines).sort());
      assert.ok(before[i]!.lines.some((line) => DENIED.test(line)));
      // One change for all of it.
      assert.equal(serial, before[i]!.serial + 1);
    }

    // With the same policy again there is nothing to hide, and what is heard changes nothing.
    await using gateway = await machine.start(policy);
    const first = await Promise.all(origins.map(gateway.copy));
    assert.deepEqual(first, after);
    await waitFor("what the links say", async () => {
      await clock.elapse(1000);
      return (await gateway.copy(REVERSE)).lines.some((line) => /^30\.200\.1\.10/.test(line));
    });
    await clock.elapse(40_000);
    assert.deepEqual(await gateway.copy(ZONE), after[0]);
  });
});

suite("hiding records that others hold", () => {
  const policyOf = (policy: object) => parseConfig(JSON.stringify({ policy }), "g", "/").policy;

  test("leaves them, for hiding them is up to the policy of the others", async () => {
    const zone = zoneOf("");
    const [near] = nearZones([zone]);
    const lab = sets("lab._ssh._tcp.paris SRV 0 0 22 h.paris\nh.paris A 10.1.0.9");
    const own = sets("own._ssh._tcp.paris SRV 0 0 22 pc.paris\npc.paris A 10.1.0.20");
    const updateOf = (records: readonly RecordSet[]) => ({
      ...{ zone: zone.origin, prerequisites: [], updates: records.flatMap(recordsOf), lease: 300 },
    });
    await near!.publish(updateOf([...lab, ...own]));
    const other = collectorPrincipal("other", zone.origin, () => true);
    await zone.apply(updateOf(lab), other);
    await hide([zone], policyOf({ rules: [{ deny: "_ssh._tcp" }] }), new FakeClock());
    const holdersOf = ({ name, rdatas }: RecordSet) => zone.holders({ name, rdata: rdatas[0]! });
    assert.deepEqual(lab.map(holdersOf), [["other"], ["other"]]);
    assert.ok(own.every(({ name, type }) => zone.current.set(name, type) === undefined));
  });

  test("removes those of a device registered here, which keeps its name and leases", async () => {
    const { register, device, known, zone, clock } = openRegistrar();
    const lamp = `lamp.${SITE}`;
    const web = registered(`Lamp._http._tcp.${SITE}`, lamp, 80, "UUID=7", "a=1");
    const shell = registered(`Lamp._ssh._tcp.${SITE}`, lamp, 22);
    const update = [...host(lamp, device.key, "10.1.0.9"), ...web, ...shell];
    assert.equal(await register(update, { lease: { lease: 600, keyLease: 3600 } }), "NOERROR");
    const before = known();
    await clock.elapse(100_000);
    await hide([zone], policyOf({}), clock);
    assert.deepEqual(known(), before);
    const policy = {
      rules: [{ deny: "_ssh._tcp", site: "devices" }],
      text: [{ type: "_http._tcp", drop: ["UUID"] }],
    };
    await hide([zone], policyOf(policy), clock);
    const left = before
      .filter((line) => !line.includes("_ssh") || line.includes(" KEY "))
      .map((line) => line.replace('"UUID=7" ', ""));
    assert.deepEqual(known().sort(), left.sort());
    await clock.elapse(499_999);
    assert.deepEqual(known().sort(), left);
    await clock.elapse(1);
    assert.ok(known().every((line) => line.includes(" KEY ")));
  });

  /** A zone with a service to hide, and one whose text gets longer. */
  const published = async (zone: Zone) => {
    const own = sets(`
      own._ssh._tcp.paris SRV 0 0 22 pc.paris
      pc.paris A 10.1.0.20
      web._http._tcp.paris SRV 0 0 80 web.paris
      web._http._tcp.paris TXT "a"
      web.paris A 10.1.0.21`);
    const updates = own.flatMap(recordsOf);
    const update = { zone: zone.origin, prerequisites: [], updates, lease: 300 };
    assert.equal(await nearZones([zone])[0]!.publish(update), Rcode.NOERROR);
    return (owner: string, type: number) => zone.current.set(Name.parse(owner, ZONE), type);
  };
  const long = "y".repeat(250);
  const strict = policyOf({
    rules: [{ deny: "_ssh._tcp" }],
    text: [{ type: "_http._tcp", set: Object.fromEntries([..."abcdefgh"].map((k) => [k, long])) }],
  });

  test("removes them even if the zone has no room for what others would become", async () => {
    const zone = zoneOf("", { capacity: 7 });
    const at = await published(zone);
    await hide([zone], strict, new FakeClock());
    assert.equal(at("own._ssh._tcp.paris", Type.SRV), undefined);
    assert.equal(at("pc.paris", Type.A), undefined);
    assert.ok(at("web._http._tcp.paris", Type.SRV));
  });

  test("fails if they cannot be removed, so that nobody is told of them", async () => {
    let isFull = false;
    const append = async () => {
      if (isFull) throw new Error("ENOSPC");
    };
    const store = { append, kept: () => {}, close: async () => {} };
    const clock = new FakeClock();
    const zone = new Zone({ origin: ZONE, records: zoneOf("").current.sets(), clock }, store);
    const at = await published(zone);
    isFull = true;
    await assert.rejects(
      hide([zone], strict, clock),
      /policy hides cannot be removed from z\.example/,
    );
    assert.ok(at("own._ssh._tcp.paris", Type.SRV));
    // Nothing is to be written if nothing is to be hidden.
    await hide([zone], policyOf({}), clock);
  });

  test("removes the reverse names of such a device, if nothing of its host is left", async () => {
    const open = openRegistrar({ reverse: ["1.10.in-addr.arpa."] });
    const { register, device, reversed, zone, reverse, clock } = open;
    for (const [name, type, address] of [
      ["lamp", "_http._tcp", "10.1.0.9"],
      ["shell", "_ssh._tcp", "10.1.0.8"],
    ] as const) {
      const at = `${name}.${SITE}`;
      const services = registered(`${name}.${type}.${SITE}`, at, 80);
      assert.equal(await register([...host(at, device.key, address), ...services]), "NOERROR");
    }
    assert.equal(reversed().length, 2);
    await hide([zone, ...reverse], policyOf({ rules: [{ deny: "_ssh._tcp" }] }), clock);
    assert.deepEqual(reversed(), ["9.0.1.10.in-addr.arpa. lamp.devices"]);
  });
});
