/** Devices that register themselves: the Service Registration Protocol (RFC 9665), by SIG(0) (RFC 2931). */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Class, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { HEADER_LENGTH, type Message } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { Rdata, rdata } from "../../src/dns/rdata.ts";
import { Writer } from "../../src/dns/writer.ts";
import { MAX_WAITING } from "../../src/net/server/udp.ts";
import { holderPrincipal, operatorPrincipal } from "../../src/zone/update/principal.ts";
import {
  LEASE,
  makeZone,
  openRegistrar,
  registrarOf,
  type Settings,
  SITE,
  type Wish,
  ZONE,
} from "../dnsserver/registering.ts";
import { FakeClock } from "../support/clock.ts";
import {
  add,
  appendSig0,
  clear,
  host,
  pointer,
  Requester,
  registering,
  remove,
  service,
} from "../support/requester.ts";
import { waitFor } from "../support/wait.ts";

const HOST = `lamp.${SITE}`;
const TYPE = `_ipp._tcp.${SITE}`;
const ONE = `One._ipp._tcp.${SITE}`;
const TWO = `Two._ipp._tcp.${SITE}`;
const COLOR = `_color._sub._ipp._tcp.${SITE}`;

const LAMP = ["lamp.devices A 10.1.0.9", "lamp.devices KEY …"];
const TYPES = [
  "_services._dns-sd._udp PTR _ipp._tcp",
  "_services._dns-sd._udp.devices PTR _ipp._tcp.devices",
];
const listing = (instance: string) => [
  `_ipp._tcp PTR ${instance}._ipp._tcp.devices`,
  `_ipp._tcp.devices PTR ${instance}._ipp._tcp.devices`,
];
const describing = (instance: string, port = 631, text = '"txtvers=1"') => [
  `${instance}._ipp._tcp.devices TXT ${text}`,
  `${instance}._ipp._tcp.devices KEY …`,
  `${instance}._ipp._tcp.devices SRV 0 0 ${port} lamp.devices`,
];

const sorted = (...lines: readonly (string | readonly string[])[]) => lines.flat().sort();

