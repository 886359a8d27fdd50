/**
 * A hostile host against a running gateway, and the verdict: why the gateway failed, if it did. It fails
 * if it dies, leaves an honest question unanswered by any transport, does not serve what an honest
 * device announces during and after the attack, or takes more and more memory.
 *
 * Two kinds of memory are measured. What is in use is bounded by what a link's cache may hold, and stops
 * growing once that is full. What is resident, garbage included, stays below what V8 may take by its
 * options.
 */
import { Lab } from "../support/lab.ts";
import { sleep } from "../support/wait.ts";
import type { Intruded } from "./intruder.ts";
import type { Attack, Progress } from "./sender.ts";
import { HEAP, Target } from "./target.ts";

export interface FuzzOptions extends Pick<Attack, "seed" | "count" | "time"> {
  readonly print: (line: string) => void;
}

/** Programs it needs. */
export const tools = ["dig", "openssl"] as const;

/** Seconds between two lines. */
const REPORTED = 10;
/** Fractions of the attack after which the memory in use is weighed. */
const WEIGHED = [0.25, 0.5, 0.75];
/** Datagrams after which the cache is full, as it has to be at the last weighing but one. */
const FULL = 3_000_000;
/** Growth allowed over the last quarter: the memory in use fluctuates. */
const GROWTH = 1.05;
/** Octets that a link's cache may hold, and how many times that may be in use. */
const CACHE = 32 * 2 ** 20;
const COPIES = 3;
/** Octets that V8 has beside its old space: three semi-spaces of 16 MiB, and code. */
const YOUNG = 64 * 2 ** 20;
/** Milliseconds within which an honest service must come and go; and for which it is looked for. */
const PATIENCE = 20_000;
const LOOKED_FOR = 60_000;

/** Returns why the gateway failed; undefined if it did not. */
export async function fuzz({ print, ...attack }: FuzzOptions): Promise<string | undefined> {
  await using lab = new Lab();
  const target = await Target.start(lab);
  const waits = [await target.harvests(LOOKED_FOR)];
  const atStart = {
    dropped: target.dropped,
    time: target.vitals.time,
    memory: target.vitals.memory,
    live: await target.vitals.weigh(),
  };
  const started = performance.now();
  print(`seed ${attack.seed}; at the start ${mebibytes(atStart.memory)}`);
  const sender = target.attack(attack);
  const intruder = target.intrude(attack.seed);
  let last: Progress | undefined;
  let highest = 0;
  const live: number[] = [];
  let meanwhile: Promise<unknown> = Promise.resolve();
  const isGoingOn = () => sender.isRunning && intruder.isRunning && target.isRunning;
  for (let seconds = 1; isGoingOn(); seconds++) {
    await sleep(1000);
    if (!target.isRunning) break;
    highest = Math.max(highest, target.vitals.memory);
    last = sender.events<Progress>("progress").at(-1) ?? last;
    if (last === undefined) continue;
    if (seconds % REPORTED === 0) print(lineOf(last, target.vitals.memory));
    const way = (performance.now() - started) / (attack.time ?? Number.POSITIVE_INFINITY);
    if (Math.max(way, last.sent / attack.count) < (WEIGHED[live.length] ?? 1)) continue;
    live.push(await target.vitals.weigh());
    // An honest service comes and goes during the attack.
    const before = meanwhile;
    meanwhile = target.harvests(LOOKED_FOR).then((wait) => {
      waits.push(wait);
      return before;
    });
    meanwhile.catch((error) => print(`while attacked: ${error}`));
  }
  const seconds = (performance.now() - started) / 1000;
  const [done] = sender.events<Progress>("done");
  if (!target.isRunning) return `the gateway died:\n${target.lastWords}`;
  const [unanswered] = intruder.events<{ by: string[] }>("unanswered");
  if (unanswered !== undefined) return `nothing honest was answered by ${unanswered.by.join(", ")}`;
  if (!intruder.isRunning) return `the intruder ended, ${await intruder.ended}: ${intruder.stderr}`;
  if (done === undefined) return `an honest question went unanswered\n${sender.stderr}`;
  const intruded = intruder.events<Intruded>("intruded").at(-1);
  await intruder.stop();
  if (!intruded?.granted) return "no signed update came through, so nothing was attacked";
  if (!intruded.registered) return "no device came through, so no registrar was attacked";
  if (!intruded.pushed) return "nothing was pushed, so no session was attacked";

  const dropped = target.dropped - atStart.dropped;
  const time = target.vitals.time - atStart.time;
  print(lineOf(done, target.vitals.memory));
  print(
    `${done.sent.toLocaleString("en")} datagrams in ${seconds.toFixed(0)} s, ` +
      `${Math.round(done.sent / seconds).toLocaleString("en")} a second, ` +
      `${((time / (done.sent - dropped)) * 1e6).toFixed(1)} µs of processor time for each read`,
  );
  print(
    `${dropped.toLocaleString("en")} dropped by the kernel unread; ` +
      `${((100 * done.malformed) / done.examined).toFixed(0)} % malformed; ` +
      `${done.responses.toLocaleString("en")} answered; ` +
      `${done.answered.toLocaleString("en")} honest questions, ${done.repeated} asked twice`,
  );
  print(lineOfIntruded(intruded));
  live.push(await target.vitals.weigh());
  const most = {
    live: atStart.live + COPIES * CACHE,
    memory: atStart.memory + HEAP * 2 ** 20 + YOUNG,
  };
  print(
    `in use ${[atStart.live, ...live].map(mebibytes).join(", ")} of ${mebibytes(most.live)}; ` +
      `resident at most ${mebibytes(highest)} of ${mebibytes(most.memory)}`,
  );
  try {
    await meanwhile;
    waits.push(await target.harvests(LOOKED_FOR));
    const list = waits.map((wait) => wait.toFixed(0)).join(", ");
    print(`an honest service came and went in ${list} ms: before, meanwhile and after`);
  } catch (error) {
    return `the collector is dead: ${error}`;
  }
  const [late, end] = live.slice(-2);
  if (Math.max(...waits) > PATIENCE) return "an honest service was waited for too long";
  if (Math.max(...live) > most.live) return "more memory is in use than the cache may hold";
  if (WEIGHED.at(-1)! * done.sent > FULL && end! > late! * GROWTH) {
    return "more and more memory is in use";
  }
  if (highest > most.memory) return "more memory is resident than may be";
  return undefined;
}

function lineOf({ sent, slowest }: Progress, memory: number): string {
  return `${sent.toLocaleString("en").padStart(12)} sent, ${mebibytes(memory)}, slowest answer ${slowest.toFixed(0)} ms`;
}

function lineOfIntruded(intruded: Intruded): string {
  const { connections, secured, octets, pushed, signed, granted, registered, answered } = intruded;
  return (
    `${connections.toLocaleString("en")} connections, ${secured.toLocaleString("en")} with TLS, ` +
    `${octets.toLocaleString("en")} octets came back, ${pushed.toLocaleString("en")} pushes among ` +
    `them; ${signed.toLocaleString("en")} signed ` +
    `datagrams, ${granted.toLocaleString("en")} granted, ` +
    `${registered.toLocaleString("en")} registrations; ` +
    `${answered.toLocaleString("en")} times honest questions by TCP, TLS and HTTPS`
  );
}

function mebibytes(octets: number): string {
  return `${(octets / 2 ** 20).toFixed(0)} MiB`;
}
