/**
 * Every secondary that is installed follows one of our zones, which changes at a steady pace. Once all
 * is still, each copy is compared with the zone, record by record.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/clock.ts";
import { Class, Type } from "../../src/dns/constants.ts";
import type { Endpoint } from "../../src/dns/endpoint.ts";
import { makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { soaOf } from "../../src/dns/rdata.ts";
import { ask } from "../../src/net/client/exchange.ts";
import { formatMasterFile } from "../../src/zone/masterfile/masterformat.ts";
import { linesOf, step, stock } from "../support/churn.ts";
import { freePort } from "../support/freeport.ts";
import { run } from "../support/process.ts";
import { makes, Secondary } from "../support/secondary.ts";
import { Serving } from "../support/serving.ts";
import { hasTool } from "../support/tool.ts";
import { Vitals, weighableEnvironment } from "../support/vitals.ts";
import { sleep, waitFor } from "../support/wait.ts";
import { mebibytes, TENTHS } from "./memory.ts";

export interface SecondariesOptions {
  readonly seconds: number;
  /** Changes a second. */
  readonly rate: number;
  /** Called with a line now and then. */
  readonly print: (line: string) => void;
}

export interface Figures {
  readonly name: string;
  readonly axfr: number;
  readonly ixfr: number;
  /** Milliseconds from a change to its being served there: the median, and the most. */
  readonly behind: { readonly median: number; readonly most: number };
  /** The number of lines that only the zone or only the copy has. */
  readonly differences: number;
  /** As ldns-compare-zones counts them; undefined if it is not installed. */
  readonly ldns: string | undefined;
  /** True if it serves the same zone after our server is killed. */
  readonly stillServes: boolean;
  /** Lines of its log about whole transfers and failures. */
  readonly remarks: readonly string[];
}

export interface Outcome {
  readonly changes: number;
  readonly seconds: number;
  readonly records: number;
  /** MiB in use after full collections, at the start and after each tenth of the time. */
  readonly live: readonly number[];
  readonly secondaries: readonly Figures[];
}

const ZONE = "bonjour.example.";
const SECRET = Buffer.from("the secret of a secondary").toString("base64");
/** Milliseconds for the last change to arrive everywhere. */
const PATIENCE = 60_000;
/** MiB of V8's old space. */
const HEAP = 256;
/** Milliseconds between two looks at the serials. */
const LOOK = 250;
const REMARKABLE = /\bAXFR\b|error|fail|refused|timed? ?out|fallback/i;

export async function secondariesSoak({
  seconds,
  rate,
  print,
}: SecondariesOptions): Promise<Outcome> {
  await using stack = new Stack();
  const there = makes.filter(({ needs }) => needs.every(hasTool));
  const ports = await Promise.all(there.map(freePort));
  const ours = stack.use(
    await Serving.start({
      zone: ZONE,
      readers: Object.fromEntries(there.map(({ name }) => [name.toLowerCase(), SECRET])),
      notify: ports.map((port) => `127.0.0.1:${port}`),
      environment: weighableEnvironment(HEAP),
    }),
  );
  await ours.update(stock(ours.origin));
  const settings = { zone: ZONE, primary: ours.endpoint, secret: SECRET };
  const theirs: Secondary[] = [];
  for (const [i, make] of there.entries()) {
    theirs.push(stack.use(await Secondary.start(make, ports[i]!, settings)));
  }
  await settled(ours, theirs);
  print(`${theirs.map(({ name }) => name).join(", ")} have the zone`);

  const watch = new Watch(ours, theirs);
  const began = performance.now();
  const end = began + seconds * 1000;
  let changes = 0;
  const vitals = new Vitals(ours.program);
  const live = [await vitals.weigh()];
  const watching = watch.until(end);
  for (let next = began; next < end; next += 1000 / rate) {
    const wait = next - performance.now();
    if (wait > 0) await sleep(wait);
    await ours.update(step(changes++, ours.origin));
    const way = (performance.now() - began) / (end - began);
    if (way * TENTHS >= live.length) live.push(await vitals.weigh());
    if (changes % (rate * 30) === 0) print(`${changes} changes; ${watch.line()}`);
  }
  const took = (performance.now() - began) / 1000;
  await watching;
  await settled(ours, theirs);

  const wanted = await ours.records();
  const copies = await Promise.all(theirs.map((each) => each.records(ZONE)));
  const ldns: (string | undefined)[] = [];
  for (const copy of copies) ldns.push(await compare(ours, wanted, copy ?? []));
  await ours.stop("SIGKILL");
  const after = await Promise.all(theirs.map((each) => each.records(ZONE)));
  const lines = linesOf(wanted);
  const secondaries = theirs.map(({ name, log }, i): Figures => {
    const of = ours.transfers.filter(({ key }) => key === name.toLowerCase());
    return {
      name,
      axfr: of.filter(({ kind }) => kind === "AXFR").length,
      ixfr: of.filter(({ kind }) => kind === "IXFR").length,
      behind: watch.behind(name),
      differences: countDifferences(lines, linesOf(copies[i] ?? [])),
      ldns: ldns[i],
      stillServes: countDifferences(lines, linesOf(after[i] ?? [])) === 0,
      remarks: log.split("\n").filter((line) => REMARKABLE.test(line)),
    };
  });
  const records = wanted.reduce((sum, { rdatas }) => sum + rdatas.length, 0);
  return { changes, seconds: Math.round(took), records, live: live.map(mebibytes), secondaries };
}