suite("an SRP Update", () => {
  test("SRP-08, SRP-16: publishes a device in its site and in the list of all, at once", async () => {
    const { register, granted, known, device } = openRegistrar();
    const update = [...host(HOST, device.key, "10.1.0.9"), ...service(ONE, HOST, 631, "txtvers=1")];
    assert.deepEqual(await granted(update), { lease: 7200, keyLease: 86_400 });
    const all = sorted(LAMP, TYPES, listing("One"), describing("One"));
    assert.deepEqual(known().sort(), all);
    // The KEY of a service may be stated too.
    assert.equal(await register([...update, add(ONE, device.key)]), "NOERROR");
    assert.deepEqual(known().sort(), all);
  });

  test("raises the serial for what is new, and not for a refresh", async () => {
    const { register, zone, device } = openRegistrar();
    const update = [...host(HOST, device.key, "10.1.0.9"), ...service(ONE, HOST, 631, "a=1")];
    await register(update);
    const { serial } = zone.current;
    await register(update);
    assert.equal(zone.current.serial, serial);
    await register([...host(HOST, device.key, "10.1.0.9"), ...service(ONE, HOST, 631, "a=2")]);
    assert.equal(zone.current.serial, serial + 1);
  });

  test("SRP-01: describes one host, which has one KEY and addresses", async () => {
    const { register, device, known, lines } = openRegistrar();
    const other = new Requester();
    const lamp = host(HOST, device.key, "10.1.0.9");
    for (const update of [
      [],
      service(ONE, HOST),
      [...lamp, ...host(`second.${SITE}`, device.key, "10.1.0.10")],
      [...lamp, clear(HOST)],
      [...lamp, ...lamp],
      lamp.slice(1),
      [...lamp, add(HOST, other.key)],
      [...lamp, add(HOST, rdata.txt("nothing of a host"))],
      [clear(HOST), add(HOST, rdata.a("10.1.0.9"))],
      [add(HOST, device.key), clear(HOST), add(HOST, rdata.a("10.1.0.9"))],
      [clear(HOST), add(HOST, device.key)],
      [...lamp, remove(HOST, rdata.a("10.1.0.10"))],
    ]) {
      assert.equal(await register(update), "REFUSED");
    }
    assert.deepEqual(known(), []);
    for (const reason of [
      "it does not describe exactly one host",
      "only some records of a name are removed",
    ]) {
      assert.ok(lines.includes(`a registration was refused: ${reason}`), reason);
    }
    // The KEY is not left out because the host has it already, nor the addresses unless it goes.
    assert.equal(await register(lamp), "NOERROR");
    assert.equal(await register([clear(HOST), add(HOST, rdata.a("10.1.0.9"))]), "REFUSED");
    const gone = { lease: { lease: 0, keyLease: 0 } };
    assert.equal(await register([clear(HOST), add(HOST, device.key)], gone), "NOERROR");
  });

  test("SRP-02: describes services of that host, with one SRV and at least one TXT", async () => {
    const { register, device, known } = openRegistrar();
    const lamp = host(HOST, device.key, "10.1.0.9");
    const srv = add(ONE, rdata.srv(0, 0, 631, Name.parse(HOST)));
    const text = add(ONE, rdata.txt());
    const list = pointer(TYPE, ONE);
    for (const update of [
      service(ONE, `elsewhere.${SITE}`),
      [list, clear(ONE), srv],
      [list, clear(ONE), text],
      [clear(ONE), text],
      [list, clear(ONE)],
      [list, srv, text],
      [list, clear(ONE), srv, add(ONE, rdata.srv(0, 0, 80, Name.parse(HOST))), text],
      [...service(ONE, HOST), add(ONE, new Requester().key)],
      [...service(ONE, HOST), add(ONE, rdata.a("10.1.0.9"))],
    ]) {
      assert.equal(await register([...lamp, ...update]), "REFUSED");
    }
    assert.deepEqual(known(), []);
    assert.equal(
      await register([...lamp, list, clear(ONE), srv, text, add(ONE, rdata.txt("b"))]),
      "NOERROR",
    );
  });

  test("SRP-03: has PTRs to the services that it describes, at their type", async () => {
    const { register, device, known } = openRegistrar();
    const lamp = host(HOST, device.key, "10.1.0.9");
    for (const pointers of [
      [pointer(TYPE, TWO)],
      [pointer(`_http._tcp.${SITE}`, ONE)],
      [pointer(`printers.${SITE}`, ONE)],
      [pointer(`_services._dns-sd._udp.${SITE}`, TYPE)],
      [remove(TYPE, rdata.ptr(Name.parse(TWO)))],
    ]) {
      assert.equal(await register([...lamp, ...service(ONE, HOST), ...pointers]), "REFUSED");
    }
    const [, ...unlisted] = service(ONE, HOST);
    assert.equal(await register([...lamp, ...unlisted]), "REFUSED");
    assert.equal(await register([...lamp, ...unlisted, pointer(COLOR, ONE)]), "REFUSED");
    assert.deepEqual(known(), []);
    // A PTR may be removed together with its service.
    const going = [remove(TYPE, rdata.ptr(Name.parse(ONE))), clear(ONE)];
    assert.equal(await register([...lamp, ...going]), "NOERROR");
  });

  test("SRP-04: has nothing else: no prerequisite, no other type, no other removal, no other name", async () => {
    const { register, device, known } = openRegistrar();
    const lamp = host(HOST, device.key, "10.1.0.9");
    const free = { ...clear(HOST), class: Class.NONE };
    assert.equal(await register(lamp, { fields: { answers: [free] } }), "REFUSED");
    const mx = new Rdata(Type.MX, [0, Name.parse("mail.example.")]);
    const whole = { ...clear(HOST), type: Type.TXT, rdata: new Rdata(Type.TXT, "") };
    for (const more of [
      add(HOST, mx),
      whole,
      remove(HOST, rdata.a("10.1.0.9")),
      clear(SITE),
      clear(`lamp.${ZONE}`),
      clear("lamp.example."),
    ]) {
      assert.equal(await register([...lamp, more]), "REFUSED");
    }
    // Nor what RFC 2136 §2.5 does not allow: another class, a removal with a TTL or with data.
    for (const more of [
      { ...pointer(COLOR, ONE), class: Class.CH },
      { ...pointer(COLOR, ONE, 0), class: Class.CH },
      { ...remove(COLOR, rdata.ptr(Name.parse(ONE))), ttl: 10 },
      { ...clear(TWO), ttl: 10 },
      { ...clear(TWO), rdata: new Rdata(Type.ANY, "data") },
    ]) {
      assert.equal(await register([...lamp, ...service(ONE, HOST), more]), "REFUSED");
    }
    assert.equal(await register(lamp, { domain: "other.example." }), "REFUSED");
    const questions = [{ name: Name.parse(ZONE), type: Type.SOA, class: Class.CH }];
    assert.equal(await register(lamp, { fields: { questions } }), "REFUSED");
    assert.deepEqual(known(), []);
  });

  test("SRP-05: states its lease, with that of its KEY no shorter", async () => {
    const { register, device, known } = openRegistrar();
    const lamp = host(HOST, device.key, "10.1.0.9");
    assert.equal(await register(lamp, { lease: undefined }), "REFUSED");
    assert.equal(await register(lamp, { lease: { lease: 60, keyLease: 59 } }), "REFUSED");
    assert.deepEqual(known(), []);
    for (const lease of [{ lease: 60 }, { lease: 60, keyLease: 60 }]) {
      assert.equal(await register(lamp, { lease }), "NOERROR");
    }
  });

  test("SRP-06: gets a name only if nobody else had it first", async () => {
    const { register, device, known, zone } = openRegistrar();
    const other = new Requester();
    assert.equal(
      await register([...host(HOST, device.key, "10.1.0.9"), ...service(ONE, HOST)]),
      "NOERROR",
    );
    const before = known();
    assert.equal(await register(host(HOST, other.key, "10.1.0.66"), { by: other }), "YXDOMAIN");
    const rival = `rival.${SITE}`;
    const taking = [...host(rival, other.key, "10.1.0.66"), ...service(ONE, rival)];
    assert.equal(await register(taking, { by: other }), "YXDOMAIN");
    const removing = [
      ...host(rival, other.key, "10.1.0.66"),
      remove(TYPE, rdata.ptr(Name.parse(ONE))),
      clear(ONE),
    ];
    assert.equal(await register(removing, { by: other }), "YXDOMAIN");
    assert.deepEqual(known(), before);
    // Nor a name that is in use without a KEY.
    const static_ = add(`static.${SITE}`, rdata.a("10.1.0.1"));
    await zone.apply(
      { zone: Name.parse(ZONE), prerequisites: [], updates: [static_] },
      operatorPrincipal("operator"),
    );
    assert.equal(await register(host(`static.${SITE}`, device.key, "10.1.0.9")), "YXDOMAIN");
    // Nor keeps one that has got another KEY besides.
    await zone.apply(
      { zone: Name.parse(ZONE), prerequisites: [], updates: [add(HOST, other.key)] },
      holderPrincipal("another"),
    );
    assert.equal(await register(host(HOST, device.key, "10.1.0.9")), "YXDOMAIN");
  });

  test("SRP-06: succeeds for one of two devices that ask for a name at once, one of them twice", async () => {
    const { register, device, known } = openRegistrar();
    const other = new Requester();
    const mine = host(HOST, device.key, "10.1.0.9");
    const rcodes = await Promise.all([
      register(mine),
      register(mine),
      register(host(HOST, other.key, "10.1.0.66"), { by: other }),
    ]);
    const [first, again, rival] = rcodes;
    assert.equal(first, again);
    assert.deepEqual([first, rival].sort(), ["NOERROR", "YXDOMAIN"]);
    assert.equal(known("lamp.devices").length, 2);
  });

  test("SRP-07, TSIG-18: is signed by its own KEY, as a whole, in its last record", async () => {
    const { ask, register, device, known } = openRegistrar();
    const other = new Requester();
    const message = registering(ZONE, host(HOST, device.key, "10.1.0.9"), LEASE);
    const refused = async (bytes: Buffer) => assert.equal((await ask(bytes)).rcode, 5);
    await refused(other.sign(message));
    for (const at of [3, 40, -1]) {
      const signed = device.sign(message);
      const place = at < 0 ? signed.length + at : at;
      signed[place]! ^= 1;
      // A changed header may have another opcode, and is then no registration.
      const answer = await ask(signed).catch(() => undefined);
      assert.notEqual(answer?.rcode, 0);
    }
    const { additionals } = message;
    const sig = new Rdata(Type.SIG, [0, 13, 0, 0, 0, 0, 0, Name.root, new Uint8Array(64)]);
    await refused(appendSig0(encode(message), sig));
    await refused(
      appendSig0(encode({ ...message, additionals }), sig, Name.parse("not.the.root.")),
    );
    await refused(
      encode({
        ...message,
        additionals: [{ ...clear("."), type: Type.SIG, class: Class.ANY, rdata: sig }],
      }),
    );
    // What its KEY did sign, but not as a SIG(0) is: elsewhere, of a type, by another algorithm.
    for (const signing of [
      { owner: Name.parse("not.the.root.") },
      { covered: Type.A },
      { algorithm: 14 },
    ]) {
      await refused(device.sign(message, signing));
    }
    await refused(followed(device, message));
    // A point on no curve, and a KEY of an unknown algorithm.
    for (const algorithm of [13, 200]) {
      const key = new Rdata(Type.KEY, [0, 3, algorithm, new Uint8Array(64).fill(7)]);
      const bad = registering(ZONE, host(HOST, key, "10.1.0.9"), LEASE);
      await refused(device.sign(bad));
    }
    assert.deepEqual(known(), []);
    assert.equal(await register(host(HOST, device.key, "10.1.0.9")), "NOERROR");
  });

  test("TSIG-18, TSIG-19: has one signature, and is refused with several, whichever is its own", async () => {
    const { ask, device, known } = openRegistrar();
    const message = registering(ZONE, host(HOST, device.key, "10.1.0.9"), LEASE);
    const other = new Requester();
    for (const [first, last] of [
      [device, other],
      [other, device],
      [device, device],
    ] as const) {
      assert.equal((await ask(last.sign(first.sign(message)))).rcode, 5);
    }
    assert.deepEqual(known(), []);
  });

  test("TSIG-18: may have its signer's name compressed, which is signed uncompressed", async () => {
    const { ask, device, known } = openRegistrar();
    const update = registering(ZONE, host(HOST, device.key, "10.1.0.9"), LEASE);
    /** Signed for `signer`, whose name is then replaced by a pointer to that of the question. */
    const signed = (signer: string) => {
      const octets = device.sign(update, { signer });
      const { length } = Name.parse(signer).wire;
      const at = octets.lastIndexOf(Buffer.from(Name.parse(signer).wire, "latin1"));
      octets.writeUInt16BE(octets.readUInt16BE(at - 20) - length + 2, at - 20);
      const pointer = Buffer.from([0xc0, HEADER_LENGTH]);
      return Buffer.concat([octets.subarray(0, at), pointer, octets.subarray(at + length)]);
    };
    assert.equal((await ask(signed("another.example."))).rcode, 5);
    assert.deepEqual(known(), []);
    assert.equal((await ask(signed(ZONE))).rcode, 0);
    assert.equal(known().length, 2);
  });

  test("SRP-07, TSIG-18: is refused outside the times of its signature, if it has any", async () => {
    const { register, clock, device } = openRegistrar();
    const now = Math.floor(clock.wall() / 1000);
    const lamp = host(HOST, device.key, "10.1.0.9");
    const at = (inception: number, expiration: number) =>
      register(lamp, { times: { inception: now + inception, expiration: now + expiration } });
    assert.equal(await at(-600, -300), "REFUSED");
    assert.equal(await at(300, 600), "REFUSED");
    assert.equal(await at(-300, 300), "NOERROR");
    // The times wrap around (RFC 2931 §3, RFC 1982).
    clock.steps = (2 ** 32 - 100 - now) * 1000;
    const wrapped = { inception: 2 ** 32 - 400, expiration: 200 };
    assert.equal(await register(lamp, { times: wrapped }), "NOERROR");
    assert.equal(await register(lamp, { times: { inception: 2, expiration: 300 } }), "REFUSED");
  });

  test("SRP-24: may be signed by ECDSA or EdDSA", async () => {
    for (const algorithm of [13, 14, 15, 16] as const) {
      const { register } = openRegistrar();
      const by = new Requester(algorithm);
      assert.equal(await register(host(HOST, by.key, "10.1.0.9"), { by }), "NOERROR");
    }
  });

  test("SRP-09: has its KEY stored as sent", async () => {
    const { register, zone } = openRegistrar();
    const by = new Requester(13, 0x0201);
    await register(host(HOST, by.key, "10.1.0.9"), { by });
    assert.equal(zone.current.set(Name.parse(HOST), Type.KEY)!.rdatas[0]!.values[0], 0x0201);
    // But not one that is flagged as no key, at which BIND would end a transfer.
    const none = new Requester(13, 0xc000);
    const other = host(`other.${SITE}`, none.key, "10.1.0.9");
    assert.equal(await register(other, { by: none }), "REFUSED");
  });

  test("SRP-10: may have a compressed SRV target", async () => {
    const { ask, device, zone } = openRegistrar();
    const plain = registering(
      ZONE,
      [...host(HOST, device.key, "10.1.0.9"), ...service(ONE, HOST)],
      LEASE,
    );
    const octets = encode(plain);
    const target = Buffer.from(Name.parse(HOST).wire, "latin1");
    const first = octets.indexOf(target.subarray(0, 5));
    const spelled = octets.indexOf(target);
    assert.ok(first > 0 && spelled > first, "the target is spelled out");
    // RDLENGTH is eight octets before it, with priority, weight and port in between.
    const writer = new Writer();
    writer.bytes(octets.subarray(0, spelled - 8));
    writer.u16(6 + 2);
    writer.bytes(octets.subarray(spelled - 6, spelled));
    writer.u16(0xc000 | first);
    writer.bytes(octets.subarray(spelled + target.length));
    const answer = await ask(device.sign(writer.done()));
    assert.equal(answer.rcode, 0);
    const [srv] = zone.current.set(Name.parse(ONE), Type.SRV)!.rdatas;
    assert.ok(srv!.equals(rdata.srv(0, 0, 631, Name.parse(HOST))));
  });

  test("SRP-11: lists a service as it says, and no longer as an earlier one said", async () => {
    const { register, device, known } = openRegistrar();
    const lamp = host(HOST, device.key, "10.1.0.9");
    await register([...lamp, ...service(ONE, HOST), pointer(COLOR, ONE)]);
    assert.deepEqual(known("_sub._ipp._tcp.devices"), [
      "_color._sub._ipp._tcp.devices PTR One._ipp._tcp.devices",
    ]);
    assert.equal(known("_sub._ipp._tcp").length, 1);
    await register([...lamp, ...service(ONE, HOST)]);
    assert.deepEqual(known("_color._sub._ipp._tcp.devices"), []);
    assert.deepEqual(known("_color._sub._ipp._tcp"), []);
    assert.equal(known("One._ipp._tcp.devices").length, 3);
  });

  test("SRP-12: without a lease removes the host and all its services, and keeps the names", async () => {
    const { register, device, known, clock } = openRegistrar();
    const lamp = host(HOST, device.key, "10.1.0.9");
    await register([...lamp, ...service(ONE, HOST), ...service(TWO, HOST)]);
    // First as in RFC 9665 §3.2.5.5.1, then as in the drafts before it: with the KEY.
    assert.equal(await register([clear(HOST)], { lease: { lease: 0, keyLease: 3600 } }), "NOERROR");
    const names = [
      "Two._ipp._tcp.devices KEY …",
      "One._ipp._tcp.devices KEY …",
      "lamp.devices KEY …",
    ];
    assert.deepEqual(known().sort(), sorted(names));
    const other = new Requester();
    assert.equal(await register(host(HOST, other.key, "10.1.0.66"), { by: other }), "YXDOMAIN");
    await register([...lamp, ...service(ONE, HOST)]);
    assert.equal(
      await register([clear(HOST), add(HOST, device.key)], { lease: { lease: 0, keyLease: 0 } }),
      "NOERROR",
    );
    assert.deepEqual(known(), ["Two._ipp._tcp.devices KEY …"]);
    await clock.elapse(3600_000);
    assert.deepEqual(known(), []);
    // Nothing is left to remove, and no KEY that could vouch for the request.
    assert.equal(await register([clear(HOST)], { lease: { lease: 0, keyLease: 0 } }), "REFUSED");
    assert.equal(
      await register([clear(HOST), add(HOST, device.key)], { lease: { lease: 0, keyLease: 0 } }),
      "NOERROR",
    );
  });

  test("SRP-13: removes a service and everything that lists it, under whatever name", async () => {
    const { register, device, known } = openRegistrar();
    const lamp = host(HOST, device.key, "10.1.0.9");
    await register([
      ...lamp,
      ...service(ONE, HOST, 631, "txtvers=1"),
      ...service(TWO, HOST),
      pointer(COLOR, TWO),
    ]);
    const going = [remove(TYPE, rdata.ptr(Name.parse(TWO))), clear(TWO)];
    assert.equal(await register([...lamp, ...going]), "NOERROR");
    const left = [LAMP, TYPES, listing("One"), describing("One"), "Two._ipp._tcp.devices KEY …"];
    assert.deepEqual(known().sort(), sorted(...left));
    // With the last of its type, the type leaves the list of types.
    await register([...lamp, clear(ONE)]);
    const names = ["One._ipp._tcp.devices KEY …", "Two._ipp._tcp.devices KEY …"];
    assert.deepEqual(known().sort(), sorted(LAMP, names));
  });

  test("replaces one service by another", async () => {
    const { register, device, known } = openRegistrar();
    const lamp = host(HOST, device.key, "10.1.0.9");
    await register([...lamp, ...service(ONE, HOST)]);
    const removal = remove(TYPE, rdata.ptr(Name.parse(ONE)));
    await register([...lamp, removal, clear(ONE), ...service(TWO, HOST)]);
    assert.deepEqual(
      known("_ipp._tcp.devices").filter((line) => line.includes("PTR")),
      ["_ipp._tcp.devices PTR Two._ipp._tcp.devices"],
    );
    // The same name again, with another port: removal and addition are one.
    await register([
      ...lamp,
      remove(TYPE, rdata.ptr(Name.parse(TWO))),
      ...service(TWO, HOST, 8631),
    ]);
    assert.ok(known().includes("Two._ipp._tcp.devices SRV 0 0 8631 lamp.devices"));
    assert.equal(known("_ipp._tcp").length, 1);
  });
});

