/**
 * How gentle the collector is: what it sends to all hosts of a LAN once it has found everything, and what it
 * makes others send, beside `avahi-browse -a` and python-zeroconf's browser, each on a LAN of its own with
 * the same Avahi responders; then the CPU that it takes to keep 500 services of a silent LAN. Measured for
 * some minutes and scaled to an hour. Needs root on Linux, Avahi and python-zeroconf.
 */
import { readFileSync } from "node:fs";
import { Avahi } from "../test/support/avahi.ts";
import { Capture, type Datagram } from "../test/support/capture.ts";
import type { Fleet } from "../test/support/devices.ts";
import { Gateway } from "../test/support/gateway.ts";
import { type Host, Lab, needs, type Switch } from "../test/support/lab.ts";
import { sleep } from "../test/support/wait.ts";

export interface TrafficOptions {
  readonly minutes: number;
}

const RESPONDERS = 5;
const EACH = 5;
/** Milliseconds: by then a series of questions has slowed to one in several minutes. */
const SETTLING = 260_000;
/** The most minutes of a silent LAN: its devices are asked every two. */
const SILENT = 5;
const ADDRESS = "10.77.1.1";
const ZONE = "bonjour.example.com";
const ZEROCONF = `
import time
from zeroconf import ServiceBrowser, Zeroconf, ZeroconfServiceTypes
class Listener:
    def add_service(self, zc, type_, name): pass
    def remove_service(self, zc, type_, name): pass
    def update_service(self, zc, type_, name): pass
zc = Zeroconf()
types = ZeroconfServiceTypes.find(zc, timeout=5)
browser = ServiceBrowser(zc, list(types), Listener())
time.sleep(100000)
`;

/** Each starts on a host something that browses everything. */
const contestants: Readonly<Record<string, (host: Host) => Promise<unknown>>> = {
  "this collector": (host) =>
    Gateway.start(host, { zone: ZONE, links: [{ interface: "eth0", site: "office" }] }),
  "avahi-browse -a": async (host) => (await browser(host)).client(["avahi-browse", "-a"]),
  "avahi-browse -ar": async (host) => (await browser(host)).client(["avahi-browse", "-ar"]),
  "python-zeroconf": async (host) => host.start(["/usr/bin/python3", "-c", ZEROCONF]),
};

/** Prints a table. */
export async function traffic({ minutes }: TrafficOptions, print: (line: string) => void) {
  const missing = needs("avahi-daemon", "avahi-browse", "dbus-daemon", "tcpdump");
  if (missing !== false) return print(`traffic: ${missing}`);
  const services = RESPONDERS * EACH;
  print(`multicast an hour, ${services} services of ${RESPONDERS} Avahi hosts, steady state`);
  print("                       its own packets   octets   all packets   octets");
  await using lab = new Lab();
  const rows = Object.entries(contestants).map(async ([name, start], i) => {
    const { host, capture } = await office(lab, `${i}`);
    await start(host);
    await sleep(SETTLING);
    const since = Date.now();
    await sleep(minutes * 60_000);
    const seen = (await capture.stop()).filter(({ at }) => at >= since);
    return rowOf(name, seen, 60 / minutes);
  });
  for (const row of rows) print(await row);
  await silence(lab, Math.min(minutes, SILENT), print);
}

async function office(lab: Lab, name: string): Promise<{ host: Host; capture: Capture }> {
  const lan = lab.lan(`lan${name}`);
  for (let i = 0; i < RESPONDERS; i++) {
    const services = Array.from({ length: EACH }, (_, s) => {
      return { name: `Service ${i} ${s}`, type: `_type${s}._tcp`, port: 1000 + s, txt: ["a=b"] };
    });
    const host = plugged(lab, lan, `r${name}-${i}`, `10.77.1.${10 + i}/24`);
    await Avahi.start(host, { hostName: `host-${i}`, services });
  }
  const host = plugged(lab, lan, `b${name}`, `${ADDRESS}/24`);
  const eye = plugged(lab, lan, `e${name}`, "10.77.1.200/24");
  return { host, capture: await Capture.on(eye, "eth0") };
}

function plugged(lab: Lab, lan: Switch, name: string, ...addresses: string[]): Host {
  return lab.host(name).plug(lan, { name: "eth0", addresses });
}

function browser(host: Host): Promise<Avahi> {
  return Avahi.start(host, { hostName: "browser", hasBus: true });
}

function rowOf(name: string, seen: readonly Datagram[], times: number): string {
  const own = seen.filter(({ payload }) => (payload[2]! & 0x80) === 0);
  const octets = (some: readonly Datagram[]) => some.reduce((sum, { length }) => sum + length, 0);
  const cell = (number: number, width: number) => `${Math.round(number * times)}`.padStart(width);
  return [
    name.padEnd(22),
    cell(own.length, 16),
    cell(octets(own), 9),
    cell(seen.length, 14),
    cell(octets(seen), 9),
  ].join("");
}

/** 500 services whose SRV, TXT and addresses live for two minutes, on devices that send nothing unasked. */
async function silence(lab: Lab, minutes: number, print: (line: string) => void) {
  const lan = lab.lan("silent");
  const addresses = Array.from({ length: 100 }, (_, i) => `10.77.1.${100 + i}`);
  const devices = plugged(lab, lan, "devices", ...addresses.map((each) => `${each}/24`));
  const fleet: Fleet = { addresses, type: "_ipp._tcp", name: "Printer", each: 5 };
  devices.script("devices", JSON.stringify(fleet));
  const host = plugged(lab, lan, "silent-gw", `${ADDRESS}/24`);
  const capture = await Capture.on(host, "eth0", `udp port 5353 and src host ${ADDRESS}`);
  const gateway = await Gateway.start(host, {
    zone: ZONE,
    links: [{ interface: "eth0", site: "office" }],
  });
  await sleep(SETTLING / 4);
  const [since, before] = [Date.now(), ticksOf(gateway.program.pid)];
  await sleep(minutes * 60_000);
  const share = (ticksOf(gateway.program.pid) - before) / (minutes * 60 * TICKS);
  const sent = (await capture.stop()).filter(({ at }) => at >= since);
  const packets = Math.round((sent.length * 60) / minutes);
  print("");
  print(
    `500 services of a silent LAN, all records of 120 s: ${(share * 100).toFixed(2)} % of a core`,
  );
  print(`and ${packets} packets an hour`);
}

/** User and system time (proc_pid_stat(5)) of `ip netns exec`, which becomes the program. */
function ticksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/.*\) /, "").split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** In a second. */
const TICKS = 100;
