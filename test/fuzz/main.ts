/**
 * `npm run fuzz [-- --count N --seed N --minutes N]`: millions of hostile datagrams at both ports of
 * a running gateway. Ends with exit status 1 where the gateway dies, leaves an honest question
 * unanswered, does not serve what an honest device announces while and after that goes on, or takes
 * more and more memory. Needs root and Linux, for its network namespaces.
 *
 * Memory is measured twice. What is in use is bounded by what a link's cache may hold, and does not
 * grow any more once that is full. What is resident, garbage and all, stays below what V8 may take
 * by its options.
 */
import { parseArgs } from "node:util";
import { Lab, needs } from "../support/lab.ts";
import { sleep } from "../support/wait.ts";
import type { Progress } from "./sender.ts";
import { HEAP, Target } from "./target.ts";

/** Seconds between two lines. */
const REPORTED = 10;
/** Parts of the way after which what is in use is weighed. */
const WEIGHED = [0.25, 0.5, 0.75];
/** Datagrams after which the cache is full: at the last weighing but one it has to be. */
const FULL = 3_000_000;
/** How much more may be in use a quarter of the way later: what there is has its ups and downs. */
const GROWTH = 1.05;
/** Octets a link's cache is allowed, and how often what is in use may hold that much. */
const CACHE = 32 * 2 ** 20;
const COPIES = 3;
/** Octets V8 has beside its old space, with three semi-spaces of 16 MiB, and code. */
const YOUNG = 64 * 2 ** 20;
/** Milliseconds in which an honest service is to come, and to go. */
const PATIENCE = 10_000;

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "5000000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    minutes: { type: "string" },
  },
});
const attack = {
  seed: Number(values.seed),
  count: values.minutes === undefined ? Number(values.count) : Number.MAX_SAFE_INTEGER,
  ...(values.minutes !== undefined && { time: Number(values.minutes) * 60_000 }),
};
const missing = needs("dig");
if (missing) {
  console.error(`fuzz ${missing}`);
  process.exit(1);
}
process.exitCode = await fuzz();

async function fuzz(): Promise<number> {
  await using lab = new Lab();
  const target = await Target.start(lab);
  const waits = [await target.harvests(PATIENCE)];
  const atStart = {
    dropped: target.dropped,
    time: target.time,
    memory: target.memory,
    live: await target.weigh(),
  };
  const started = performance.now();
  console.log(`seed ${attack.seed}; at the start ${mebibytes(atStart.memory)}`);
  const sender = target.attack(attack);
  let last: Progress | undefined;
  let highest = 0;
  const live: number[] = [];
  let meanwhile: Promise<unknown> = Promise.resolve();
  for (let seconds = 1; sender.isRunning && target.isRunning; seconds++) {
    await sleep(1000);
    if (!target.isRunning) break;
    highest = Math.max(highest, target.memory);
    last = sender.events<Progress>("progress").at(-1) ?? last;
    if (last === undefined) continue;
    if (seconds % REPORTED === 0) console.log(lineOf(last, target.memory));
    const way = (performance.now() - started) / (attack.time ?? Number.POSITIVE_INFINITY);
    if (Math.max(way, last.sent / attack.count) < (WEIGHED[live.length] ?? 1)) continue;
    live.push(await target.weigh());
    // An honest service comes and goes while all this goes on.
    meanwhile = target.harvests(PATIENCE).then((wait) => waits.push(wait));
    meanwhile.catch(() => {});
  }
  const seconds = (performance.now() - started) / 1000;
  const [done] = sender.events<Progress>("done");
  if (!target.isRunning) return fail(`the gateway died:\n${target.lastWords}`);
  if (done === undefined) return fail(`an honest question went unanswered\n${sender.stderr}`);

  const dropped = target.dropped - atStart.dropped;
  const time = target.time - atStart.time;
  console.log(lineOf(done, target.memory));
  console.log(
    `${done.sent.toLocaleString("en")} datagrams in ${seconds.toFixed(0)} s, ` +
      `${Math.round(done.sent / seconds).toLocaleString("en")} a second, ` +
      `${((time / (done.sent - dropped)) * 1e6).toFixed(1)} µs of processor time for each read`,
  );
  console.log(
    `${dropped.toLocaleString("en")} dropped by the kernel unread; ` +
      `${((100 * done.malformed) / done.examined).toFixed(0)} % malformed; ` +
      `${done.responses.toLocaleString("en")} answered; ` +
      `${done.answered.toLocaleString("en")} honest questions, ${done.repeated} asked twice`,
  );
  live.push(await target.weigh());
  const most = {
    live: atStart.live + COPIES * CACHE,
    memory: atStart.memory + HEAP * 2 ** 20 + YOUNG,
  };
  console.log(
    `in use ${[atStart.live, ...live].map(mebibytes).join(", ")} of ${mebibytes(most.live)}; ` +
      `resident at most ${mebibytes(highest)} of ${mebibytes(most.memory)}`,
  );
  try {
    await meanwhile;
    waits.push(await target.harvests(PATIENCE));
    const list = waits.map((wait) => wait.toFixed(0)).join(", ");
    console.log(`an honest service came and went in ${list} ms: before, meanwhile and after`);
  } catch (error) {
    return fail(`the collector is dead: ${error}`);
  }
  const [late, end] = live.slice(-2);
  if (Math.max(...live) > most.live) return fail("more memory is in use than the cache may hold");
  if (WEIGHED.at(-1)! * done.sent > FULL && end! > late! * GROWTH) {
    return fail("more and more memory is in use");
  }
  if (highest > most.memory) return fail("more memory is resident than may be");
  return 0;
}

function lineOf({ sent, slowest }: Progress, memory: number): string {
  return `${sent.toLocaleString("en").padStart(12)} sent, ${mebibytes(memory)}, slowest answer ${slowest.toFixed(0)} ms`;
}

function mebibytes(octets: number): string {
  return `${(octets / 2 ** 20).toFixed(0)} MiB`;
}

function fail(why: string): number {
  console.error(`failed: ${why}`);
  return 1;
}