suite("a registration", () => {
  test("SRP-14: ends as a whole with its host's lease, and keeps its names as long as the KEY", async () => {
    const { register, device, known, clock } = openRegistrar();
    const lease = { lease: 60, keyLease: 3600 };
    await register(
      [...host(HOST, device.key, "10.1.0.9"), ...service(ONE, HOST), pointer(COLOR, ONE)],
      { lease },
    );
    await clock.elapse(59_999);
    assert.equal(known().length, 2 + 2 + 4 + 3);
    await clock.elapse(1);
    assert.deepEqual(known().sort(), ["One._ipp._tcp.devices KEY …", "lamp.devices KEY …"]);
    await clock.elapse(3_540_000);
    assert.deepEqual(known(), []);
  });

  test("SRP-14: has no service that outlives its host, though registered for longer", async () => {
    const { register, device, known, clock } = openRegistrar();
    const lamp = host(HOST, device.key, "10.1.0.9");
    const web = service(`Lamp._http._tcp.${SITE}`, HOST, 80);
    await register([...lamp, ...service(ONE, HOST), pointer(COLOR, ONE), ...web]);
    await register([...lamp, ...service(TWO, HOST)], { lease: { lease: 60, keyLease: 3600 } });
    assert.equal(known("_ipp._tcp.devices").filter((line) => line.includes("SRV")).length, 2);
    await clock.elapse(60_000);
    assert.deepEqual(
      known().filter((line) => !line.includes("KEY")),
      [],
    );
    // Their names stay its own for as long as was granted.
    await clock.elapse(3_600_000);
    const names = ["Lamp._http._tcp.devices KEY …", "One._ipp._tcp.devices KEY …"];
    assert.deepEqual(known().sort(), names);
  });

  test("SRP-15: loses a service that is no longer mentioned when the service's own lease ends", async () => {
    const { register, device, known, clock } = openRegistrar();
    const lamp = host(HOST, device.key, "10.1.0.9");
    const lease = { lease: 60, keyLease: 3600 };
    await register([...lamp, ...service(ONE, HOST)], { lease });
    await clock.elapse(30_000);
    await register([...lamp, ...service(TWO, HOST)], { lease });
    await clock.elapse(30_000);
    assert.deepEqual(known("_ipp._tcp"), ["_ipp._tcp PTR Two._ipp._tcp.devices"]);
    assert.deepEqual(known("One._ipp._tcp.devices"), ["One._ipp._tcp.devices KEY …"]);
    assert.equal(known("_services._dns-sd._udp").length, 1);
  });

  test("SRP-12: of a device with two hosts loses only what is at the host that is removed", async () => {
    const { register, device, known } = openRegistrar();
    const second = `second.${SITE}`;
    await register([...host(HOST, device.key, "10.1.0.9"), ...service(ONE, HOST)]);
    await register([...host(second, device.key, "10.1.0.10"), ...service(TWO, second)]);
    await register([clear(second)], { lease: { lease: 0, keyLease: 0 } });
    assert.deepEqual(
      known().sort(),
      sorted(LAMP, TYPES, listing("One"), describing("One", 631, '""')),
    );
  });

  test("of a device with two hosts has its type listed as long as either has a service", async () => {
    const { register, device, known, clock } = openRegistrar();
    const second = `second.${SITE}`;
    await register([...host(HOST, device.key, "10.1.0.9"), ...service(ONE, HOST)]);
    await register([...host(second, device.key, "10.1.0.10"), ...service(TWO, second)], {
      lease: { lease: 60, keyLease: 3600 },
    });
    await clock.elapse(60_000);
    assert.deepEqual(known("_ipp._tcp"), ["_ipp._tcp PTR One._ipp._tcp.devices"]);
    assert.equal(known("_services._dns-sd._udp").length, 1);
    await clock.elapse(7_140_000);
    assert.equal(known("_services._dns-sd._udp").length, 0);
  });

  test("SRP-18, SRP-19: has the TTL of the zone, in shared lists too", async () => {
    const { register, device, zone } = openRegistrar();
    const other = new Requester();
    const uneven = [
      ...host(HOST, device.key),
      add(HOST, rdata.a("10.1.0.9"), 10),
      add(HOST, rdata.a("10.1.0.10"), 20),
    ];
    assert.equal(await register(uneven), "REFUSED");
    const listed = (instance: string, at: string, ttl: number) =>
      service(instance, at).map((record) =>
        record.class === Class.IN ? { ...record, ttl } : record,
      );
    assert.equal(
      await register([...host(HOST, device.key, "10.1.0.9"), ...listed(ONE, HOST, 10)]),
      "NOERROR",
    );
    const second = `second.${SITE}`;
    const more = [...host(second, other.key, "10.1.0.10"), ...listed(TWO, second, 86_400)];
    assert.equal(await register(more, { by: other }), "NOERROR");
    for (const { type, ttl } of zone.current) {
      if (type !== Type.SOA && type !== Type.NS) assert.equal(ttl, 10);
    }
  });

  test("SRP-19, SRP-21: is for half a minute to two hours, and its KEY for a fortnight at most", async () => {
    const { granted, device } = openRegistrar();
    const lamp = host(HOST, device.key, "10.1.0.9");
    const asked = (lease: number, keyLease?: number) =>
      granted(lamp, { lease: { lease, ...(keyLease !== undefined && { keyLease }) } });
    assert.deepEqual(await asked(1e6, 1e8), { lease: 7200, keyLease: 1_209_600 });
    assert.deepEqual(await asked(1, 1), { lease: 30, keyLease: 30 });
    assert.deepEqual(await asked(86_400), { lease: 7200 });
    assert.deepEqual(await asked(0, 60), { lease: 0, keyLease: 60 });
    assert.deepEqual(await asked(0, 0), { lease: 0, keyLease: 0 });
  });

  test("SRP-20: is placed beneath the site if its device knows no domain", async () => {
    const { register, device, known } = openRegistrar();
    const lost = "default.service.arpa.";
    const instance = `One._ipp._tcp.${lost}`;
    const update = [
      ...host(`lamp.${lost}`, device.key, "10.1.0.9"),
      ...service(instance, `lamp.${lost}`, 631, "txtvers=1"),
    ];
    assert.equal(await register(update, { domain: lost }), "NOERROR");
    assert.deepEqual(known().sort(), sorted(LAMP, TYPES, listing("One"), describing("One")));
    assert.equal(await register(host(`lamp.${lost}`, device.key, "10.1.0.9")), "REFUSED");
    assert.equal(await register(host(HOST, device.key, "10.1.0.9"), { domain: lost }), "REFUSED");
    // The site's name is accepted in place of the zone's.
    assert.equal(await register(host(HOST, device.key, "10.1.0.9"), { domain: SITE }), "NOERROR");
  });

  test("SRP-20: is refused if a name becomes too long beneath the site", async () => {
    const lost = "default.service.arpa.";
    const registrar = { site: "d".repeat(40), networks: ["10.1.0.0/16"] };
    const { register, device, lines } = openRegistrar({ registrar });
    const label = "x".repeat(63);
    const long = `${label}.${label}.${label}.${"x".repeat(30)}.${lost}`;
    const update = host(long, device.key, "10.1.0.9");
    assert.equal(await register(update, { domain: lost }), "REFUSED");
    assert.deepEqual(lines, ["a registration was refused: a name is too long beneath the site"]);
  });

  test("SRP-16, SRP-17: in a full zone is SERVFAIL, one of the four codes of SRP, and grants nothing", async () => {
    const { register, granted, device, known } = openRegistrar({}, 8);
    const update = [...host(HOST, device.key, "10.1.0.9"), ...service(ONE, HOST)];
    assert.equal(await register(update), "SERVFAIL");
    assert.equal(await granted(update), undefined);
    assert.deepEqual(known(), []);
  });

  test("SRP-22: is accepted only by a connection, and from a network of devices", async () => {
    const { register, device, lines, known } = openRegistrar();
    const lamp = host(HOST, device.key, "10.1.0.9");
    assert.equal(await register(lamp, { transport: "udp" }), "REFUSED");
    assert.equal(await register(lamp, { from: "10.2.0.9" }), "REFUSED");
    assert.deepEqual(known(), []);
    assert.deepEqual(lines, [
      "a registration was refused: it came over UDP",
      "a registration was refused: it is from elsewhere",
    ]);
    assert.equal(await register(lamp, { from: "fd00::9", transport: "tls" }), "NOERROR");
  });

  test("SRP-22: is accepted by UDP where that is configured as safe, and may be repeated", async () => {
    const registrar = { site: "devices", networks: ["10.1.0.0/16"], udp: true };
    const { register, device, known, zone } = openRegistrar({ registrar });
    const lamp = host(HOST, device.key, "10.1.0.9");
    const wish = { transport: "udp" } as const;
    assert.deepEqual(await Promise.all([register(lamp, wish), register(lamp, wish)]), [
      "NOERROR",
      "NOERROR",
    ]);
    assert.deepEqual(known(), LAMP);
    assert.equal(zone.current.serial, 2);
    assert.equal(await register(lamp, { ...wish, from: "10.2.0.9" }), "REFUSED");
  });

  test("SRP-23: has those addresses that are usable elsewhere and within its networks", async () => {
    const { register, device, known, lines } = openRegistrar();
    const all = ["10.1.0.9", "fe80::1", "169.254.1.1", "fd00::9", "192.0.2.9", "127.0.0.1"];
    assert.equal(await register(host(HOST, device.key, ...all)), "NOERROR");
    assert.deepEqual(known("lamp.devices").sort(), sorted(LAMP, "lamp.devices AAAA fd00::9"));
    for (const address of ["fe80::1", "192.0.2.9"]) {
      assert.equal(await register(host(`two.${SITE}`, device.key, address)), "REFUSED");
    }
    const reason = "no address of its host may be published";
    assert.deepEqual(lines, [`a registration was refused: ${reason}`]);
    // Not even if its networks have such addresses, because devices send from them.
    const networks = ["10.1.0.0/16", "fe80::/10", "169.254.0.0/16"];
    const near = openRegistrar({ registrar: { site: "devices", networks } });
    const update = host(HOST, near.device.key, "10.1.0.9", "fe80::1", "169.254.1.1");
    assert.equal(await near.register(update, { from: "fe80::1" }), "NOERROR");
    assert.deepEqual(near.known("lamp.devices").sort(), sorted(LAMP));
  });
});

