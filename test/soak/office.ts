/**
 * A whole gateway on a LAN whose devices never rest, with clients that never rest: how much memory and how
 * many handles it takes, and whether it has exactly what the LAN says when all is still. Now and then its
 * cable is unplugged for a moment.
 */
import { makeCertificate } from "../support/certificate.ts";
import type { Fleet, FleetOrder } from "../support/devices.ts";
import { Gateway } from "../support/gateway.ts";
import { type Host, Lab } from "../support/lab.ts";
import { Vitals, weighable } from "../support/vitals.ts";
import { sleep, waitFor } from "../support/wait.ts";
import type { Asked, Clientele } from "./client.ts";
import { growthOf, mebibytes, TENTHS } from "./memory.ts";

export interface OfficeOptions {
  readonly seconds: number;
  /** Devices a second that change, go or come. */
  readonly rate: number;
  /** Called with a line now and then. */
  readonly print: (line: string) => void;
}

export interface OfficeFigures {
  /** How many things devices did. */
  readonly steps: number;
  /** Changes of the zone. */
  readonly changes: number;
  /** MiB in use after full collections, at the start and after each tenth of the time. */
  readonly live: readonly number[];
  /** MiB resident at those times. */
  readonly resident: readonly number[];
  /** Open files and sockets: before the clients came, at most, and after they had gone. */
  readonly handles: readonly [number, number, number];
  /** Seconds of processor time a second. */
  readonly load: number;
  readonly asked: Asked;
}

/** Programs it needs. */
export const tools = ["ip", "dig", "openssl"] as const;

const ZONE = "bonjour.example.";
const TYPE = "_ipp._tcp";
const SITE = `office.${ZONE}`;
const DEVICES = 100;
const EACH = 2;
const LAN = "10.77.1";
const GATEWAY = "10.88.0.1";
const CLIENT = "10.88.0.2";
const HEAP = 256;
/** Milliseconds until all is still: the goodbye's second, an update, what is asked again. */
const PATIENCE = 30_000;
/** Seconds between two times that the cable is unplugged, and for how long: less than `grace`. */
const DRAWN = { every: 60, for: 2 };

