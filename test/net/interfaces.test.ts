import assert from "node:assert/strict";
import type { NetworkInterfaceInfo } from "node:os";
import { test } from "node:test";
import {
  followInterfaces,
  groupMembers,
  type Host,
  hostNetworks,
  type Interface,
  ifTold,
  isPortHeld,
  readInterfaces,
  speakingAddress,
} from "../../src/net/links/interfaces.ts";
import { multicastLinks } from "../../src/net/links/multicast.ts";
import { FakeClock } from "../support/clock.ts";
import { silentLog } from "../support/log.ts";

const info = (cidr: string, fields: object = {}) =>
  ({
    address: cidr.replace(/\/.*/, ""),
    cidr,
    family: cidr.includes(":") ? "IPv6" : "IPv4",
    internal: false,
    ...fields,
  }) as NetworkInterfaceInfo;

const host = (
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>,
  files: Record<string, string> = {},
): Host => ({ interfaces: () => interfaces, read: (path) => files[path] });

const eth0 = {
  "/sys/class/net/eth0/flags": "0x1003\n",
  "/sys/class/net/eth0/ifindex": "7\n",
  "/sys/class/net/eth0/mtu": "9000\n",
};

test("An interface has its addresses of both families, its index and its MTU", () => {
  const found = readInterfaces(
    host({ eth0: [info("10.1.0.1/16"), info("fe80::1/64", { scopeid: 7 })] }, eth0),
  );
  assert.deepEqual(found, [
    {
      name: "eth0",
      index: 7,
      mtu: 9000,
      isLoopback: false,
      isMulticast: true,
      addresses: [
        { family: 4, address: "10.1.0.1", prefix: 16 },
        { family: 6, address: "fe80::1", prefix: 64 },
      ],
    },
  ]);
});

test("An address without a netmask is in no network", () => {
  const [one] = readInterfaces(host({ tun0: [info("10.3.0.1/32", { cidr: null })] }));
  assert.deepEqual(one!.addresses, [{ family: 4, address: "10.3.0.1", prefix: 32 }]);
  const [six] = readInterfaces(host({ tun0: [info("2001:db8::1/128", { cidr: null })] }));
  assert.deepEqual(six!.addresses, [{ family: 6, address: "2001:db8::1", prefix: 128 }]);
});

test("IPv6 packets leave from the link-local address, if there is one", () => {
  const leaves = (...addresses: readonly string[]) =>
    speakingAddress(readInterfaces(host({ eth0: addresses.map((each) => info(each)) }))[0]!, 6, []);
  assert.equal(leaves("10.1.0.1/16", "2001:db8::1/64", "fe80::1/64"), "fe80::1");
  assert.equal(leaves("10.1.0.1/16", "2001:db8::1/64"), "2001:db8::1");
  assert.equal(leaves("10.1.0.1/16"), undefined);
});

test("An interface without the multicast flag, and the loopback, are not links", () => {
  const there = host(
    { lo: [info("127.0.0.1/8", { internal: true })], wg0: [info("10.3.0.1/24")] },
    { "/sys/class/net/lo/flags": "0x1049", "/sys/class/net/wg0/flags": "0x91" },
  );
  const opened: string[] = [];
  const life = new AbortController();
  const links = multicastLinks({ clock: new FakeClock(), log: silentLog, host: there });
  links.follow(({ name }) => opened.push(name), life.signal);
  life.abort();
  assert.deepEqual(opened, []);
});

test("MDNS-47: an interface that is plugged in again between two looks is another link", () => {
  const files: Record<string, string> = { ...eth0 };
  const clock = new FakeClock();
  const life = new AbortController();
  const seen: string[] = [];
  multicastLinks({
    ...{ clock, log: silentLog },
    host: host({ eth0: [info("192.0.2.1/24")] }, files),
  }).follow((_, gone) => {
    seen.push("came");
    gone.addEventListener("abort", () => seen.push("went"), { once: true });
  }, life.signal);
  clock.advance(3000);
  assert.deepEqual(seen, ["came"]);
  files["/sys/class/net/eth0/ifindex"] = "8\n";
  clock.advance(3000);
  assert.deepEqual(seen, ["came", "went", "came"]);
  life.abort();
});

