import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Class, Type } from "../../src/dns/constants.ts";
import { makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { Rdata, rdata, type Srv } from "../../src/dns/rdata.ts";
import { byPriority } from "../../src/net/client/discovery.ts";
import type { Resolve } from "../../src/net/client/resolver.ts";
import { findUpdateServers } from "../../src/net/client/updateserver.ts";
import { Answers } from "../collector/answers.ts";

const ZONE = Name.parse("z.example.");

async function found(text: string, answers = new Answers(text)): Promise<string[]> {
  const { resolve } = answers;
  const servers = await findUpdateServers({ zone: ZONE, resolve, random: () => 0 });
  return servers.map(({ address, port, tls }) =>
    [address, port, tls ? `TLS to ${tls.serverName}` : "TCP"].join(" "),
  );
}

const HOSTS = `
  one.example. A 192.0.2.1
  one.example. AAAA 2001:db8::1
  two.example. A 192.0.2.2`;

describe("the update server of a zone", () => {
  it("is named by SRV records of the zone, TLS before TCP, with all addresses", async () => {
    const text = `${HOSTS}
      _dns-update._tcp.z.example. SRV 0 0 53 two.example.
      _dns-update-tls._tcp.z.example. SRV 0 0 853 one.example.`;
    assert.deepEqual(await found(text), [
      "2001:db8::1 853 TLS to one.example",
      "192.0.2.1 853 TLS to one.example",
      "192.0.2.2 53 TCP",
    ]);
  });

  it("is the primary named by the SOA if no SRV record leads anywhere", async () => {
    const soa = "z.example. SOA two.example. h.example. 1 7200 3600 86400 10";
    assert.deepEqual(await found(`${HOSTS}\n${soa}`), ["192.0.2.2 53 TCP"]);
    const nowhere = `
      _dns-update._tcp.z.example. SRV 0 0 0 .
      _dns-update-tls._tcp.z.example. SRV 0 0 853 nobody.example.`;
    assert.deepEqual(await found(`${HOSTS}\n${soa}\n${nowhere}`), ["192.0.2.2 53 TCP"]);
  });

  it("is that of the zone that encloses the name", async () => {
    const text = `${HOSTS}\nexample. SOA two.example. h.example. 1 7200 3600 86400 10`;
    assert.deepEqual(await found(text), ["192.0.2.2 53 TCP"]);
  });

  it("is unknown if nobody can be asked, or nobody is named", async () => {
    assert.deepEqual(await found(""), []);
    const answers = new Answers(HOSTS);
    answers.isThere = false;
    assert.deepEqual(await found("", answers), []);
  });

  it("is not a later candidate while it is unknown whether there is an earlier one", async () => {
    const text = `${HOSTS}
      z.example. SOA two.example. h.example. 1 7200 3600 86400 10
      _dns-update._tcp.z.example. SRV 0 0 53 two.example.
      _dns-update-tls._tcp.z.example. SRV 0 0 853 one.example.`;
    for (const unanswered of [1, 2]) {
      const answers = new Answers(text);
      const { resolve } = answers;
      // The path recovers while the questions are being asked.
      const healing: Resolve = async (name, type) => {
        answers.isThere = answers.asked.length >= unanswered;
        return resolve(name, type);
      };
      const find = () => findUpdateServers({ zone: ZONE, resolve: healing, random: () => 0 });
      for (let i = 0; i < unanswered; i++) assert.deepEqual(await find(), []);
      assert.equal((await find())[0]?.tls?.serverName, "one.example");
    }
  });

  it("is not that of a zone further up while it is unknown whether there is a nearer one", async () => {
    const answers = new Answers(
      `${HOSTS}\nexample. SOA two.example. h.example. 1 7200 3600 86400 10`,
    );
    const resolve: Resolve = async (name, type) =>
      name.equals(ZONE) ? undefined : answers.resolve(name, type);
    assert.deepEqual(await findUpdateServers({ zone: ZONE, resolve, random: () => 0 }), []);
  });

  it("comes neither from records without data nor from the SOA of a sibling zone", async () => {
    const answers = new Answers(HOSTS);
    const mname = Name.parse("two.example.");
    const times = { serial: 1, refresh: 7200, retry: 3600, expire: 86_400, minimum: 10 };
    const soa = rdata.soa({ mname, rname: mname, ...times });
    const resolve: Resolve = async (name, type) => {
      if (type === Type.A || type === Type.AAAA) return answers.resolve(name, type);
      const shared = { type, class: Class.IN, ttl: 10 };
      const beside = { ...shared, name: Name.parse("y.example."), rdata: soa };
      const empty = { ...shared, name: ZONE, rdata: new Rdata(type, []) };
      return makeMessage({ answers: type === Type.SOA ? [beside, empty] : [empty] });
    };
    assert.deepEqual(await findUpdateServers({ zone: ZONE, resolve, random: () => 0 }), []);
  });

  it("is at most eight hosts of a kind, at eight addresses of a family each", async () => {
    const addresses = Array.from({ length: 9 }, (_, i) =>
      [`one.example. A 192.0.2.${i}`, `one.example. AAAA 2001:db8::${i}`].join("\n"),
    );
    const services = Array.from(
      { length: 9 },
      (_, i) => `_dns-update._tcp.z.example. SRV ${i} 0 ${i} one.example.`,
    );
    const servers = await found([...addresses, ...services].join("\n"));
    assert.equal(servers.length, 8 * (8 + 8));
    assert.deepEqual(servers.at(-1), "192.0.2.7 7 TCP");
  });

  it("is looked up anew each time", async () => {
    const answers = new Answers(`${HOSTS}\n_dns-update._tcp.z.example. SRV 0 0 53 one.example.`);
    assert.equal((await found("", answers)).length, 2);
    answers.say(`${HOSTS}\n_dns-update._tcp.z.example. SRV 0 0 5300 two.example.`);
    assert.deepEqual(await found("", answers), ["192.0.2.2 5300 TCP"]);
  });
});

describe("SRV records (RFC 2782)", () => {
  const srv = (priority: number, weight: number, port: number): Srv => {
    return { priority, weight, port, target: Name.parse("one.example.") };
  };
  const ports = (services: readonly Srv[], random: () => number) =>
    byPriority(services, random).map(({ port }) => port);

  it("are tried by priority, the lowest first", () => {
    const services = [srv(20, 9, 1), srv(10, 0, 2), srv(30, 0, 3), srv(0, 0, 4)];
    for (const chance of [0, 0.5, 0.999]) {
      assert.deepEqual(
        ports(services, () => chance),
        [4, 2, 1, 3],
      );
    }
  });

  it("are tried at random among equals, in proportion to their weights", () => {
    const services = [srv(0, 1, 1), srv(0, 3, 3), srv(0, 0, 0)];
    const first = new Map<number, number>();
    const steps = 1000;
    for (let i = 0; i < steps; i++) {
      const order = ports(services, () => i / steps);
      assert.deepEqual(order.toSorted(), [0, 1, 3], "each is tried once");
      first.set(order[0]!, (first.get(order[0]!) ?? 0) + 1);
    }
    // Of the numbers 0 to 4, one is for weight 0, one for weight 1, and three for weight 3.
    assert.deepEqual(Object.fromEntries(first), { 0: 200, 1: 200, 3: 600 });
  });
});