suite("the reverse names of a registered host", () => {
  const REVERSE = ["1.10.in-addr.arpa.", "0.0.d.f.ip6.arpa."];
  const SIX = `9${".0".repeat(28)}.0.d.f.ip6.arpa.`;

  test("SRP-23: are in the reverse zones served, and follow its addresses", async () => {
    const { register, device, reversed } = openRegistrar({ reverse: REVERSE });
    const networks = { registrar: { site: "devices", networks: ["10.0.0.0/8", "fd00::/8"] } };
    const lamp = (...addresses: string[]) => host(HOST, device.key, ...addresses);
    assert.equal(
      await register([...lamp("10.1.0.9", "fd00::9"), ...service(ONE, HOST)]),
      "NOERROR",
    );
    assert.deepEqual(reversed(), ["9.0.1.10.in-addr.arpa. lamp.devices", `${SIX} lamp.devices`]);
    assert.equal(await register(lamp("10.1.0.10")), "NOERROR");
    assert.deepEqual(reversed(), ["10.0.1.10.in-addr.arpa. lamp.devices"]);
    const elsewhere = openRegistrar({ ...networks, reverse: REVERSE });
    const { key } = elsewhere.device;
    assert.equal(await elsewhere.register(host(HOST, key, "10.2.0.9")), "NOERROR");
    assert.deepEqual(elsewhere.reversed(), []);
  });

  test("SRP-23: stay with each refresh, and end with the host's lease or with the host", async () => {
    const { register, device, reversed, clock } = openRegistrar({ reverse: REVERSE });
    const lamp = host(HOST, device.key, "10.1.0.9");
    const lease = { lease: 60, keyLease: 3600 };
    const name = ["9.0.1.10.in-addr.arpa. lamp.devices"];
    await register(lamp, { lease });
    await clock.elapse(40_000);
    await register(lamp, { lease });
    await clock.elapse(59_000);
    assert.deepEqual(reversed(), name);
    await clock.elapse(2000);
    assert.deepEqual(reversed(), []);
    await register([...lamp, ...service(ONE, HOST)]);
    assert.deepEqual(reversed(), name);
    const door = host(`door.${SITE}`, device.key, "10.1.0.8");
    await register(door);
    // Its addresses may be stated as it goes, too.
    await register(lamp, { lease: { lease: 0, keyLease: 3600 } });
    assert.deepEqual(reversed(), ["8.0.1.10.in-addr.arpa. door.devices"]);
  });

  test("SRP-23: are several where devices claim one address, up to a bound", async () => {
    const { register, reversed } = openRegistrar({ reverse: REVERSE });
    const devices = Array.from({ length: 10 }, () => new Requester());
    const lamp = (i: number, ...more: string[]) =>
      register(host(`lamp-${i}.${SITE}`, devices[i]!.key, "10.1.0.9", ...more), {
        by: devices[i]!,
      });
    for (const i of devices.keys()) assert.equal(await lamp(i), "NOERROR");
    const names = [...devices.keys()].map((i) => `9.0.1.10.in-addr.arpa. lamp-${i}.devices`);
    assert.deepEqual(reversed().sort(), names.slice(0, 8));
    // Those that are there stay, whatever else they register.
    assert.equal(await lamp(3, "10.1.0.10"), "NOERROR");
    const more = "10.0.1.10.in-addr.arpa. lamp-3.devices";
    assert.deepEqual(reversed().sort(), sorted(names.slice(0, 8), more));
  });

  test("SRP-23: are no more than that though none is on disk yet", async () => {
    const clock = new FakeClock();
    let write = () => {};
    const written = new Promise<void>((resolve) => {
      write = resolve;
    });
    const store = { append: () => written, kept: () => {}, close: async () => {} };
    const reverse = makeZone(REVERSE[0]!, clock, { store });
    const open = registrarOf(makeZone(ZONE, clock), clock, {}, [reverse]);
    const answers = Array.from({ length: 10 }, (_, i) => {
      const by = new Requester();
      return open.register(host(`lamp-${i}.${SITE}`, by.key, "10.1.0.9"), { by });
    });
    await waitFor("ten hosts", () => open.known().filter((line) => / A /.test(line)).length === 10);
    write();
    assert.deepEqual(new Set(await Promise.all(answers)), new Set(["NOERROR"]));
    assert.equal(open.reversed().length, 8);
  });

  test("SRP-23: are those of published addresses, and only where devices or maps may lead", async () => {
    const policy = {
      networks: ["10.1.9.0/24"],
      addresses: [{ site: "devices", from: "10.7.0.0/24", to: "10.1.7.0/24" }],
    };
    const registrar = { site: "devices", networks: ["10.1.0.0/24"] };
    const settings = { registrar, policy, reverse: REVERSE };
    const { register, device, reversed, known } = openRegistrar(settings);
    const all = ["10.1.0.9", "10.7.0.9", "10.1.9.9", "192.0.2.9"];
    assert.equal(await register(host(HOST, device.key, ...all)), "NOERROR");
    assert.deepEqual(
      known("lamp.devices").filter((line) => line.includes(" A ")),
      ["10.1.0.9", "10.1.7.9", "10.1.9.9"].map((address) => `lamp.devices A ${address}`),
    );
    assert.deepEqual(reversed().sort(), [
      "9.0.1.10.in-addr.arpa. lamp.devices",
      "9.7.1.10.in-addr.arpa. lamp.devices",
    ]);
  });

  test("SRP-23: go with the address, though its networks no longer have it", async () => {
    const clock = new FakeClock();
    const [zone, reverse] = [makeZone(ZONE, clock), makeZone("10.in-addr.arpa.", clock)];
    const by = new Requester();
    const within = (network: string) => {
      const registrar = { site: "devices", networks: [network] };
      const open = registrarOf(zone, clock, { registrar }, [reverse]);
      return (address: string, lease = LEASE) =>
        open.register(host(HOST, by.key, address), { by, lease }).then(open.reversed);
    };
    const [before, after] = [within("10.0.0.0/8"), within("10.1.0.0/16")];
    assert.deepEqual(await before("10.2.0.9"), ["9.0.2.10.in-addr.arpa. lamp.devices"]);
    assert.deepEqual(await after("10.1.0.9"), ["9.0.1.10.in-addr.arpa. lamp.devices"]);
    await before("10.2.0.9");
    assert.deepEqual(await after("10.1.0.9", { lease: 0 }), []);
  });

  test("SRP-23: are each in the closest zone only", async () => {
    const nested = ["10.in-addr.arpa.", "1.10.in-addr.arpa.", "0.1.10.in-addr.arpa."];
    const { register, device, reverse, reversed } = openRegistrar({ reverse: nested });
    assert.equal(await register(host(HOST, device.key, "10.1.0.9", "10.1.1.9")), "NOERROR");
    const names = ["9.1.1.10.in-addr.arpa.", "9.0.1.10.in-addr.arpa."];
    assert.deepEqual(
      reversed(),
      names.map((name) => `${name} lamp.devices`),
    );
    assert.equal(reverse[0]!.current.serial, 1);
  });

  test("SRP-23: of a refused registration are not written", async () => {
    const { register, device, reversed } = openRegistrar({ reverse: REVERSE });
    await register(host(HOST, device.key, "10.1.0.9"));
    const other = new Requester();
    assert.equal(await register(host(HOST, other.key, "10.1.0.10"), { by: other }), "YXDOMAIN");
    assert.deepEqual(reversed(), ["9.0.1.10.in-addr.arpa. lamp.devices"]);
  });

  test("SRP-23: that have no room are missing, and the registration stands", async () => {
    const clock = new FakeClock();
    const full = makeZone(REVERSE[0]!, clock, { capacity: 2 });
    const { register, device, lines, known, reversed } = registrarOf(
      makeZone(ZONE, clock),
      clock,
      {},
      [full],
    );
    assert.equal(await register(host(HOST, device.key, "10.1.0.9")), "NOERROR");
    assert.deepEqual(known(), LAMP);
    assert.deepEqual(reversed(), []);
    assert.deepEqual(lines, ["the reverse names of a registered host are not written"]);
  });
});

