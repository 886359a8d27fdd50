/** The catalog of served zones (RFC 9432). */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { parseConfig } from "../../src/config.ts";
import { Class, Opcode, rcodeName, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { formatEndpoint } from "../../src/dns/endpoint.ts";
import { decode, type Message, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { SigningKey } from "../../src/dns/signingkey.ts";
import type { FollowedZone } from "../../src/dnsserver/ready.ts";
import { ReadyViews, viewed } from "../../src/dnsserver/views.ts";
import { Access } from "../../src/gateway/access.ts";
import { openViews } from "../../src/gateway/views.ts";
import { openZones } from "../../src/gateway/zones.ts";
import { openGateway } from "../../src/gateway.ts";
import { ask } from "../../src/net/client/exchange.ts";
import { makeEdge } from "../../src/net/server/edge.ts";
import { catalogRecords } from "../../src/zone/catalogzone.ts";
import { ZoneAuthority } from "../../src/zone/lookup/authority.ts";
import { Snapshot } from "../../src/zone/snapshot.ts";
import { formatRecord } from "../support/formatrecord.ts";
import { freePort } from "../support/freeport.ts";
import { temporaryFolder } from "../support/gateway.ts";
import { silentLog } from "../support/log.ts";
import { waitFor } from "../support/wait.ts";
import { lines } from "../zone/fixture.ts";

const isNever = () => false;

const origin = Name.parse("catalog.example.");
const zones = ["bonjour.example.", "1.10.in-addr.arpa.", "Other.example."].map((each) =>
  Name.parse(each),
);
const recordsOf = (members: readonly Name[]) =>
  catalogRecords({ origin, contact: undefined, members });
const membersOf = (text: readonly string[]) => text.filter((line) => /\.zones\./.test(line));

suite("a catalog zone", () => {
  test("CAT-02: has one version record, whose value is 2", () => {
    const versions = recordsOf(zones).filter(
      ({ name }) => `${name}` === "version.catalog.example.",
    );
    assert.deepEqual(versions.map(formatRecord), ['version.catalog.example.\t0\tIN\tTXT\t"2"']);
  });

  test("CAT-03: has each zone once, under a label of its own", () => {
    const members = recordsOf(zones).filter(({ name }) => /\.zones\./.test(`${name}`));
    for (const { type, rdatas, name } of members) {
      assert.deepEqual([type, rdatas.length, name.labels.length], [Type.PTR, 1, 4]);
    }
    const targets = members.map(({ rdatas }) => `${rdatas[0]!.values[0]}`);
    assert.deepEqual(targets, zones.map(String));
    assert.equal(new Set(members.map(({ name }) => name.key)).size, 3);
  });

  test("CAT-04: keeps a zone's label, whatever else is listed and in whatever case", () => {
    const [all, one] = [recordsOf(zones), recordsOf([Name.parse("OTHER.example.")])];
    const [label] = membersOf(lines(one)).map((line) => line.split("\t")[0]);
    assert.ok(membersOf(lines(all)).some((line) => line.startsWith(`${label}\t`)));
    assert.equal(label, "3d302fbfda89806f48b2.zones.catalog.example.");
  });

  test("CAT-05: is a zone with a SOA and an NS that nobody queries", () => {
    const snapshot = Snapshot.of(origin, recordsOf(zones));
    assert.ok(snapshot.soa);
    const [ns, ...more] = snapshot.set(origin, Type.NS)!.rdatas;
    assert.deepEqual(more, []);
    assert.equal(`${ns!.values[0]}`, "invalid.");
  });

  test("CAT-01: lists the served zones, and its serial rises when a zone is added", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "dnssd-gateway-"));
    const text = "zone: bonjour.example\ncatalog: catalog.example\nreverse: [1.10.in-addr.arpa]";
    const config = { ...parseConfig(text, "g", folder), data: folder };
    const opened = async () => {
      const life = new AbortController();
      t.after(() => life.abort());
      const options = { clock: systemClock, log: silentLog, signal: life.signal };
      const { catalog, all, dynamic, closed } = await openZones(config, options);
      const { current } = catalog!;
      assert.equal(all.at(-1), catalog);
      assert.ok(!dynamic.includes(catalog!));
      life.abort();
      await closed;
      const listed = membersOf(lines(current)).map((line) => line.split("\t")[4]);
      return { serial: current.serial, listed: listed.sort() };
    };
    try {
      const first = await opened();
      assert.deepEqual(first.listed, ["1.10.in-addr.arpa.", "bonjour.example."]);
      assert.deepEqual(await opened(), first, "nothing has changed");
      writeFileSync(
        join(folder, "other.example.zone"),
        "@ 10 SOA ns.example. h.example. 1 1 1 1 1\n@ 10 NS ns.example.\n",
      );
      const second = await opened();
      assert.deepEqual(second.listed, ["1.10.in-addr.arpa.", "bonjour.example.", "other.example."]);
      assert.equal(second.serial, first.serial + 1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("CAT-01: lists no signed zone, as nobody may copy it, and drops one that becomes signed", async (t) => {
    const folder = temporaryFolder();
    const keys = join(folder, "keys");
    const sign = (owner: string) => {
      const key = SigningKey.generate(Name.parse(owner), "ed25519", "csk", {});
      writeFileSync(join(keys, `${key.fileName}.key`), key.formatKey());
      writeFileSync(join(keys, `${key.fileName}.private`), key.formatPrivateKey());
    };
    mkdirSync(keys);
    sign("bonjour.example.");
    const text =
      "zone: bonjour.example\ncatalog: catalog.example\nreverse: [1.10.in-addr.arpa, 2.10.in-addr.arpa]\ndnssec: { keys: keys }";
    const signed = { ...parseConfig(text, "g", folder), data: folder };
    const open = async (config = signed) => {
      const life = new AbortController();
      t.after(() => life.abort());
      const reloads: (() => void)[] = [];
      const onReload = (reload: () => void) => void reloads.push(reload);
      const options = { clock: systemClock, log: silentLog, signal: life.signal, onReload };
      const zones = await openZones(config, options);
      const listed = () =>
        membersOf(lines(zones.catalog!.current)).map((line) => line.split("\t")[4]);
      const close = async () => {
        life.abort();
        await zones.closed;
      };
      return { listed, close, isSigned: zones.isSigned, reload: () => reloads[0]!() };
    };
    const first = await open();
    assert.ok(first.isSigned(Name.parse("bonjour.example.")));
    assert.deepEqual(first.listed().sort(), ["1.10.in-addr.arpa.", "2.10.in-addr.arpa."]);
    sign("1.10.in-addr.arpa.");
    first.reload();
    await waitFor("the zone to go", () => first.listed().length === 1);
    assert.deepEqual(first.listed(), ["2.10.in-addr.arpa."]);
    await first.close();
    const second = await open();
    assert.deepEqual(second.listed(), ["2.10.in-addr.arpa."]);
    sign("2.10.in-addr.arpa.");
    second.reload();
    await waitFor("the other zone to go", () => second.listed().length === 0);
    await second.close();
    const unsigned = await open({ ...signed, dnssec: undefined });
    const all = ["1.10.in-addr.arpa.", "2.10.in-addr.arpa.", "bonjour.example."];
    assert.deepEqual(unsigned.listed().sort(), all, "what is signed no more is there again");
    await unsigned.close();
  });

  test("CAT-07: exists for those who may copy it, and for nobody else", async (t) => {
    const folder = temporaryFolder();
    const secret = Buffer.alloc(32).toString("base64");
    const text = JSON.stringify({
      ...{ zone: "bonjour.example", catalog: "catalog.example", data: folder },
      keys: { ns2: { secret, site: [] }, ns3: { secret, site: [] } },
      transfer: { allow: ["key:ns2", "192.168.0.2"] },
      query: { allow: ["private", "key:ns3"] },
    });
    const config = parseConfig(text, "g", folder);
    const life = new AbortController();
    t.after(() => life.abort());
    const shared = { clock: systemClock, log: silentLog, signal: life.signal };
    const zones = await openZones(config, shared);
    const access = new Access(config, { isOwn: isNever, isAttached: isNever }, isNever);
    const authorityOf = (zone: FollowedZone) => new ZoneAuthority(zone);
    const { handlerOf } = openViews({ config, zones, access, ...shared, authorityOf });
    const handler = viewed(handlerOf);
    const answerTo = (owner: string, who: { key?: string; address?: string }) => {
      const question = { name: Name.parse(owner), type: Type.SOA, class: Class.IN };
      const message = makeMessage({ id: 7, questions: [question] });
      const { key, address = "192.168.0.9" } = who;
      const source = { address, port: 4000 };
      const request = { message, bytes: encode(message), transport: "udp" as const, source };
      const [response] = handler({ ...request, signal: life.signal, ...(key && { key }) }) as [
        Message,
      ];
      return { ...response, questions: [] };
    };
    for (const owner of ["catalog.example.", "version.catalog.example.", "x.CATALOG.example."]) {
      for (const who of [{}, { key: "ns3" }]) {
        assert.deepEqual(answerTo(owner, who), answerTo("no.such.example.", who));
      }
      for (const who of [{ key: "ns2" }, { address: "192.168.0.2" }]) {
        assert.ok(answerTo(owner, who).isAuthoritative);
      }
    }
    life.abort();
    await zones.closed;
  });

  test("CAT-07: is as hidden beneath another zone, even right after an allowed client has asked", async (t) => {
    const folder = temporaryFolder();
    const [shared, catalog] = ["bonjour.example", "catalog.bonjour.example"];
    const settings = { zone: shared, catalog, data: folder, transfer: { allow: ["10.9.0.2"] } };
    const config = parseConfig(JSON.stringify(settings), "g", folder);
    const life = new AbortController();
    t.after(() => life.abort());
    const options = { clock: systemClock, log: silentLog, signal: life.signal };
    const zones = await openZones(config, options);
    const access = new Access(config, { isOwn: isNever, isAttached: isNever }, isNever);
    const authorityOf = (zone: FollowedZone) => new ZoneAuthority(zone);
    const views = openViews({ config, zones, access, ...options, authorityOf });
    const ready = new ReadyViews({ clientOf: views.clientOf, limits: undefined });
    const edge = makeEdge({ handler: viewed(views.handlerOf), ready, ...options });
    const rcodes = (owner: string, addresses: readonly string[]) =>
      addresses.map((address) => {
        const question = { name: Name.parse(owner), type: Type.SOA, class: Class.IN };
        const bytes = encode(makeMessage({ questions: [question] }));
        const source = { address, port: 4000 };
        const request = { bytes, transport: "udp" as const, source, signal: life.signal };
        const octets = ready.answer(bytes, source) ?? (edge(request) as readonly Buffer[])[0]!;
        const { rcode, authorities } = decode(octets);
        return `${rcodeName(rcode)} ${authorities.map(({ name }) => name).join()}`;
      });
    const [stranger, secondary] = ["10.9.0.9", "10.9.0.2"];
    const nowhere = `NXDOMAIN ${shared}.`;
    const two = rcodes(`${catalog}.`, [stranger, secondary]);
    assert.deepEqual(two, [nowhere, "NOERROR "]);
    const others = rcodes(`nothing.${catalog}.`, [secondary, stranger]);
    assert.deepEqual(others, [`NXDOMAIN ${catalog}.`, nowhere]);
    life.abort();
    await zones.closed;
  });

  test("CAT-07: is NOTAUTH to UPDATE and NOTIFY, like a zone that does not exist", async (t) => {
    const folder = temporaryFolder();
    const server = { address: "127.0.0.1", port: await freePort() };
    const settings = {
      ...{ zone: "bonjour.example", catalog: "catalog.example", data: folder, links: [] },
      listen: { dns: [formatEndpoint(server)] },
    };
    const life = new AbortController();
    t.after(() => life.abort());
    const options = { clock: systemClock, log: silentLog, signal: life.signal };
    const config = parseConfig(JSON.stringify(settings), "g", folder);
    const gateway = await openGateway(config, options);
    for (const opcode of [Opcode.UPDATE, Opcode.NOTIFY]) {
      for (const [owner, rcode] of [
        ["bonjour.example.", "REFUSED"],
        ["catalog.example.", "NOTAUTH"],
        ["no.such.example.", "NOTAUTH"],
      ] as const) {
        const question = { name: Name.parse(owner), type: Type.SOA, class: Class.IN };
        const message = makeMessage({ opcode, questions: [question] });
        const answer = await ask(server, message, { clock: systemClock });
        assert.equal(rcodeName(answer.rcode), rcode, owner);
      }
    }
    life.abort();
    await gateway.closed;
  });
});
