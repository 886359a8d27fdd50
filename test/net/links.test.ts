/** Links that share a subnet, and links that move to another, over real sockets. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Capture } from "../support/capture.ts";
import { type Host, Lab, needs } from "../support/lab.ts";
import type { Running } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";

interface Heard {
  readonly link: string;
  readonly family: 4 | 6;
  readonly addresses: readonly { readonly family: 4 | 6; readonly address: string }[];
  readonly hex: string;
}

const inLab = { skip: needs("tcpdump"), timeout: 60_000 };
const hex = (text: string) => Buffer.from(text).toString("hex");
const heard = (probe: Running, text: string) =>
  probe.events<Heard>("packet").filter((packet) => packet.hex === hex(text));
const links = (packets: readonly Heard[]) => [
  ...new Set(packets.map(({ link, family }) => `${link} ${family}`)),
];
const warnings = (probe: Running) =>
  probe
    .events<{ level: string; fact: string }>("log")
    .filter(({ level }) => level === "warn")
    .map(({ fact }) => fact);

async function startProbe(host: Host, count: number, ...interfaces: string[]): Promise<Running> {
  const probe = host.script("probe", ...interfaces);
  await waitFor("links", () => probe.events("came").length === count);
  return probe;
}

/** Sends `text` again and again until `isEnough`. */
async function say(from: Running, link: string, text: string, isEnough: () => boolean) {
  await waitFor(
    `"${text}" to be heard`,
    () => {
      if (isEnough()) return true;
      from.say(`${link} ${hex(text)}`);
      return false;
    },
    30_000,
    100,
  );
}

/** Two LANs, a host on both, and a host with a probe on each. */
async function twoLans(lab: Lab, a0: string, b0: string) {
  const [a, b] = [lab.lan("a"), lab.lan("b")];
  const gateway = lab
    .host("gw")
    .plug(a, { name: "a0", addresses: [a0] })
    .plug(b, { name: "b0", addresses: [b0] });
  const plug = { name: "eth0", addresses: ["192.168.1.10/24"] };
  const hosts = [lab.host("pa").plug(a, plug), lab.host("pb").plug(b, plug)] as const;
  const peers = [await startProbe(hosts[0], 1), await startProbe(hosts[1], 1)] as const;
  return { gateway, hosts, peers };
}

test(
  "MDNS-46: a link hears nothing from an interface in its subnet that is not a link",
  inLab,
  async () => {
    await using lab = new Lab();
    const { gateway, peers } = await twoLans(lab, "192.168.1.1/24", "192.168.1.2/24");
    // Another program that has joined the group on b0, as avahi-daemon does.
    const other = await startProbe(gateway, 1, "b0");
    const probe = await startProbe(gateway, 1, "a0");
    await say(peers[1], "eth0", "on b", () => heard(other, "on b").length > 5);
    await say(peers[0], "eth0", "on a", () => links(heard(probe, "on a")).length === 2);
    assert.deepEqual(heard(probe, "on b"), []);
    assert.deepEqual(heard(other, "on a"), []);
  },
);

test(
  "MDNS-46: a link hears nothing from an interface that is not a link, whatever its hosts' addresses",
  inLab,
  async () => {
    await using lab = new Lab();
    const { gateway, hosts, peers } = await twoLans(lab, "192.168.1.1/24", "10.77.2.1/24");
    const probe = await startProbe(gateway, 1, "a0");
    const other = await startProbe(gateway, 1, "b0");
    await waitFor("both to know of one another", async () => {
      const text = await gateway.succeed(["cat", "/proc/net/mcfilter"]);
      return [...text.matchAll(/[ab]0 0xe00000fb 0x7f000001/g)].length === 2;
    });
    await say(peers[1], "eth0", "of a's", () => heard(other, "of a's").length > 5);
    hosts[1].removeAddress("eth0", "192.168.1.10/24");
    hosts[1].addAddress("eth0", "172.16.5.5/24");
    await say(peers[1], "eth0", "of none", () => links(heard(other, "of none")).includes("b0 4"));
    await say(peers[0], "eth0", "on a", () => links(heard(probe, "on a")).length === 2);
    assert.deepEqual([...heard(probe, "of a's"), ...heard(probe, "of none")], []);
  },
);

test(
  "A warning says that one link's subnet is part of another's, whichever comes first",
  inLab,
  async () => {
    for (const [a0, b0] of [
      ["10.77.1.1/24", "10.77.2.1/16"],
      ["10.77.2.1/16", "10.77.1.1/24"],
    ] as const) {
      await using lab = new Lab();
      const { gateway } = await twoLans(lab, a0, b0);
      const probe = await startProbe(gateway, 2);
      await waitFor("a warning", () => warnings(probe).length > 0);
      assert.deepEqual(warnings(probe), [
        "interfaces a0 and b0 share the subnet of 10.77.1.1/24: " +
          "hosts of one may be taken for hosts of the other",
      ]);
    }
  },
);