suite("the policy", () => {
  test("hides a registered service and its name, unnoticed by its device", async () => {
    const policy = { rules: [{ deny: "_ipp._tcp", site: "devices" }] };
    const { register, device, known, lines } = openRegistrar({ policy });
    const web = `Lamp._http._tcp.${SITE}`;
    const lamp = host(HOST, device.key, "10.1.0.9");
    const update = [...lamp, ...service(ONE, HOST), ...service(web, HOST, 80)];
    assert.equal(await register(update), "NOERROR");
    assert.deepEqual(
      known().filter((line) => line.includes("_ipp")),
      [],
    );
    assert.equal(known("_http._tcp").length, 1);
    assert.deepEqual(lines, ["a service that registers is withheld: policy.rules[0] denies it"]);
  });

  test("hides a host, edits TXT records and maps addresses", async () => {
    const policy = {
      rules: [{ deny: "all", host: "secret*" }],
      text: [{ type: "_ipp._tcp", drop: ["UUID"] }],
      addresses: [{ site: "devices", from: "10.1.0.0/24", to: "10.9.1.0/24" }],
    };
    const { register, device, known } = openRegistrar({ policy });
    const secret = host(`secret-lamp.${SITE}`, device.key, "10.1.0.9");
    assert.equal(await register(secret), "REFUSED");
    const update = [
      ...host(HOST, device.key, "10.1.0.9"),
      ...service(ONE, HOST, 631, "a=1", "UUID=7"),
    ];
    assert.equal(await register(update), "NOERROR");
    assert.ok(known().includes("lamp.devices A 10.9.1.9"));
    assert.ok(known().includes('One._ipp._tcp.devices TXT "a=1"'));
  });

  test("refuses names that steer clients, and those of neither a host nor a service", async () => {
    const { register, device, known, lines } = openRegistrar();
    for (const owner of ["wpad", "_tcp", "a.b", "*", "_dnssd-srp._tcp", "b._dns-sd._udp"]) {
      assert.equal(await register(host(`${owner}.${SITE}`, device.key, "10.1.0.9")), "REFUSED");
    }
    const lamp = host(HOST, device.key, "10.1.0.9");
    for (const instance of ["One._dns-update._tcp", "On\\007e._ipp._tcp"]) {
      const steering = service(`${instance}.${SITE}`, HOST);
      assert.equal(await register([...lamp, ...steering]), "REFUSED");
    }
    const wild = pointer(`*._sub.${TYPE}`, ONE);
    assert.equal(await register([...lamp, ...service(ONE, HOST), wild]), "REFUSED");
    assert.equal(
      lines.at(-1),
      "a registration was refused: the zone does not accept such a name or such data",
    );
    assert.deepEqual(known(), []);
  });
});