/** Throws if the zone is not what the LAN says in the end. */
export async function officeSoak({ seconds, rate, print }: OfficeOptions): Promise<OfficeFigures> {
  await using lab = new Lab();
  const certificate = makeCertificate(undefined, undefined, GATEWAY);
  const lan = lab.lan("lan");
  const far = lab.lan("far");
  const host = lab.host("gw").plug(lan, { name: "eth0", addresses: [`${LAN}.1/24`] });
  host.plug(far, { name: "eth1", addresses: [`${GATEWAY}/24`] });
  const client = lab.host("client").plug(far, { name: "eth0", addresses: [`${CLIENT}/24`] });
  const settings = {
    zone: ZONE,
    links: [{ interface: "eth0", site: "office" }],
    listen: {
      dns: [`${GATEWAY}:53`, "127.0.0.1:53"],
      tls: [`${GATEWAY}:853`],
      https: [`${GATEWAY}:443`],
      ...certificate.paths,
    },
  };
  const gateway = await weighable(() => Gateway.start(host, settings), HEAP);
  const vitals = new Vitals(gateway.program);
  const addresses = Array.from({ length: DEVICES }, (_, i) => `${LAN}.${100 + i}`);
  const hosts = lab
    .host("devices")
    .plug(lan, { name: "eth0", addresses: addresses.map((each) => `${each}/24`) });
  const fleet: Fleet = { addresses, type: TYPE, name: "Printer", each: EACH };
  const devices = hosts.script("devices", JSON.stringify(fleet));
  const order = (some: FleetOrder) => devices.say(JSON.stringify(some));
  await devices.line(/ready/);
  order({ text: "settled" });
  await settled(host);
  const handles = { atFirst: vitals.handles, most: 0 };
  const serial = await serialOf(host);
  const time = vitals.time;

  const whole: Clientele = {
    ...{ host: GATEWAY, ca: certificate.certificate, zone: ZONE },
    type: `${TYPE}.${SITE}`,
  };
  const clients = client.start([
    process.execPath,
    new URL("client.js", import.meta.url).pathname,
    JSON.stringify(whole),
  ]);
  order({ churn: 1000 / rate });
  const live = [await vitals.weigh()];
  const resident = [vitals.memory];
  const began = performance.now();
  for (let second = 1; second <= seconds; second++) {
    await sleep(Math.max(0, began + second * 1000 - performance.now()));
    if (!gateway.program.isRunning) throw new Error(`it died: ${gateway.program.stderr}`);
    if (!clients.isRunning) throw new Error(`the clients died: ${clients.stderr}`);
    handles.most = Math.max(handles.most, vitals.handles);
    if (second % DRAWN.every === DRAWN.every / 2) host.cable("eth0", "down");
    if (second % DRAWN.every === DRAWN.every / 2 + DRAWN.for) host.cable("eth0", "up");
    if (live.length <= Math.floor((second * TENTHS) / seconds)) {
      live.push(await vitals.weigh());
      resident.push(vitals.memory);
      print(`${second} s: ${mebibytes(live.at(-1)!)} MiB in use, ${vitals.handles} handles`);
    }
  }
  const load = (vitals.time - time) / seconds;
  const asked = clients.events<Asked>("asked").at(-1)!;
  await clients.stop();
  host.cable("eth0", "up");
  order({ churn: 0 });
  await settled(host);
  const isQuiet = () => vitals.handles <= handles.atFirst;
  await waitFor("the connections to be closed", isQuiet, PATIENCE).catch(() => {});
  return {
    steps: devices.events<{ steps: number }>("churning").at(-1)!.steps,
    changes: (await serialOf(host)) - serial,
    live: live.map(mebibytes),
    resident: resident.map(mebibytes),
    handles: [handles.atFirst, handles.most, vitals.handles],
    load,
    asked,
  };
}

/** What grows, if anything does. */
export function troubleOf({ live, handles }: OfficeFigures): string | undefined {
  const [atFirst, most, atLast] = handles;
  if (atLast > atFirst) return `${atFirst} handles at first, ${atLast} at last`;
  if (most > MAX_HANDLES) return `${most} handles`;
  return growthOf(live);
}

/** The clients' connections: those left behind, those in use, and those being closed. */
const MAX_HANDLES = 150;
/** Waits until the zone says what all devices say, no less and no more. */
async function settled(host: Host): Promise<void> {
  let seen = "";
  const isSettled = async () => {
    const texts = await recordsOf(host, "TXT");
    const ours = texts.filter((line) => line.includes(`${TYPE}.${SITE}`));
    const lists = (await recordsOf(host, "PTR")).filter((line) =>
      line.startsWith(`${TYPE}.${SITE}`),
    );
    const right = ours.filter((line) => line.endsWith('"settled"'));
    seen = `${lists.length} listed, ${right.length} of ${ours.length} texts right`;
    return [lists, ours, right].every(({ length }) => length === DEVICES * EACH);
  };
  await waitFor(`${DEVICES * EACH} services`, isSettled, PATIENCE, 250).catch((error) => {
    throw new Error(`${error}: ${seen}`);
  });
}

/** Lines of a transfer, which only the host itself gets. */
async function recordsOf(host: Host, type: string): Promise<string[]> {
  const whole = await host.succeed(["dig", "@127.0.0.1", ZONE, "AXFR", "+noall", "+answer"]);
  return whole.split("\n").filter((line) => line.split(/\s+/)[3] === type);
}

async function serialOf(host: Host): Promise<number> {
  const soa = await host.succeed(["dig", "@127.0.0.1", ZONE, "SOA", "+short"]);
  return Number(soa.split(" ")[2]);
}
