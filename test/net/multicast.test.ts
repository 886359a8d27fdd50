/** Links over real sockets, on networks made for each test; a probe program prints what they hear. */
import assert from "node:assert/strict";
import type { NetworkInterfaceInfo } from "node:os";
import { test } from "node:test";
import { Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import type { Interface } from "../../src/net/links/interfaces.ts";
import { multicastLinks } from "../../src/net/links/multicast.ts";
import { MulticastLink } from "../../src/net/links/multicastlink.ts";
import { Capture } from "../support/capture.ts";
import { FakeClock } from "../support/clock.ts";
import { type Host, Lab, needs } from "../support/lab.ts";
import { silentLog } from "../support/log.ts";
import type { Running } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";

interface Heard {
  readonly link: string;
  readonly family: 4 | 6;
  readonly source: string;
  readonly isUnicast: boolean;
  readonly isReply: boolean;
  readonly isShared: boolean;
  readonly hex: string;
}

const inLab = { skip: needs("tcpdump"), timeout: 60_000 };
const hex = (text: string) => Buffer.from(text).toString("hex");
const heard = (probe: Running, text: string) =>
  probe.events<Heard>("packet").filter((packet) => packet.hex === hex(text));

/** Two hosts of one LAN: 10.77.1.1 and 10.77.1.2. */
function twoHosts(lab: Lab): [near: Host, far: Host] {
  const lan = lab.lan("sw");
  return [
    lab.host("near").plug(lan, { name: "eth0", addresses: ["10.77.1.1/24"] }),
    lab.host("far").plug(lan, { name: "eth0", addresses: ["10.77.1.2/24"] }),
  ];
}

/** A program on `host` that has found its links. */
async function startProbe(host: Host, count: number, ...interfaces: string[]): Promise<Running> {
  const probe = host.script("probe", ...interfaces);
  await waitFor("links", () => probe.events("came").length === count);
  return probe;
}

/** Sends `text` until `to` has heard it over both families, on whichever link. */
async function reach(from: Running, link: string, to: Running, text: string) {
  const before = heard(to, text).length;
  const now = () => heard(to, text).slice(before);
  await waitFor(
    `"${text}" to be heard`,
    () => {
      if (new Set(now().map(({ family }) => family)).size === 2) return true;
      from.say(`${link} ${hex(text)}`);
      return false;
    },
    30_000,
    100,
  );
  return now();
}

/** Sends a datagram from outside, with any address, port and destination. */
async function cast(host: Host, text: string, fields: object): Promise<void> {
  const program = `
    const { text, bind, to, port, toPort, hops, size } = ${JSON.stringify({ text, ...fields })};
    const family = to.includes(":") ? 6 : 4;
    const socket = require("dgram").createSocket({ type: "udp" + family, reuseAddr: true });
    socket.bind(port ?? 5353, bind, () => {
      if (bind && family === 4) socket.setMulticastInterface(bind);
      socket.setMulticastTTL(hops ?? 255);
      const bytes = size ? Buffer.alloc(size, text) : Buffer.from(text);
      socket.send(bytes, toPort ?? 5353, to, () => socket.close());
    });`;
  await host.succeed([process.execPath, "-e", program]);
}

const GROUP = "224.0.0.251";

/** No other link, and another program on port 5353. */
const ALONE = { heard: [], interfaces: [], isShared: true };

/** An interface with these IPv4 addresses. */
const interfaceOf = (...addresses: readonly string[]): Interface => ({
  ...{ name: "test0", index: 1, mtu: 1_500, isLoopback: false, isMulticast: true },
  addresses: addresses.map((address) => ({ family: 4, address, prefix: 24 })),
});

test("A socket that fails is retried, with a warning at the second failure", async () => {
  const warned: string[] = [];
  const warn = (fields: object) => void warned.push((fields as { socket: string }).socket);
  const log = { ...silentLog, warn };
  const link = new MulticastLink(interfaceOf("192.0.2.1"), new FakeClock(), log);
  const adjust = (address: string) => link.adjust(interfaceOf(address), ALONE);
  adjust("192.0.2.1");
  assert.deepEqual(warned, []);
  // The address is gone for a moment: the count begins anew.
  adjust("127.0.0.1");
  await new Promise(setImmediate);
  adjust("192.0.2.1");
  assert.deepEqual(warned, []);
  for (let i = 0; i < 3; i++) adjust("192.0.2.1");
  assert.deepEqual(warned.sort(), ["ask4", "group4", "speak4"]);
  link.close();
});

test("A link is adapted only after a change of the host, while what failed is retried", (t) => {
  const adjust = t.mock.method(MulticastLink.prototype, "adjust");
  const clock = new FakeClock();
  const life = new AbortController();
  const warned: object[] = [];
  const log = { ...silentLog, warn: (fields: object) => void warned.push(fields) };
  const state = { interfaces: 2, members: "" };
  const info = (address: string): NetworkInterfaceInfo => ({
    ...{ address, cidr: `${address}/24`, family: "IPv4", netmask: "", mac: "", internal: false },
  });
  const host = {
    interfaces: () =>
      Object.fromEntries(
        Array.from({ length: state.interfaces }, (_, i) => [`test${i}`, [info(`192.0.${i}.1`)]]),
      ),
    read: (path: string) => (path === "/proc/net/igmp" ? state.members : undefined),
  };
  const follow = { clock, log, host, interfaces: ["test0", "test1"] };
  multicastLinks(follow).follow(() => {}, life.signal);
  assert.equal(adjust.mock.callCount(), 2);
  for (let i = 0; i < 3; i++) clock.advance(1000);
  assert.equal(adjust.mock.callCount(), 2);
  assert.equal(
    warned.length,
    6,
    "both interfaces have sockets of three roles that cannot be opened",
  );
  state.interfaces = 3;
  clock.advance(1000);
  assert.equal(adjust.mock.callCount(), 4);
  state.members = "4\ttest2     :     1      V3\n\t\t\t\tFB0000E0     1 0:00000000\t\t0\n";
  clock.advance(1000);
  assert.equal(adjust.mock.callCount(), 6);
  state.interfaces = 1;
  clock.advance(1000);
  assert.equal(adjust.mock.callCount(), 7);
  life.abort();
});

test("What is sent while there are no sockets is lost, as on the wire", () => {
  const link = new MulticastLink(interfaceOf("127.0.0.1"), new FakeClock(), silentLog);
  link.send(Buffer.from("early"));
  link.adjust(interfaceOf("127.0.0.1"), ALONE);
  link.send(Buffer.from("early"));
  link.close();
  link.send(Buffer.from("late"));
});

test("MDNS-59: of a large MTU, only what a message may have is used", () => {
  const link = new MulticastLink(interfaceOf(), new FakeClock(), silentLog);
  for (const [mtu, payload] of [
    [1_500, 1_452],
    [9_000, 8_952],
    [65_536, 8_952],
  ] as const) {
    link.adjust({ ...interfaceOf(), mtu }, ALONE);
    assert.equal(link.payload, payload);
  }
  link.close();
});

test("A link's list of addresses is replaced only after a change", () => {
  const link = new MulticastLink(interfaceOf(), new FakeClock(), silentLog);
  // Another interface has the address too, so it gets no sockets.
  const surroundings = { ...ALONE, interfaces: [interfaceOf("192.0.2.1")] };
  link.adjust(interfaceOf("192.0.2.1"), surroundings);
  const before = link.addresses;
  link.adjust(interfaceOf("192.0.2.1"), surroundings);
  assert.equal(link.addresses, before);
  link.adjust(interfaceOf(), surroundings);
  assert.deepEqual(link.addresses, []);
  link.close();
});

test(
  "MDNS-01, MDNS-26, MDNS-48: packets go to both groups from port 5353 with hop limit 255",
  inLab,
  async () => {
    await using lab = new Lab();
    const [near, far] = twoHosts(lab);
    const wire = await Capture.on(far, "eth0");
    const probe = await startProbe(near, 1);
    const other = await startProbe(far, 1);
    await reach(probe, "eth0", other, "hello");
    const sent = (await wire.stop()).filter((one) => one.payload.equals(Buffer.from("hello")));
    const link = await near.linkLocal("eth0");
    for (const [family, source, destination] of [
      [4, "10.77.1.1", GROUP],
      [6, link, "ff02::fb"],
    ] as const) {
      const one = sent.find((datagram) => datagram.family === family);
      assert.ok(one, `IPv${family} was sent`);
      assert.deepEqual(
        [one.source, one.destination, one.sourcePort, one.destinationPort, one.hops],
        [source, destination, 5353, 5353, 255],
      );
    }
    const families = heard(other, "hello").map(({ family, source }) => `${family} ${source}`);
    assert.deepEqual([...new Set(families)].sort(), [`4 10.77.1.1`, `6 ${link}`]);
  },
);

test(
  "MDNS-23, MDNS-24, MDNS-26: a question to one host has hop limit 255 and a port that takes on-link answers only",
  inLab,
  async () => {
    await using lab = new Lab();
    const lan = lab.lan("sw");
    const near = lab.host("near").plug(lan, { name: "eth0", addresses: ["10.77.1.1/24"] });
    const far = lab
      .host("far")
      .plug(lan, { name: "eth0", addresses: ["10.77.1.2/24", "10.99.0.1/32"] });
    near.route("10.99.0.0/16", "10.77.1.2");
    const wire = await Capture.on(far, "eth0");
    const probe = await startProbe(near, 1);
    for (const [family, address] of [
      [4, "10.77.1.2"],
      [6, await far.linkLocal("eth0")],
    ] as const) {
      const alone = () => wire.datagrams.find((one) => one.destination === address);
      await waitFor(`IPv${family}`, () => {
        probe.say(`eth0 ${hex("alone")} ${family} ${address}`);
        return alone() !== undefined;
      });
      assert.equal(alone()!.hops, 255);
      assert.equal(alone()!.destinationPort, 5353);
      assert.notEqual(alone()!.sourcePort, 5353);
    }
    await wire.stop();
    const { sourcePort: toPort } = wire.datagrams.find((one) => one.destination === "10.77.1.2")!;
    const to = { to: "10.77.1.1", toPort };
    await cast(far, "off link", { bind: "10.99.0.1", ...to });
    await cast(far, "foreign port", { bind: "10.77.1.2", port: 40_000, ...to });
    await cast(far, "answer", { bind: "10.77.1.2", ...to });
    await waitFor("the answer", () => probe.events("packet").length > 0);
    assert.deepEqual(
      probe.events<Heard>("packet").map(({ hex, isUnicast, isReply }) => [hex, isUnicast, isReply]),
      [[hex("answer"), true, true]],
    );
  },
);

test(
  "MDNS-46, MDNS-47: with two links, each hears and sends its own packets only",
  inLab,
  async () => {
    await using lab = new Lab();
    const a = lab.lan("a");
    const b = lab.lan("b");
    const gateway = lab
      .host("gw")
      .plug(a, { name: "a0", addresses: ["10.77.1.1/24"] })
      .plug(b, { name: "b_0", addresses: ["10.77.2.1/24"] });
    const onA = lab.host("pa").plug(a, { name: "eth0", addresses: ["10.77.1.10/24"] });
    const onB = lab.host("pb").plug(b, { name: "eth0", addresses: ["10.77.2.10/24"] });
    const probe = await startProbe(gateway, 2);
    const [peerA, peerB] = [await startProbe(onA, 1), await startProbe(onB, 1)];
    const links = (packets: Heard[]) => [
      ...new Set(packets.map((one) => `${one.link} ${one.family}`)),
    ];
    assert.deepEqual(links(await reach(peerA, "eth0", probe, "from a")).sort(), ["a0 4", "a0 6"]);
    assert.deepEqual(links(await reach(peerB, "eth0", probe, "from b")).sort(), ["b_0 4", "b_0 6"]);
    await reach(probe, "a0", peerA, "to a");
    await reach(probe, "b_0", peerB, "to b");
    assert.deepEqual([heard(peerA, "to b"), heard(peerB, "to a")], [[], []]);
  },
);

test(
  "Packets leave from an address that others can answer to, if the link has one",
  inLab,
  async () => {
    await using lab = new Lab();
    const lan = lab.lan("sw");
    const addresses = ["203.0.113.9/32", "10.77.1.1/24"];
    const host = lab.host("host").plug(lan, { name: "eth0", addresses });
    const far = lab.host("far").plug(lan, { name: "eth0", addresses: ["10.77.1.2/24"] });
    const peer = await startProbe(far, 1);
    const probe = await startProbe(host, 1);
    const sources = async (text: string) => {
      const packets = await reach(probe, "eth0", peer, text);
      return [...new Set(packets.filter(({ family }) => family === 4).map(({ source }) => source))];
    };
    assert.deepEqual(await sources("hello"), ["10.77.1.1"]);
    host.removeAddress("eth0", "10.77.1.1/24");
    await waitFor("the other", async () => `${await sources("again")}` === "203.0.113.9");
  },
);

test("MDNS-46: two LANs with the same prefix stay apart", inLab, async () => {
  await using lab = new Lab();
  const a = lab.lan("a");
  const b = lab.lan("b");
  const gateway = lab
    .host("gw")
    .plug(a, { name: "a0", addresses: ["192.168.1.1/24"] })
    .plug(b, { name: "b0", addresses: ["192.168.1.2/24"] });
  const onA = lab.host("pa").plug(a, { name: "eth0", addresses: ["192.168.1.10/24"] });
  const onB = lab.host("pb").plug(b, { name: "eth0", addresses: ["192.168.1.10/24"] });
  const probe = await startProbe(gateway, 2);
  const [peerA, peerB] = [await startProbe(onA, 1), await startProbe(onB, 1)];
  for (const [peer, link] of [
    [peerA, "a0"],
    [peerB, "b0"],
  ] as const) {
    const packets = await reach(peer, "eth0", probe, `on ${link}`);
    assert.deepEqual([...new Set(packets.map((packet) => packet.link))], [link]);
  }
  await reach(probe, "a0", peerA, "to a");
  assert.deepEqual(heard(peerB, "to a"), []);
  const warning = probe
    .events<{ level: string; fact: string }>("log")
    .find((one) => one.level === "warn");
  assert.match(warning?.fact ?? "", /interfaces a0 and b0 share the subnet/);
});

test(
  "MDNS-46: with more links than the kernel allows memberships, subnets tell them apart",
  inLab,
  async () => {
    await using lab = new Lab();
    const a = lab.lan("a");
    const b = lab.lan("b");
    const gateway = lab
      .host("gw")
      .plug(a, { name: "a0", addresses: ["10.77.1.1/24"] })
      .plug(b, { name: "b0", addresses: ["10.77.2.1/24"] });
    gateway.set("net/ipv4/igmp_max_memberships", "1");
    const onB = lab
      .host("pb")
      .plug(b, { name: "eth0", addresses: ["10.77.2.10/24", "10.99.0.1/32"] });
    const probe = await startProbe(gateway, 2);
    await cast(onB, "off link", { bind: "10.99.0.1", to: GROUP });
    await cast(onB, "on b", { bind: "10.77.2.10", to: GROUP });
    await waitFor("the last", () => heard(probe, "on b").length > 0);
    assert.deepEqual(
      probe.events<Heard>("packet").map((packet) => [packet.link, packet.source]),
      [["b0", "10.77.2.10"]],
    );
    const warned = probe
      .events<{ level: string; fact: string; interface: string }>("log")
      .filter(({ level, fact }) => level === "warn" && /igmp_max_memberships/.test(fact));
    assert.deepEqual(warned.map((one) => one.interface).sort(), ["a0", "b0"]);
  },
);

test(
  "MDNS-46: if nothing tells two links apart, their IPv4 packets are heard on neither",
  inLab,
  async () => {
    await using lab = new Lab();
    const a = lab.lan("a");
    const gateway = lab
      .host("gw")
      .plug(a, { name: "a0", addresses: ["192.168.1.1/24"] })
      .plug(lab.lan("b"), { name: "b0", addresses: ["192.168.1.2/24"] });
    gateway.set("net/ipv4/igmp_max_memberships", "1");
    const onA = lab.host("pa").plug(a, { name: "eth0", addresses: ["192.168.1.10/24"] });
    const probe = await startProbe(gateway, 2);
    const peer = await startProbe(onA, 1);
    const reasons = () =>
      probe.events<{ interface?: string; reason?: string }>("log").flatMap((one) => {
        return one.reason === "of another link" ? one.interface : [];
      });
    await waitFor("packets on both", () => {
      peer.say(`eth0 ${hex("on a")}`);
      return reasons().length === 2 && heard(probe, "on a").length > 0;
    });
    const links = heard(probe, "on a").map(({ link, family }) => `${link} ${family}`);
    assert.deepEqual([...new Set(links)], ["a0 6"]);
  },
);

test(
  "MDNS-23, MDNS-24, MDNS-25, MDNS-27, MDNS-60: what is accepted from the wire and what is not",
  inLab,
  async () => {
    await using lab = new Lab();
    const lan = lab.lan("sw");
    const elsewhere = lab.lan("sw2");
    const near = lab
      .host("near")
      .plug(lan, { name: "eth0", addresses: ["10.77.1.1/24"] })
      .plug(elsewhere, { name: "eth1", addresses: ["10.77.2.1/24"] });
    const far = lab
      .host("far")
      .plug(lan, { name: "eth0", addresses: ["10.77.1.2/24", "10.99.0.1/32", "10.77.2.2/32"] });
    near.route("10.99.0.0/16", "10.77.1.2");
    const probe = await startProbe(near, 2);
    for (const port of [40_000, 40_001]) {
      await cast(far, "foreign port", { bind: "10.77.1.2", to: GROUP, port });
    }
    await cast(far, "off link", { bind: "10.99.0.1", to: "10.77.1.1" });
    await cast(far, "unicast", { bind: "10.77.1.2", to: "10.77.1.1" });
    await cast(far, "group, off link", { bind: "10.99.0.1", to: GROUP });
    await cast(far, "group, off link again", { bind: "10.99.0.1", to: GROUP });
    await cast(far, "of eth1's", { bind: "10.77.2.2", to: GROUP });
    await cast(far, "old ttl", { bind: "10.77.1.2", to: GROUP, hops: 64 });
    await cast(far, "long", { bind: "10.77.1.2", to: GROUP, size: 8_972 });
    await cast(far, "as long as can be", { bind: "10.77.1.2", to: GROUP, size: 65_507 });
    await cast(far, "end", { bind: "10.77.1.2", to: GROUP });
    // Unicast arrives on another socket.
    for (const last of ["unicast", "end"]) {
      await waitFor(`"${last}"`, () => heard(probe, last).length > 0);
    }
    const got = probe.events<Heard>("packet").map(({ link, source, isUnicast, hex }) => {
      const text = Buffer.from(hex, "hex").toString();
      return [text.length > 1000 ? text.length : text, link, source, isUnicast];
    });
    assert.deepEqual(got.sort(), [
      [65_507, "eth0", "10.77.1.2", false],
      [8_972, "eth0", "10.77.1.2", false],
      ["end", "eth0", "10.77.1.2", false],
      ["group, off link again", "eth0", "10.99.0.1", false],
      ["group, off link", "eth0", "10.99.0.1", false],
      ["old ttl", "eth0", "10.77.1.2", false],
      ["unicast", "eth0", "10.77.1.2", true],
    ]);
    // Each is reported once.
    const said = probe.events<{ fact: string; source: string; reason?: string }>("log");
    const strangers = said.filter(({ fact }) => /outside the subnets/.test(fact));
    assert.deepEqual(
      strangers.map(({ source }) => source),
      ["10.99.0.1"],
    );
    assert.deepEqual(said.flatMap(({ reason }) => reason ?? []).sort(), [
      ...["foreign port", "of another link", "off link"],
    ]);
  },
);

test(
  "MDNS-69: our own packets are not heard, but those of another program on this host are",
  inLab,
  async () => {
    await using lab = new Lab();
    const lan = lab.lan("sw");
    const host = lab.host("host").plug(lan, { name: "eth0", addresses: ["10.77.1.1/24"] });
    const one = await startProbe(host, 1);
    const two = await startProbe(host, 1);
    await reach(one, "eth0", two, "from one");
    await reach(two, "eth0", one, "from two");
    assert.deepEqual([heard(one, "from one"), heard(two, "from two")], [[], []]);
    // And nothing else is mistaken for what we have just sent.
    const far = lab.host("far").plug(lan, { name: "eth0", addresses: ["10.77.1.2/24"] });
    const other = await startProbe(far, 1);
    for (const [speaker, text] of [
      [two, "another's"],
      [other, "ours"],
    ] as const) {
      await waitFor(`"${text}" to be heard`, () => {
        for (const each of [hex("ours"), hex("more of ours")]) one.say(`eth0 ${each}`);
        speaker.say(`eth0 ${hex(text)}`);
        return heard(one, text).length > 0;
      });
    }
    assert.ok(heard(one, "ours").every(({ source }) => source !== "10.77.1.1"));
    const reasons = [one, two].flatMap((probe) => probe.events<{ reason?: string }>("log"));
    assert.ok(
      reasons.every(({ reason }) => reason !== "own"),
      "it is no news",
    );
  },
);

test(
  "MDNS-20, MDNS-21: a program on the wildcard address keeps its unicast, whichever came first",
  inLab,
  async () => {
    await using lab = new Lab();
    const [host, far] = twoHosts(lab);
    const holder = () =>
      host.start([
        ...[process.execPath, "-e"],
        `const socket = require("dgram").createSocket({ type: "udp4", reuseAddr: true });
       socket.on("message", (bytes) => console.log("heard " + bytes));
       socket.bind(5353, () => console.log("open"));`,
      ]);
    const toHolder = (program: Running, text: string) =>
      waitFor(`the holder to hear "${text}"`, async () => {
        await cast(far, text, { bind: "10.77.1.2", to: "10.77.1.1" });
        return program.lines.includes(`heard ${text}`);
      });
    // The probe first: it hears unicast until the other comes, and again after that has gone.
    const probe = await startProbe(host, 1);
    const peer = await startProbe(far, 1);
    await cast(far, "alone", { bind: "10.77.1.2", to: "10.77.1.1" });
    await waitFor("unicast", () => heard(probe, "alone").length === 1);
    const late = holder();
    await late.line(/open/);
    await toHolder(late, "shared");
    assert.deepEqual(
      [...new Set((await reach(peer, "eth0", probe, "group")).map((p) => p.isShared))],
      [true],
    );
    await late.stop();
    await waitFor("unicast again", async () => {
      await cast(far, "alone again", { bind: "10.77.1.2", to: "10.77.1.1" });
      return heard(probe, "alone again").length > 0;
    });
    await probe.stop();
    // The other first: the probe never takes unicast from it.
    const early = holder();
    await early.line(/open/);
    const second = await startProbe(host, 1);
    await reach(peer, "eth0", second, "group");
    await cast(far, "mine", { bind: "10.77.1.2", to: "10.77.1.1" });
    await early.line(/heard mine/);
    assert.deepEqual(heard(second, "mine"), []);
  },
);

test(
  "A guest hears the group, and takes no unicast from the other programs on this host",
  inLab,
  async () => {
    await using lab = new Lab();
    const [host, far] = twoHosts(lab);
    const [probe, peer] = [await startProbe(host, 1), await startProbe(far, 1)];
    const toProbe = async (text: string) => {
      await cast(far, text, { bind: "10.77.1.2", to: "10.77.1.1" });
      return heard(probe, text).length > 0;
    };
    await waitFor("unicast", () => toProbe("alone"));
    const guest = await startProbe(host, 1, "--guest");
    await reach(peer, "eth0", guest, "group");
    await waitFor("unicast beside the guest", () => toProbe("beside"));
    assert.deepEqual(heard(guest, "beside"), []);
  },
);

test(
  "MDNS-47: a link comes back after a change of its cable, its address or the interface itself",
  inLab,
  async () => {
    await using lab = new Lab();
    const lan = lab.lan("sw");
    const plug = { name: "eth0", addresses: ["10.77.1.1/24"] };
    const host = lab.host("host").plug(lan, plug);
    const far = lab.host("far").plug(lan, { name: "eth0", addresses: ["10.77.1.2/24"] });
    const peer = await startProbe(far, 1);
    const probe = await startProbe(host, 1);
    await reach(peer, "eth0", probe, "before");

    host.cable("eth0", "down");
    await waitFor("the link to go", () => probe.events("went").length === 1);
    host.cable("eth0", "up");
    await waitFor("the link to come", () => probe.events("came").length === 2);
    await reach(peer, "eth0", probe, "after the cable");

    host.unplug("eth0");
    await waitFor("the link to go", () => probe.events("went").length === 2);
    host.plug(lan, plug);
    await waitFor("the link to come", () => probe.events("came").length === 3);
    await reach(peer, "eth0", probe, "after the plug");

    host.removeAddress("eth0", "10.77.1.1/24");
    host.addAddress("eth0", "10.77.1.9/24");
    await waitFor("the new address to be the source", async () => {
      const packets = await reach(probe, "eth0", peer, "after the address");
      return packets.some((packet) => packet.source === "10.77.1.9");
    });
    await reach(peer, "eth0", probe, "at the new address");
    assert.equal(probe.events("went").length, 2, "an address is no link");
    const groups = await host.succeed(["cat", "/proc/net/igmp", "/proc/net/igmp6"]);
    assert.match(groups, /FB0000E0/);
    assert.match(groups, /ff0200000000000000000000000000fb/);
  },
);

test("One interface in trouble neither disturbs another nor ends the process", inLab, async () => {
  await using lab = new Lab();
  const a = lab.lan("a");
  const b = lab.lan("b");
  const host = lab
    .host("host")
    .plug(a, { name: "a0", addresses: ["10.77.1.1/24"] })
    .plug(b, { name: "b0", addresses: ["10.77.2.1/24"] });
  const far = lab.host("far").plug(a, { name: "eth0", addresses: ["10.77.1.2/24"] });
  const peer = await startProbe(far, 1);
  const probe = await startProbe(host, 2);
  // Packets to an interface that has just gone, with sockets still bound to its address.
  host.unplug("b0");
  for (let i = 0; i < 20; i++) probe.say(`b0 ${hex("into the void")}`);
  await reach(probe, "a0", peer, "still there");
  await waitFor("the link to go", () => probe.events("went").length === 1);
  await reach(peer, "eth0", probe, "still hearing");
  assert.equal(probe.isRunning, true);
});

test(
  "Port 5353 held by a program that does not share it is reported once, and retried",
  inLab,
  async () => {
    await using lab = new Lab();
    const [host, far] = twoHosts(lab);
    const holder = host.start([
      ...[process.execPath, "-e"],
      `const socket = require("dgram").createSocket("udp4"); socket.bind(5353, () => console.log("open"));`,
    ]);
    await holder.line(/open/);
    const probe = await startProbe(host, 1);
    const warned = () =>
      probe.events<{ fact: string }>("log").filter((one) => /held by a program/.test(one.fact));
    await waitFor("a warning", () => warned().length >= 2);
    assert.equal(warned().length, 2, "one for each IPv4 socket");
    await holder.stop();
    const peer = await startProbe(far, 1);
    await reach(peer, "eth0", probe, "at last");
  },
);

test("Only the named interfaces are links, and a missing one is reported", inLab, async () => {
  await using lab = new Lab();
  const a = lab.lan("a");
  const host = lab
    .host("host")
    .plug(a, { name: "a0", addresses: ["10.77.1.1/24"] })
    .plug(lab.lan("b"), { name: "b0", addresses: ["10.77.2.1/24"] });
  const probe = await startProbe(host, 1, "a0", "wlan7");
  assert.deepEqual(
    probe.events<{ link: string }>("came").map((one) => one.link),
    ["a0"],
  );
  const warnings = () =>
    probe.events<{ level: string; fact: string }>("log").filter(({ level }) => level === "warn");
  await waitFor("a warning", () => warnings().length > 0);
  assert.deepEqual(
    warnings().map(({ fact }) => fact),
    ["interface wlan7 does not exist, is down or has no address"],
  );
});

test("An interface named as a link is reported while it is a port of a bridge", inLab, async () => {
  await using lab = new Lab();
  const host = lab.host("host").plug(lab.lan("sw"), { name: "eth0", addresses: [] });
  await host.succeed(["ip", "link", "add", "vmbr0", "type", "bridge"]);
  await host.succeed(["ip", "link", "set", "eth0", "master", "vmbr0"]);
  const probe = await startProbe(host, 1, "eth0");
  const warnings = () =>
    probe.events<{ level: string; fact: string }>("log").filter(({ level }) => level === "warn");
  await waitFor("a warning", () => warnings().length > 0);
  assert.deepEqual(
    warnings().map(({ fact }) => fact),
    ["interface eth0 is a port of the bridge vmbr0: only vmbr0 hears anything"],
  );
});

test("MDNS-59: a message as large as the interface's MTU leaves in one piece", inLab, async () => {
  await using lab = new Lab();
  const [near, far] = twoHosts(lab);
  const wire = await Capture.on(far, "eth0");
  const probe = await startProbe(near, 1);
  const name = Name.parse("_http._tcp.local.");
  const questions = Array.from({ length: 100 }, () => ({ name, type: Type.PTR, class: 1 }));
  const bytes = encode(makeMessage({ questions }), { compression: "multicast" });
  const { payload } = probe.events<{ payload: number }>("came")[0]!;
  assert.equal(payload, 1_500 - 48);
  const message = Buffer.concat([bytes, Buffer.alloc(payload)]).subarray(0, payload);
  await waitFor("both families", () => {
    probe.say(`eth0 ${message.toString("hex")}`);
    const whole = wire.datagrams.filter((one) => one.payload.equals(message));
    return new Set(whole.map((one) => one.family)).size === 2;
  });
  await wire.stop();
});