test("An address with a label of its own belongs to the interface that the label begins with", () => {
  const found = readInterfaces(
    host({ eth0: [info("10.1.0.1/16")], "eth0:1": [info("10.2.0.1/16")] }, eth0),
  );
  assert.deepEqual(
    found.map((one) => [one.name, one.addresses.map((own) => own.address)]),
    [["eth0", ["10.1.0.1", "10.2.0.1"]]],
  );
});

test("Attached networks and own addresses are those that interfaces have, looked at each five seconds", () => {
  const clock = new FakeClock();
  const interfaces: NodeJS.Dict<NetworkInterfaceInfo[]> = {
    eth0: [info("203.0.113.1/24"), info("2001:db8:1::1/64"), info("fe80::1/64", { scopeid: 7 })],
  };
  const { isAttached, isOwn } = hostNetworks(clock, host(interfaces));
  const own = ["127.9.9.9", "203.0.113.1", "203.0.114.1", "2001:db8:1::1", "fe80::1%eth0"];
  assert.deepEqual(own.map(isOwn), [true, true, false, true, false]);
  assert.deepEqual(["203.0.113.2", "2001:db8:1::2"].map(isOwn), [false, false], "a neighbour's");
  const all = ["203.0.113.9", "2001:db8:1::9", "fe80::9%eth0", "203.0.114.9", "2001:db8:2::9"];
  assert.deepEqual(all.map(isAttached), [true, true, true, false, false]);
  interfaces.eth0 = [info("203.0.114.1/24")];
  clock.advance(4999);
  assert.deepEqual(all.map(isAttached), [true, true, true, false, false]);
  clock.advance(1);
  assert.deepEqual(all.map(isAttached), [false, false, false, true, false]);
  assert.deepEqual(own.map(isOwn), [true, false, true, false, false]);
});

test("An interface without the multicast flag, and the port of a bridge, are not multicast", () => {
  const found = readInterfaces(
    host(
      { wg0: [info("10.3.0.1/24")], veth1: [info("fe80::2/64")], br0: [info("10.4.0.1/24")] },
      {
        "/sys/class/net/wg0/flags": "0x91",
        "/sys/class/net/veth1/flags": "0x1003",
        "/sys/class/net/veth1/brport/bridge/uevent": "DEVTYPE=bridge\nINTERFACE=br0\nIFINDEX=2\n",
        "/sys/class/net/br0/flags": "0x1003",
      },
    ),
  );
  assert.deepEqual(
    found.filter((one) => one.isMulticast).map((one) => one.name),
    ["br0"],
  );
  assert.deepEqual(
    found.map((one) => one.bridge),
    [undefined, "br0", undefined],
  );
});

test("Without /sys, every interface but the loopback counts as multicast", () => {
  const found = readInterfaces(
    host({
      lo0: [info("127.0.0.1/8", { internal: true })],
      en0: [info("10.1.0.1/24"), info("fe80::1/64", { scopeid: 4 })],
    }),
  );
  assert.deepEqual(
    found.map(({ name, index, mtu, isMulticast }) => [name, index, mtu, isMulticast]),
    [
      ["lo0", 0, 1500, false],
      ["en0", 4, 1500, true],
    ],
  );
});

test("This machine has a loopback interface with 127.0.0.1/8", () => {
  const loopback = readInterfaces().find((one) => one.isLoopback);
  assert.ok(loopback?.addresses.some((own) => own.address === "127.0.0.1" && own.prefix === 8));
  assert.equal(loopback?.isMulticast, false);
});

test("A follower whose signal has already ended sees nothing", () => {
  const clock = new FakeClock();
  const seen: (readonly Interface[])[] = [];
  followInterfaces({ clock, signal: AbortSignal.abort() }, (now) => seen.push(now));
  assert.deepEqual([seen, clock.next], [[], undefined]);
});

test("A follower sees the interfaces at once and then each second, until the signal ends", () => {
  const clock = new FakeClock();
  const life = new AbortController();
  const interfaces: NodeJS.Dict<NetworkInterfaceInfo[]> = { eth0: [info("10.1.0.1/24")] };
  const seen: (readonly Interface[])[] = [];
  followInterfaces({ clock, signal: life.signal, host: host(interfaces) }, (now) => seen.push(now));
  interfaces.eth1 = [info("10.2.0.1/24")];
  clock.advance(1_000);
  delete interfaces.eth0;
  clock.advance(1_000);
  life.abort();
  clock.advance(10_000);
  assert.deepEqual(
    seen.map((now) => now.map((one) => one.name)),
    [["eth0"], ["eth0", "eth1"], ["eth1"]],
  );
  assert.equal(clock.next, undefined);
});

