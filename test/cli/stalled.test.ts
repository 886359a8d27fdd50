/** A log whose reader keeps the pipe open and reads nothing, as one that is stuck does. */
import assert from "node:assert/strict";
import { constants, openSync, rmSync, writeFileSync } from "node:fs";
import { connect, Socket } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { describe, it } from "node:test";
import { Class, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { Frames, frame } from "../../src/net/framing.ts";
import { freePort } from "../support/freeport.ts";
import { MAIN, STARTED, temporaryFolder } from "../support/gateway.ts";
import { Running, succeedNow } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";

/** Each logs a line: together more than the pipe and the queue for it hold, 64 kB each. */
const TRANSFERS = 1500;

describe("a log that nobody reads", () => {
  it("delays no answer, and reports the lines that it lacks once it is read again", async () => {
    await using server = await stalled();
    assert.equal(await server.asked(Type.AXFR, TRANSFERS), TRANSFERS);
    assert.equal(await server.asked(Type.SOA), 1);
    const log = server.read();
    const missing = () => {
      const lines = log.text.matchAll(/"lines":(\d+),"msg":"lines of the log are missing here/g);
      return [...lines].reduce((all, [, some]) => all + Number(some), 0);
    };
    const told = () => log.text.split('"a zone is transferred"').length - 1;
    await waitFor("all lines to be there or missed", () => missing() + told() === TRANSFERS);
    assert.ok(missing() > 0 && log.text.length > 65_536, `${log.text.length} octets`);
    // While it is read it is complete, to the last line.
    assert.equal(await server.asked(Type.AXFR, 10), 10);
    assert.equal(await server.program.stop(), 0);
    await log.ended;
    assert.equal(missing() + told(), TRANSFERS + 10);
    const lines = log.text.trimEnd().split("\n");
    const times = lines.map((line) => (JSON.parse(line) as { time: number }).time);
    assert.deepEqual(times, times.toSorted());
    assert.match(lines.at(-1)!, /"stopping"/);
  });

  it("does not delay the exit", async () => {
    await using server = await stalled();
    assert.equal(await server.asked(Type.AXFR, TRANSFERS), TRANSFERS);
    assert.equal(await server.program.stop(), 0);
  });
});

/** A server whose log goes into a pipe that is open and not read. */
async function stalled() {
  const folder = temporaryFolder();
  const [config, pipe] = [join(folder, "gateway.yaml"), join(folder, "log")];
  const port = await freePort();
  const listen = { dns: [`127.0.0.1:${port}`] };
  writeFileSync(config, JSON.stringify({ zone: "z.example", links: [], listen, data: folder }));
  succeedNow("mkfifo", pipe);
  const descriptor = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  const reader = new Socket({ fd: descriptor, writable: false });
  const shell = `exec "$0" "$1" run --config ${config} 2>${pipe}`;
  const program = new Running(["sh", "-c", shell, process.execPath, MAIN]);
  await program.line(STARTED);
  return {
    program,
    asked: (type: number, times = 1) => asked(port, type, times),
    read() {
      const log = { text: "", ended: new Promise((resolve) => reader.once("close", resolve)) };
      reader.setEncoding("utf8").on("data", (text: string) => {
        log.text += text;
      });
      return log;
    },
    async [Symbol.asyncDispose]() {
      await program.stop();
      reader.destroy();
      rmSync(folder, { recursive: true });
    },
  };
}

/** The number of answers to `times` questions on one connection; 0 if the connection breaks or is silent. */
async function asked(port: number, type: number, times: number): Promise<number> {
  const questions = [{ name: Name.parse("z.example."), type, class: Class.IN }];
  const query = frame(encode(makeMessage({ id: 1, questions })));
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {}).setTimeout(5_000, () => socket.destroy());
  socket.end(Buffer.concat(Array(times).fill(query)));
  const frames = new Frames();
  frames.push(await buffer(socket).catch(() => Buffer.alloc(0)));
  let answers = 0;
  while (frames.next() !== undefined) answers++;
  return answers;
}