suite("many registrations at once", () => {
  /** Each look at the clock takes a while, as all work does. */
  const opened = (settings: Settings = {}) => {
    const open = openRegistrar(settings);
    const { clock, register, device } = open;
    const still = clock.now.bind(clock);
    let looks = 0;
    clock.now = () => still() + 10 * looks++;
    const lamp = host(HOST, device.key, "10.1.0.9");
    const rcodes: string[] = [];
    /** Registrations from one source. */
    const crowd = (count: number, wish: Wish = {}) => {
      const each = () => register(lamp, wish).then((rcode) => rcodes.push(rcode));
      return Array.from({ length: count }, each);
    };
    const count = (wanted: string) => rcodes.filter((rcode) => rcode === wanted).length;
    return { ...open, lamp, rcodes, crowd, count };
  };

  test("SEC-13, TSIG-19: wait for their turn, and too many are SERVFAIL", async () => {
    const { clock, lines, rcodes, crowd, count } = opened();
    const all = crowd(1200);
    // Sooner than the first lease ends.
    const isWaiting = () => clock.next! < clock.now() + 1000 * 3600;
    await waitFor("one to wait", () => isWaiting() || rcodes.length === all.length);
    const atOnce = count("NOERROR");
    assert.ok(atOnce < 200, `${atOnce} did not wait`);
    while (rcodes.length < all.length) await clock.elapse(1000);
    const [served, refused] = [count("NOERROR"), count("SERVFAIL")];
    assert.ok(served >= 1000 && refused > 0, `${served} served, ${refused} refused`);
    assert.equal(served + refused, 1200);
    assert.deepEqual(lines, ["a registration was refused: too many registrations are waiting"]);
  });

  test("SEC-13: leave others room to wait for answers by UDP", async () => {
    const registrar = { site: "devices", networks: ["10.1.0.0/16"], udp: true };
    const { rcodes, crowd, count } = opened({ registrar });
    const all = [1, 2, 3].flatMap((i) => crowd(1100, { transport: "udp", from: `10.1.0.${i}` }));
    await waitFor("those beyond the limit", () => count("SERVFAIL") >= all.length - 2049);
    const waiting = all.length - rcodes.length;
    assert.ok(waiting > 1500 && 2 * waiting < MAX_WAITING, `${waiting} of ${MAX_WAITING}`);
  });

  test("SEC-13: from one source delay no other for longer than one of them takes", async () => {
    const { clock, register, rcodes, crowd, count } = opened();
    crowd(1200);
    const other = new Requester();
    const rival = host(`rival.${SITE}`, other.key, "10.1.0.10");
    let isServed = false;
    void register(rival, { by: other, from: "10.1.0.10" }).then((rcode) => {
      assert.equal(rcode, "NOERROR");
      isServed = true;
    });
    while (!isServed) await clock.elapse(0);
    assert.ok(count("NOERROR") < 5, `after ${count("NOERROR")} others`);
    while (rcodes.length < 1200) await clock.elapse(1000);
  });

  test("SEC-13, TSIG-19: count against their source even if signed by another key", async () => {
    const { clock, rcodes, crowd, count } = opened();
    const all = crowd(200, { by: new Requester() });
    await waitFor("one to wait", () => clock.next !== undefined || rcodes.length === all.length);
    const atOnce = count("REFUSED");
    assert.ok(atOnce < 150, `${atOnce} did not wait`);
    while (rcodes.length < all.length) await clock.elapse(1000);
  });

  test("SEC-13: wait longer where there are reverse names to be written", async () => {
    const { clock, register, device, reverse } = openRegistrar({ reverse: ["10.in-addr.arpa."] });
    const [zone] = reverse;
    const heldBy = zone!.heldBy.bind(zone);
    zone!.heldBy = (by) => {
      clock.standStill(60_000);
      return heldBy(by);
    };
    const lamp = host(HOST, device.key, "10.1.0.9");
    assert.equal(await register(lamp), "NOERROR");
    let isServed = false;
    const next = register(lamp).then(() => {
      isServed = true;
    });
    const isWaiting = () => clock.next! <= clock.now() + 1000;
    await waitFor("the next to wait", () => isWaiting() || isServed);
    assert.ok(!isServed);
    await clock.elapse(1000);
    await next;
  });

  test("are dropped if their device has gone before its turn", async () => {
    const { register, lamp, known } = opened();
    const signal = AbortSignal.abort();
    await assert.rejects(register(lamp, { signal }), /no answer/);
    assert.deepEqual(known(), []);
  });
});