/** How Node fails when no descriptor is left, in os.networkInterfaces() and in fs. */
const withoutDescriptors = ["ERR_SYSTEM_ERROR", "EMFILE", "ENFILE"].map((code): Host => {
  const fail = () => {
    throw Object.assign(new Error("too many open files"), { code });
  };
  return code !== "ERR_SYSTEM_ERROR"
    ? { interfaces: () => ({ eth0: [info("10.1.0.1/24")] }), read: fail }
    : { interfaces: fail, read: () => undefined };
});

test("If the kernel cannot be asked for want of file descriptors, everything stays as it was", () => {
  for (const failing of withoutDescriptors) {
    const clock = new FakeClock();
    const { signal } = new AbortController();
    const working = host({ eth0: [info("10.1.0.1/24")] }, eth0);
    let current = working;
    const fickle: Host = {
      interfaces: () => current.interfaces(),
      read: (path) => current.read(path),
    };
    const { isAttached, isOwn } = hostNetworks(clock, fickle);
    const seen: (readonly Interface[])[] = [];
    followInterfaces({ clock, signal, host: fickle }, (now) => seen.push(now));
    assert.equal(isAttached("10.1.0.9"), true);
    current = failing;
    clock.advance(10_000);
    assert.deepEqual([seen.length, isAttached("10.1.0.9"), isOwn("10.1.0.1")], [1, true, true]);
    assert.equal(isPortHeld(5353, fickle), true);
    current = working;
    clock.advance(1_000);
    assert.deepEqual(seen[1], seen[0]);
  }
});

test("Any other failure to ask the kernel is thrown", () => {
  const error = new TypeError("a mistake");
  const fail = () => {
    throw error;
  };
  assert.throws(() => ifTold(fail), error);
});

const HEAD =
  "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const row = (local: string, remote: string) =>
  `  794: ${local} ${remote} 07 00000000:00000000 00:00000000 00000000     0        0 12328 2\n`;
const zero = "0".repeat(32);

test("Port 5353 is held by a socket on the wildcard address of either family, and by no other", () => {
  const held = (udp: string, udp6: string) =>
    isPortHeld(5353, host({}, { "/proc/net/udp": HEAD + udp, "/proc/net/udp6": HEAD + udp6 }));
  assert.equal(held("", ""), false);
  assert.equal(held(row("00000000:14E9", "00000000:0000"), ""), true);
  assert.equal(held("", row(`${zero}:14E9`, `${zero}:0000`)), true);
  assert.equal(held(row("00000000:14EA", "00000000:0000"), ""), false);
  const ours =
    row("FB0000E0:14E9", "00000000:0000") +
    row("01014D0A:14E9", "FB0000E0:14E9") +
    row("0100000A:14E9", "00000000:14E9");
  assert.equal(held(ours, ""), false);
});

test("Members of the mDNS group are known by interface", () => {
  // As Linux prints it, with names of various lengths.
  const table = `Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter
1\tlo        :     1      V3
\t\t\t\t010000E0     1 0:00000000\t\t0
2\teth0      :     2      V3
\t\t\t\tFB0000E0     3 0:00000000\t\t0
\t\t\t\t010000E0     1 0:00000000\t\t0
3\teth0.20   :     1      V3
\t\t\t\t010000E0     1 0:00000000\t\t0
4\tbr-0a1b2c3d4e5f:     2      V3
\t\t\t\t010000E0     1 0:00000000\t\t0
\t\t\t\tFB0000E0     1 0:00000000\t\t0
`;
  const names = ["lo", "eth0", "eth0.20", "br-0a1b2c3d4e5f", "eth1"];
  const isMember = groupMembers(host({}, { "/proc/net/igmp": table }));
  assert.deepEqual(names.filter(isMember), ["eth0", "br-0a1b2c3d4e5f"]);
  const isMemberThere = groupMembers(
    host({}, { "/proc/net/igmp": table.replaceAll("FB0000E0", "E00000FB") }),
  );
  assert.deepEqual(names.filter(isMemberThere), ["eth0", "br-0a1b2c3d4e5f"]);
  assert.equal(groupMembers(host({}))("eth0"), false);
});

test("If it cannot be known whether a port is held, it counts as held", () => {
  assert.equal(isPortHeld(5353, host({})), true);
});