/** Waits until every secondary has our serial. */
async function settled(ours: Serving, theirs: readonly Secondary[]): Promise<void> {
  const serial = await serialOf(ours.endpoint);
  for (const each of theirs) {
    const isThere = async () => (await serialOf(each.endpoint)) === serial;
    await waitFor(`${each.name} to have serial ${serial}`, isThere, PATIENCE, 50);
  }
}

const SOA = makeMessage({
  questions: [{ name: Name.parse(ZONE), type: Type.SOA, class: Class.IN }],
});

/** 0 if there is no zone, or no answer. */
async function serialOf(endpoint: Endpoint): Promise<number> {
  const answer = await ask(endpoint, SOA, { clock: systemClock, timeout: 2000 }).catch(
    () => undefined,
  );
  const soa = answer?.answers[0];
  return soa?.type === Type.SOA ? soaOf(soa.rdata).serial : 0;
}

/** Polls how far behind each secondary is. */
class Watch {
  readonly #ours: Serving;
  readonly #theirs: readonly Secondary[];
  /** Our serials, and when they were seen. */
  readonly #seen: { readonly serial: number; readonly at: number }[] = [];
  readonly #behind = new Map<string, number[]>();

  constructor(ours: Serving, theirs: readonly Secondary[]) {
    this.#ours = ours;
    this.#theirs = theirs;
    for (const { name } of theirs) this.#behind.set(name, []);
  }

  async until(end: number): Promise<void> {
    while (performance.now() < end) {
      const at = performance.now();
      this.#seen.push({ serial: await serialOf(this.#ours.endpoint), at });
      if (this.#seen.length > 1000) this.#seen.shift();
      await Promise.all(
        this.#theirs.map(async ({ name, endpoint }) => {
          const serial = await serialOf(endpoint);
          // No answer in time says nothing about what it has.
          if (serial === 0) return;
          // It has lagged at least since the first serial that it lacks was seen.
          const lacked = this.#seen.find((each) => each.serial > serial);
          this.#behind.get(name)!.push(lacked === undefined ? 0 : at - lacked.at);
        }),
      );
      await sleep(Math.max(0, LOOK - (performance.now() - at)));
    }
  }

  behind(name: string): Figures["behind"] {
    const sorted = [...this.#behind.get(name)!].sort((a, b) => a - b);
    const at = (part: number) => Math.round(sorted[Math.floor((sorted.length - 1) * part)] ?? 0);
    return { median: at(0.5), most: at(1) };
  }

  line(): string {
    const each = this.#theirs.map(({ name }) => `${name} ${this.behind(name).most}`);
    return `at most behind, in ms: ${each.join(", ")}`;
  }
}

function countDifferences(a: readonly string[], b: readonly string[]): number {
  const [inA, inB] = [new Set(a), new Set(b)];
  return a.filter((line) => !inB.has(line)).length + b.filter((line) => !inA.has(line)).length;
}

type Sets = Awaited<ReturnType<Serving["records"]>>;

/** "+0 -0 ~0": how many records the copy has more, lacks, and has changed. */
async function compare(ours: Serving, a: Sets, b: Sets): Promise<string | undefined> {
  if (!hasTool("ldns-compare-zones")) return undefined;
  const files = [a, b].map((sets, i) => {
    const file = join(ours.folder, `compared-${i}`);
    writeFileSync(file, formatMasterFile(sets, ours.origin));
    return file;
  });
  const { stdout, stderr } = await run(["ldns-compare-zones", ...files]);
  return stdout.toString().trim().replaceAll("\t", " ") || stderr.trim();
}

/** Disposes of everything put on it, the last first. */
class Stack {
  readonly #parts: AsyncDisposable[] = [];

  use<T extends AsyncDisposable>(part: T): T {
    this.#parts.push(part);
    return part;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of this.#parts.reverse()) await part[Symbol.asyncDispose]();
  }
}