test(
  "MDNS-46: two links with the same address are heard over IPv6 only, with a warning",
  inLab,
  async () => {
    await using lab = new Lab();
    const { gateway, peers } = await twoLans(lab, "192.168.1.1/24", "192.168.1.1/24");
    const probe = await startProbe(gateway, 2);
    for (const [i, link] of ["a0", "b0"].entries()) {
      await say(peers[i]!, "eth0", link, () => heard(probe, link).length > 5);
      assert.deepEqual(links(heard(probe, link)), [`${link} 6`]);
    }
    assert.deepEqual(warnings(probe), [
      "interfaces a0 and b0 share the address 192.168.1.1: neither can be heard over IPv4 there",
    ]);
    // With an address of its own, b0 is recognised by that one.
    gateway.addAddress("b0", "192.168.1.2/24");
    await say(peers[1], "eth0", "at last", () => links(heard(probe, "at last")).includes("b0 4"));
    await say(peers[0], "eth0", "still", () => heard(probe, "still").length > 5);
    assert.deepEqual(links(heard(probe, "still")), ["a0 6"]);
    assert.deepEqual(
      links(heard(probe, "at last")).filter((each) => !each.startsWith("b0")),
      [],
    );
  },
);

test(
  "MDNS-46: without enough memberships, IPv4 from a subnet of two links is heard on neither",
  inLab,
  async () => {
    await using lab = new Lab();
    const { gateway, peers } = await twoLans(lab, "192.168.1.1/24", "192.168.1.2/24");
    gateway.set("net/ipv4/igmp_max_memberships", "1");
    const probe = await startProbe(gateway, 2);
    for (const [i, link] of ["a0", "b0"].entries()) {
      await say(peers[i]!, "eth0", link, () => heard(probe, link).length > 5);
      assert.deepEqual(links(heard(probe, link)), [`${link} 6`]);
    }
  },
);

test(
  "A question goes to one host alone only if its route to that host is unambiguous",
  inLab,
  async () => {
    await using lab = new Lab();
    const { gateway, hosts, peers } = await twoLans(lab, "192.168.1.1/24", "192.168.1.2/24");
    const wires = [await Capture.on(hosts[0], "eth0"), await Capture.on(hosts[1], "eth0")];
    const probe = await startProbe(gateway, 2);
    const alone = (text: string, to = "192.168.1.10") =>
      wires.map(
        ({ datagrams }) =>
          datagrams.filter(
            ({ payload, destination }) => payload.equals(Buffer.from(text)) && destination === to,
          ).length,
      );
    for (const link of ["a0", "b0"]) probe.say(`${link} ${hex("in both")} 4 192.168.1.10`);
    // With IPv6 the address names the link.
    const near = await hosts[0].linkLocal("eth0");
    await waitFor("the question by IPv6", () => {
      probe.say(`a0 ${hex("by IPv6")} 6 ${near}`);
      return alone("by IPv6", near)[0]! > 0;
    });
    assert.equal(alone("by IPv6", near)[1], 0);
    // Once this is heard, the commands before it have been carried out.
    await say(probe, "a0", "asked", () => heard(peers[0], "asked").length > 0);
    gateway.removeAddress("b0", "192.168.1.2/24");
    gateway.addAddress("b0", "10.77.2.1/24");
    await waitFor("the question", () => {
      probe.say(`a0 ${hex("in one")} 4 192.168.1.10`);
      return alone("in one")[0]! > 0;
    });
    assert.deepEqual(alone("in both"), [0, 0]);
    assert.equal(alone("in one")[1], 0);
  },
);

test(
  "MDNS-47: a link stays while it keeps an address in one of its networks, and otherwise is replaced",
  inLab,
  async () => {
    await using lab = new Lab();
    const lan = lab.lan("lan");
    const host = lab.host("gw").plug(lan, { name: "eth0", addresses: ["10.77.1.1/24"] });
    const far = lab.host("far").plug(lan, { name: "eth0", addresses: ["10.77.1.2/24"] });
    const peer = await startProbe(far, 1);
    const probe = await startProbe(host, 1);
    /** Waits until the link has these IPv4 addresses, which come with each packet. */
    const isKnown = (...addresses: readonly string[]) =>
      say(peer, "eth0", `at ${addresses}`, () => {
        const packet = heard(probe, `at ${addresses}`).at(-1);
        if (packet === undefined) return false;
        const now = packet.addresses.filter(({ family }) => family === 4);
        const own = now.map(({ address }) => address);
        return own.length === addresses.length && addresses.every((each) => own.includes(each));
      });
    const counts = () => [probe.events("came").length, probe.events("went").length];
    // Another lease in the same network, with nothing but a link-local address in between.
    await isKnown("10.77.1.1");
    host.removeAddress("eth0", "10.77.1.1/24");
    await isKnown();
    host.addAddress("eth0", "10.77.1.7/24");
    await isKnown("10.77.1.7");
    assert.deepEqual(counts(), [1, 0]);
    // A second network, then without the first: the link has moved with it.
    host.addAddress("eth0", "10.88.1.1/24");
    await isKnown("10.77.1.7", "10.88.1.1");
    host.removeAddress("eth0", "10.77.1.7/24");
    await isKnown("10.88.1.1");
    assert.deepEqual(counts(), [1, 0]);
    // A different network altogether.
    host.removeAddress("eth0", "10.88.1.1/24");
    host.addAddress("eth0", "10.99.1.1/24");
    await waitFor("another link", () => probe.events("came").length === 2);
    assert.deepEqual(counts(), [2, 1]);
    const [said] = probe
      .events<{ fact: string; interface: string }>("log")
      .filter(({ fact }) => fact === "link has moved to another network");
    assert.equal(said?.interface, "eth0");
  },
);
