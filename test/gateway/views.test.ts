import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { parseConfig } from "../../src/config.ts";
import { Class, type Rcode, rcodeName, Type } from "../../src/dns/constants.ts";
import { type Message, makeMessage } from "../../src/dns/message.ts";
import { Access } from "../../src/gateway/access.ts";
import { openViews } from "../../src/gateway/views.ts";
import type { Layer, Request } from "../../src/net/server/handler.ts";
import { ZoneAuthority } from "../../src/zone/lookup/authority.ts";
import { FakeClock } from "../support/clock.ts";
import { temporaryFolder } from "../support/gateway.ts";
import { silentLog } from "../support/log.ts";
import { name, zoneOf } from "../zone/fixture.ts";

const secret = Buffer.alloc(32, 7).toString("base64");
const KEYS = `keys: { k: { secret: "${secret}", site: [] } }`;

const isNever = () => false;
/** An address of this host, from which its resolver asks. */
const OWN = "10.9.2.53";

/** What these views show of a host in each of two sites. */
function open(text: string, onDemand?: Layer) {
  const config = parseConfig(`zone: z.example\n${KEYS}\n${text}`, "g", temporaryFolder());
  const zone = zoneOf("pc.paris A 10.1.0.7\npc.lyon A 10.2.0.7");
  const warnings: string[] = [];
  const clock = new FakeClock();
  const views = openViews({
    ...{ config, clock, onDemand },
    access: new Access(
      config,
      { isOwn: (address) => address === OWN, isAttached: isNever },
      isNever,
    ),
    log: { ...silentLog, warn: (_, fact) => warnings.push(fact) },
    authorityOf: (each) => new ZoneAuthority(each),
    zones: {
      ...{ all: [zone], dynamic: [zone], catalog: undefined, closed: Promise.resolve() },
      ...{ keysOf: () => undefined, isSigned: () => false, signedBefore: () => 0 },
    },
  });
  const rcode = (owner: string, address: string, key?: string): keyof typeof Rcode | "nothing" => {
    const question = { name: name(owner), type: Type.A, class: Class.IN };
    const message = makeMessage({ questions: [question] });
    const source = { address, port: 4000 };
    const { signal } = new AbortController();
    const request: Request = {
      ...{ message, bytes: new Uint8Array(), transport: "udp", source, signal, key },
    };
    const responses = views.handlerOf(request)?.(request) as readonly Message[] | undefined;
    return responses === undefined
      ? "nothing"
      : (rcodeName(responses[0]!.rcode) as keyof typeof Rcode);
  };
  /** The outcomes for paris and for lyon. */
  const seen = (address: string, key?: string) =>
    ["pc.paris", "pc.lyon"].map((owner) => rcode(owner, address, key)).join(" ");
  return { views, warnings, seen };
}

const ALL = "NOERROR NOERROR";
const NOTHING = "nothing nothing";

suite("who sees what", () => {
  test("SEC-05: without views, all who may ask see everything, and others nothing", () => {
    const { seen, warnings } = open("query: { allow: [private, key:k] }");
    for (const address of ["127.0.0.1", "::1", "10.9.0.1", "fd00::1"]) {
      assert.equal(seen(address), ALL, address);
    }
    assert.equal(seen("203.0.113.1"), NOTHING);
    assert.equal(seen("203.0.113.1", "k"), ALL, "whose key says so");
    assert.equal(seen("203.0.113.1", "another"), NOTHING);
    assert.deepEqual(warnings, []);
  });

  test("SEC-06: a client has the first view that its network is in, and without one may not ask", () => {
    const { seen } = open(`
query: { allow: [any, key:k] }
transfer: { allow: [192.0.2.7] }
views:
  - { networks: [10.9.1.0/24], sites: [lyon] }
  - { networks: [10.9.0.0/16, 192.0.2.0/24], sites: [paris] }`);
    assert.equal(seen("10.9.1.1"), "NXDOMAIN NOERROR");
    for (const one of ["10.9.2.1", OWN]) assert.equal(seen(one), "NOERROR NXDOMAIN");
    assert.equal(seen("10.8.0.1"), NOTHING);
    assert.equal(seen("10.8.0.1", "k"), ALL);
    assert.equal(seen("192.0.2.8"), "NOERROR NXDOMAIN");
    for (const reader of ["192.0.2.7", "127.0.0.1"]) assert.equal(seen(reader), ALL, reader);
  });

  test("SEC-06: a view may show only some addresses", () => {
    const { seen } = open("views: [{ networks: [10.9.0.0/16], addresses: [10.2.0.0/16] }]");
    assert.equal(seen("10.9.1.1"), "NXDOMAIN NOERROR");
    assert.equal(seen("127.0.0.1"), ALL);
  });

  test("SEC-06: links are asked only for clients who see everything, not for views", () => {
    const asked: string[] = [];
    const { seen } = open("views: [{ networks: [10.9.0.0/16] }]", (next) => (request) => {
      asked.push(request.source.address);
      return next(request);
    });
    for (const address of ["10.9.1.1", "127.0.0.1"]) assert.equal(seen(address), ALL);
    assert.deepEqual(asked, ["127.0.0.1", "127.0.0.1"]);
  });

  test("SEC-05: a view gives nothing to those who may not ask", () => {
    const { seen } = open("query: { allow: [private] }\nviews: [{ networks: [any] }]");
    assert.deepEqual([seen("10.9.1.1"), seen("203.0.113.1")], [ALL, NOTHING]);
  });

  test("SEC-07: a warning says that everybody may ask and there are no views", () => {
    assert.equal(open("query: { allow: [any] }").warnings.length, 1);
    assert.match(open('query: { allow: ["::/0"] }').warnings[0]!, /^everybody may ask/);
    assert.deepEqual(open("query: { allow: [any] }\nviews: [{ networks: [any] }]").warnings, []);
  });

  test("SEC-02: responses are counted by network, except those to unlimited addresses", () => {
    const { views } = open("query: { unlimited: [198.51.100.53] }");
    const network = (address: string) => views.clientOf(address).network;
    for (const address of ["127.0.0.1", "::1", "198.51.100.53"]) {
      assert.equal(network(address), undefined, address);
    }
    assert.equal(typeof network("198.51.100.54"), "number");
    assert.equal(network("10.9.1.1"), network("10.9.1.2"));
    assert.notEqual(network("10.9.1.1"), network("10.9.2.1"));
  });
});
