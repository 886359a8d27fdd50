/** Changes in what devices with Avahi say, pushed to clients in another network (RFC 8765). */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Rcode, Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { type Rdata, rdata } from "../../src/dns/rdata.ts";
import { formatRdata } from "../../src/dns/text.ts";
import { Avahi } from "../support/avahi.ts";
import { NAME_SERVER, WideArea, ZONE } from "../support/branch.ts";
import { type Certificate, makeCertificate } from "../support/certificate.ts";
import { dig } from "../support/dig.ts";
import { type Change, Gateway, MAIN, temporaryFolder, Watch } from "../support/gateway.ts";
import { type Host, Lab, needs } from "../support/lab.ts";
import type { RespondedService } from "../support/multicast-responder.ts";
import { GATEWAY, office } from "../support/office.ts";
import { ChatUser, OFFICE_TOOLS } from "../support/offices.ts";
import { type Running, succeed } from "../support/process.ts";
import type { Ended, Message, Order } from "../support/subscriber.ts";
import { waitFor } from "../support/wait.ts";

/** The name by which clients reach the gateway, and for which its certificate is made. */
const PUSH_HOST = `ns.${ZONE}`;

/** The gateway's `listen` settings. */
function listening({ paths }: Certificate) {
  return { dns: ["0.0.0.0:53"], tls: ["0.0.0.0:853"], push: PUSH_HOST, ...paths };
}

/** The zone's own records. */
function zoneFile(address: string): string {
  return `$TTL 60\n$ORIGIN ${ZONE}.\nns A ${address}\n`;
}

interface Place {
  readonly address: string;
  readonly port: number;
  readonly target: string;
}

/** Where changes of a zone are pushed (RFC 8765 §6.1), as `host` learns from the server. */
async function locate(host: Host, server: string, zone: string): Promise<Place> {
  const name = `_dns-push-tls._tcp.${zone}.`;
  const { answers } = await dig(host, { server, name, type: "SRV" });
  assert.equal(answers.length, 1, name);
  const [, , port, target = ""] = formatRdata(answers[0]!.rdata).split(" ");
  const addresses = (await dig(host, { server, name: target, type: "A" })).answers;
  assert.equal(addresses.length, 1, target);
  return { address: formatRdata(addresses[0]!.rdata), port: Number(port), target };
}

/** A client on a host of the lab, which keeps what it is told. */
class Subscriber {
  readonly #program: Running;
  #lastId = 0;

  constructor(host: Host, { address, port, target }: Place, { paths }: Certificate) {
    const name = target.replace(/\.$/, "");
    this.#program = host.script("subscriber", address, `${port}`, name, paths.certificate);
  }

  /** Opens a session that lasts however long it is idle, once something is subscribed to. */
  static async connect(host: Host, place: Place, certificate: Certificate): Promise<Subscriber> {
    const subscriber = new Subscriber(host, place, certificate);
    await subscriber.#program.line(/"connected"/);
    const id = ++subscriber.#lastId;
    subscriber.send({ keepalive: [id, 15_000, 3_600_000] });
    await subscriber.#response(id, "Keepalive");
    return subscriber;
  }

  get messages(): Message[] {
    return this.#program.events<Message>("message");
  }

  send(order: Order): void {
    this.#program.say(JSON.stringify(order));
  }

  /** Returns the response. */
  async subscribe(name: string, type: number): Promise<Message> {
    const id = ++this.#lastId;
    this.send({ subscribe: [id, name, type] });
    return await this.#response(id, name);
  }

  async #response(id: number, what: string): Promise<Message> {
    return await waitFor(`a response for ${what}`, () =>
      this.messages.find((each) => each.isResponse && each.id === id),
    );
  }

  async subscribeAll(...wanted: readonly (readonly [name: string, type: number])[]): Promise<void> {
    const responses = await Promise.all(wanted.map(([name, type]) => this.subscribe(name, type)));
    for (const { rcode } of responses) assert.equal(rcode, Rcode.NOERROR);
  }

  /** The first message from `since` on after which `isIt` holds of what the client knows. */
  async knows(what: string, isIt: (lines: readonly string[]) => boolean, since = 0) {
    return await waitFor(`the client to know of ${what}`, () =>
      this.messages.find(({ at, known }) => at >= since && isIt(known)),
    );
  }

  async ended(): Promise<string> {
    const line = () => this.#program.events<Ended>("ended")[0];
    return (await waitFor("the end of a connection", line)).how;
  }
}

const has = (part: string) => (lines: readonly string[]) =>
  lines.some((line) => line.includes(part));