suite("the capacity of a zone", () => {
  test("is shared out to each device, and to all together", async () => {
    const { register, device, known } = openRegistrar({}, 8_000);
    const many = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) =>
        service(`S${from + i}._ipp._tcp.${SITE}`, HOST),
      ).flat();
    const lamp = host(HOST, device.key, "10.1.0.9");
    // Sixteen records for each device; a service takes five.
    assert.equal(await register([...lamp, ...many(0, 2)]), "NOERROR");
    assert.equal(await register([...lamp, ...many(2, 4)]), "SERVFAIL");
    assert.equal(known("_ipp._tcp").length, 2);
    let hosts = 1;
    for (; hosts < 700; hosts++) {
      const by = new Requester(15);
      if ((await register(host(`h${hosts}.${SITE}`, by.key, "10.1.0.9"), { by })) !== "NOERROR")
        break;
    }
    assert.ok(hosts > 500 && hosts < 1010, `${hosts} devices`);
  });
});

/** A registration whose SIG(0) is right, but followed by another record. */
function followed(device: Requester, message: Message): Buffer {
  const octets = Buffer.from(encode(message));
  octets.writeUInt16BE(octets.readUInt16BE(10) + 1, 10);
  const writer = new Writer(undefined, { isCompressing: false });
  writer.bytes(device.sign(octets));
  writer.name(Name.root);
  writer.u16(Type.A);
  writer.u16(Class.IN);
  writer.u32(0);
  writer.withLength(() => writer.bytes(Buffer.of(10, 1, 0, 9)));
  return writer.done();
}
