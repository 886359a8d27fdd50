/**
 * `npm run fuzz [-- --count N --seed N --minutes N]`: millions of hostile datagrams at both ports of
 * a running gateway. Ends with exit status 1 where the gateway dies, leaves an honest question
 * unanswered or takes more and more memory. Needs root and Linux, for its network namespaces.
 */
import { parseArgs } from "node:util";
import { Lab, needs } from "../support/lab.ts";
import { sleep } from "../support/wait.ts";
import type { Progress } from "./sender.ts";
import { Target } from "./target.ts";

interface Sample {
  readonly sent: number;
  readonly memory: number;
}

/** Seconds between two lines. */
const REPORTED = 10;
/** How much larger a busy program may be at the end than half-way, when its tables are full. */
const GROWTH = 1.15;
const SLACK = 16 * 2 ** 20;

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
  const before = await target.harvests();
  const samples: Sample[] = [];
  const atStart = { dropped: target.dropped, time: target.time };
  const started = performance.now();
  console.log(`seed ${attack.seed}; at the start ${mebibytes(target.memory)}`);
  const sender = target.attack(attack);
  let last: Progress | undefined;
  while (sender.isRunning && target.isRunning) {
    await sleep(1000);
    if (!target.isRunning) break;
    last = sender.events<Progress>("progress").at(-1) ?? last;
    if (last === undefined) continue;
    samples.push({ sent: last.sent, memory: target.memory });
    if (samples.length % REPORTED === 0) console.log(lineOf(last, target.memory));
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
  const [early, middle, late] = [0.25, 0.5, 1].map((at) => memoryAt(samples, at));
  console.log(`memory ${[early!, middle!, late!].map(mebibytes).join(", ")}`);
  try {
    const after = await target.harvests();
    console.log(
      `an honest service came and went in ${before.toFixed(0)} ms before, ${after.toFixed(0)} ms after`,
    );
  } catch (error) {
    return fail(`the collector is dead: ${error}`);
  }
  if (late! > middle! * GROWTH + SLACK) return fail("memory is not flat");
  return 0;
}

/** The median memory in the tenth of the way that ends at `at`. */
function memoryAt(samples: readonly Sample[], at: number): number {
  const end = samples.at(-1)?.sent ?? 0;
  const within = samples
    .filter(({ sent }) => sent >= (at - 0.1) * end && sent <= at * end)
    .map(({ memory }) => memory)
    .sort((a, b) => a - b);
  return within[within.length >> 1] ?? samples.at(-1)?.memory ?? 0;
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
