/**
 * Loaded before each test file (`--import`). A file that has not ended by the deadline, or soon after its
 * last test, reports what it is doing and fails: so a hang is named, and does not hold up other files.
 */
import { once } from "node:events";
import { writeSync } from "node:fs";
import { type Debugger, Session } from "node:inspector/promises";
import { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isMainThread, Worker, workerData } from "node:worker_threads";

/** Milliseconds: several times what the longest file takes. */
const DEADLINE = Number(process.env.TEST_FILE_DEADLINE ?? 900_000);

/** Milliseconds from the last test to the end, and between one way of ending a file and the next. */
const GRACE = 10_000;

if (!isMainThread) await endFromOutside(workerData as string);
else if (process.env.NODE_TEST_CONTEXT !== undefined) endInTime(process.argv[1]!);

function endInTime(file: string): void {
  const end = (when: string) => {
    say(file, `${when} it waits for ${process.getActiveResourcesInfo().join(", ")}`);
    process.exit(1);
  };
  setTimeout(end, DEADLINE, `after ${DEADLINE / 1000} s`).unref();
  after(() => setTimeout(end, GRACE, "after its last test").unref());
  new Worker(fileURLToPath(import.meta.url), { execArgv: [], workerData: file }).unref();
}

/** Runs in a thread, for a file that does not return from a loop or a system call. */
async function endFromOutside(file: string): Promise<void> {
  await sleep(DEADLINE + GRACE);
  const session = new Session();
  session.connectToMainThread();
  const paused = once(session, "Debugger.paused");
  void session.post("Debugger.enable");
  void session.post("Debugger.pause");
  const first = await Promise.race([paused, sleep(GRACE)]);
  if (first === undefined) {
    say(file, "it does not come back from the system");
    process.kill(process.pid, "SIGKILL");
    return;
  }
  const [{ params }] = first as [{ params: Debugger.PausedEventDataType }];
  const { callFrameId } = params.callFrames[0]!;
  const inFrame = (expression: string) =>
    session.post("Debugger.evaluateOnCallFrame", { callFrameId, expression });
  const stack = inFrame("new Error('it is here').stack");
  await Promise.race([stack.then(({ result }) => say(file, result.value)), sleep(GRACE)]);
  // As if the file itself exited: it ends what it has started, then waits for us to go.
  void inFrame("process.exit(1)");
  await sleep(GRACE);
  session.disconnect();
}

function say(file: string, what: string): void {
  writeSync(2, `${file}: ${what}\n`);
}