const lacks = (part: string) => (lines: readonly string[]) =>
  lines.every((line) => !line.includes(part));

const says =
  (text: string) =>
  ({ records }: Change) =>
    records.some((record) => record.includes(Buffer.from(text).toString("hex")));

const tools = ["avahi-daemon", "dig", "openssl", ...OFFICE_TOOLS];

describe("Changes are pushed", { skip: needs(...tools), concurrency: true }, () => {
  it("UPD-37, PUSH-06, PUSH-28, PUSH-35, DSO-26: from office to office, until the server ends", async (t) => {
    await using lab = new Lab();
    const area = new WideArea(lab);
    const [paris, lyon] = [area.branch("paris"), area.branch("lyon")];
    const desk = lyon.host("desk", 10);
    const reader = lyon.host("reader", 11);
    const guest = lyon.host("guest", 101);
    const stranger = lyon.host("stranger", 102);
    const data = temporaryFolder();
    writeFileSync(join(data, `${ZONE}.zone`), zoneFile(NAME_SERVER));
    const certificate = makeCertificate(PUSH_HOST);
    const server = await area.serve({
      ...{ data, listen: listening(certificate) },
      views: [{ networks: ["10.2.0.10/31"] }, { networks: ["10.2.0.101"], sites: ["lyon"] }],
    });
    await Promise.all([
      paris.collect(paris.host("collector", 2)),
      lyon.collect(lyon.host("collector", 2)),
    ]);

    const place = await locate(desk, NAME_SERVER, ZONE);
    assert.deepEqual(place, { address: NAME_SERVER, port: 853, target: `${PUSH_HOST}.` });
    const another = new Subscriber(desk, { ...place, target: "ns.example.com." }, certificate);
    const connect = (host: Host) => Subscriber.connect(host, place, certificate);
    const clients = [connect(reader), connect(guest), connect(stranger)] as const;
    const [all, some, none] = await Promise.all(clients);
    assert.match(await another.ended(), /ERR_TLS_CERT_ALTNAME_INVALID/);

    const list = `_presence._tcp.${ZONE}.`;
    const inParis = `_presence._tcp.paris.${ZONE}.`;
    const instance = (user: string, site: string) =>
      `${Name.parse(`_presence._tcp.${site}.${ZONE}.`).child(user)}`;
    const [anna, luc] = [instance("anna@laptop", "paris"), instance("luc@phone", "lyon")];
    await all.subscribeAll([list, Type.PTR], [anna, Type.TXT], [luc, Type.TXT]);
    await some.subscribeAll([list, Type.PTR], [inParis, Type.PTR]);
    await some.subscribeAll([anna, Type.TXT], [luc, Type.TXT]);
    const refused = await none.subscribe(list, Type.PTR);
    assert.equal(refused.rcode, Rcode.REFUSED);
    assert.deepEqual(
      refused.tlvs.map(([type]) => type),
      [2],
    );

    const person = desk.start(
      [
        ...[process.execPath, MAIN, "browse", "_presence._tcp", "--watch"],
        ...["--domain", ZONE, "--server", NAME_SERVER],
      ],
      { env: { NODE_EXTRA_CA_CERTS: certificate.paths.certificate } },
    );
    await waitFor("who browses to have changes pushed", () => /are pushed/.test(person.stderr));

    const lists = new Watch(desk, NAME_SERVER, list, "PTR");
    const texts = new Watch(desk, NAME_SERVER, anna, "TXT");
    await Promise.all([lists, texts].map((watch) => watch.until("an answer", () => true)));
    const compare = (what: string, told: { at: number }, seen: { at: number }, since?: number) => {
      const after = since === undefined ? "" : `, ${(told.at - since).toFixed(0)} ms since then`;
      t.diagnostic(`${what}: told ${seen.at - told.at} ms before it was seen by asking${after}`);
    };

    const annaThere = ChatUser.start(paris.host("laptop", 20), "anna@laptop");
    const lucThere = ChatUser.start(lyon.host("phone", 20), "luc@phone");
    const annaCame = await all.knows("Anna", has(`12 ${list} ${anna}`));
    compare("Anna comes", annaCame, await lists.until("Anna to be listed", says("anna@laptop")));
    const [annaUser, lucUser] = await Promise.all([annaThere, lucThere]);
    for (const client of [all, some]) await client.knows("Luc", has(`12 ${list} ${luc}`));

    for (const status of ["away", "dnd"]) {
      const text = `status=${status}`;
      await all.knows("Anna's presence", has(`16 ${anna} `));
      const said = await annaUser.say({ status, msg: `I am ${status}` });
      const told = await all.knows(text, has(`"${text}"`));
      compare(`Anna is ${status}`, told, await texts.until(text, says(text)), said);
      await person.line(new RegExp(`^    .*\\b${text}\\b`));
    }
    const left = Date.now();
    await annaUser.leave();
    const annaWent = await all.knows("Anna's end", lacks("anna"), left);
    const gone = texts.until("Anna to be gone", ({ count }) => count === 0, { since: left });
    compare("Anna goes", annaWent, await gone, left);
    await person.line(/^\S+ {2}- anna@laptop/);
    const ofAnna = person.lines.filter((line) => line.includes(" anna@laptop  (paris"));
    assert.deepEqual([ofAnna.at(0)?.[10], ofAnna.at(-1)?.[10]], ["+", "-"]);
    assert.equal(await person.stop("SIGINT"), 0);

    // Later than everything said about Anna.
    await lucUser.say({ status: "away", msg: "Lunch" });
    const isAway = (known: readonly string[]) =>
      known.length === 2 && has(`12 ${list} ${luc}`)(known) && has('"status=away"')(known);
    const { known } = await all.knows("Luc's presence", isAway);
    await some.knows("Luc's presence", isAway);
    assert.ok(some.messages.every(({ known }) => lacks("anna")(known)));
    assert.ok(some.messages.every(({ known }) => lacks("paris")(known)));

    const counters = await reader.succeed(["cat", "/proc/net/snmp", "/proc/net/snmp6"]);
    assert.match(counters, /^Udp6OutDatagrams\s+0$/m);
    assert.match(counters, /^Udp: \d+ \d+ \d+ 0 /m, "who is told asks nothing by UDP");

    assert.equal(await server.program.stop(), 0);
    for (const client of [all, some]) {
      assert.equal(await client.ended(), "end");
      const { id, isResponse, rcode, tlvs } = client.messages.at(-1)!;
      assert.deepEqual({ id, isResponse, rcode }, { id: 0, isResponse: false, rcode: 0 });
      assert.deepEqual(
        tlvs.map(([type, { length }]) => [type, length]),
        [[2, 8]],
      );
    }
    await server.restart();
    const back = await connect(reader);
    await back.subscribeAll([list, Type.PTR], [anna, Type.TXT], [luc, Type.TXT]);
    await back.knows("all there was", (lines) => lines.join("\n") === known.join("\n"));
  });

  it("PUSH-25, PROXY-29: a link is asked for what clients reconfirm and subscribe to", async (t) => {
    await using lab = new Lab();
    const net = office(lab);
    const certificate = makeCertificate(PUSH_HOST);
    const settings = {
      ...{ zone: ZONE, listen: listening(certificate) },
      links: [{ interface: "eth0", site: "office", onDemand: true }],
    };
    const files = { [`${ZONE}.zone`]: zoneFile(GATEWAY) };
    await Gateway.start(net.gateway, settings, files);
    const place = await locate(net.client, GATEWAY, ZONE);
    const connect = () => Subscriber.connect(net.client, place, certificate);
    const other = await connect();
    const printers = `_ipp._tcp.office.${ZONE}.`;
    const printer = `Printer.${printers}`;
    const shares = `_smb._tcp.${ZONE}.`;
    const share = `Share._smb._tcp.office.${ZONE}.`;
    const [camera, nas] = [`camera.office.${ZONE}.`, `nas.office.${ZONE}.`];
    await other.subscribeAll([printers, Type.PTR], [printer, Type.SRV], [camera, Type.A]);
    await other.subscribeAll([shares, Type.PTR], [share, Type.SRV], [nas, Type.A]);

    const device = (hostName: string, number: number, name: string, type: string, port: number) =>
      Avahi.start(net.device(hostName, number), { hostName, services: [{ name, type, port }] });
    const silent: RespondedService = {
      ...{ name: "Silent", type: "_ipp._tcp", port: 631, host: "silent", address: "10.77.1.23" },
      ...{ txt: ["rp=ipp"], subtypes: ["_a4._sub._ipp._tcp"] },
    };
    const parameters = [silent.address, JSON.stringify([silent])];
    const far = net.device("silent", 23);
    const [dying, unplugged] = await Promise.all([
      device("printer", 20, "Printer", "_ipp._tcp", 631),
      device("camera", 21, "Camera", "_rtsp._tcp", 554),
      device("nas", 22, "Share", "_smb._tcp", 445),
      far.script("multicast-responder", ...parameters).line(/ready/),
    ]);
    const expected = [
      `12 ${printers} ${printer}`,
      `12 ${printers} Silent.${printers}`,
      `12 ${shares} ${share}`,
      `33 ${printer} 0 0 631 printer.office.${ZONE}.`,
      `33 ${share} 0 0 445 ${nas}`,
      `1 ${camera} 10.77.1.21`,
      `1 ${nas} 10.77.1.22`,
    ].sort();
    await other.knows("all devices", (lines) => lines.join("\n") === expected.join("\n"));

    // Nobody has asked for the subtype, so nobody knows of it.
    const subtype = `_a4._sub._ipp._tcp.office.${ZONE}.`;
    const list = { server: GATEWAY, name: `_a4._sub._ipp._tcp.${ZONE}.`, type: "PTR" };
    assert.equal((await dig(net.client, list)).answers.length, 0);
    const one = await connect();
    const subscribed = Date.now();
    assert.equal((await one.subscribe(subtype, Type.PTR)).rcode, Rcode.NOERROR);
    const found = await one.knows("the silent printer", has(`12 ${subtype} Silent.${printers}`));
    t.diagnostic(`what is silent until asked: told after ${found.at - subscribed} ms`);

    // Two go without a goodbye, one by a crash, one by its cable. The third stays as it was.
    await dying.crash();
    unplugged.host.cable("eth0", "down");
    const { length } = other.messages;
    const asked = Date.now();
    const doubt = (name: string, data: Rdata) =>
      one.send({ reconfirm: [name, data.type, Buffer.from(data.toWire()).toString("hex")] });
    doubt(share, rdata.srv(0, 0, 445, Name.parse(nas)));
    doubt(nas, rdata.a("10.77.1.22"));
    doubt(printer, rdata.srv(0, 0, 631, Name.parse(`printer.office.${ZONE}.`)));
    doubt(camera, rdata.a("10.77.1.21"));
    for (const gone of [`33 ${printer}`, `12 ${printers} ${printer}`, `1 ${camera}`]) {
      const { at } = await other.knows(`the end of ${gone}`, lacks(gone), asked);
      t.diagnostic(`${gone.split(" ")[0]} doubted: gone for others after ${at - asked} ms`);
    }
    const alive = [`12 ${shares} ${share}`, `33 ${share}`, `1 ${nas}`, `Silent.${printers}`];
    for (const { known } of other.messages.slice(length)) {
      for (const line of alive) assert.ok(has(line)(known), line);
    }
  });

  it("PUSH-04, PUSH-28: of a zone that is signed here, and of a reverse zone", async () => {
    await using lab = new Lab();
    const net = office(lab);
    const certificate = makeCertificate(PUSH_HOST);
    const keys = join(temporaryFolder(), "keys");
    await succeed([process.execPath, MAIN, "key", "--dnssec", ZONE, "--folder", keys]);
    const reverse = "77.10.in-addr.arpa";
    const settings = {
      ...{ zone: ZONE, listen: listening(certificate), dnssec: { keys }, reverse: [reverse] },
      links: [{ interface: "eth0", site: "office" }],
    };
    const files = { [`${ZONE}.zone`]: zoneFile(GATEWAY) };
    await Gateway.start(net.gateway, settings, files);
    const place = await locate(net.client, GATEWAY, ZONE);
    const name = `_dns-push-tls._tcp.${reverse}.`;
    const { answers } = await dig(net.client, { server: GATEWAY, name, type: "SRV" });
    assert.deepEqual(
      answers.map((each) => formatRdata(each.rdata)),
      [`0 0 853 ${PUSH_HOST}.`],
    );

    const client = await Subscriber.connect(net.client, place, certificate);
    const printers = `_ipp._tcp.${ZONE}.`;
    const printer = `Printer._ipp._tcp.office.${ZONE}.`;
    const address = `20.1.${reverse}.`;
    await client.subscribeAll([printers, Type.PTR], [printer, Type.ANY], [address, Type.PTR]);
    const avahi = await Avahi.start(net.device("printer", 20), {
      ...{ hostName: "printer" },
      services: [{ name: "Printer", type: "_ipp._tcp", port: 631, txt: ["rp=ipp"] }],
    });
    const expected = [
      `12 ${printers} ${printer}`,
      `12 ${address} printer.office.${ZONE}.`,
      `16 ${printer} "rp=ipp"`,
      `33 ${printer} 0 0 631 printer.office.${ZONE}.`,
    ].sort();
    const there = await client.knows(
      "the printer",
      (lines) => lines.join("\n") === expected.join("\n"),
    );
    await avahi.stop();
    await client.knows("its end", (lines) => lines.length === 0, there.at + 1);
  });
});
