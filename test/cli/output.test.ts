/** Output that nobody can take: the disk is full, or the reader has gone. */
import assert from "node:assert/strict";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { describe, it } from "node:test";
import { Class, Type } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { frame } from "../../src/net/framing.ts";
import { freePort } from "../support/freeport.ts";
import { MAIN, temporaryFolder } from "../support/gateway.ts";
import { Running, run } from "../support/process.ts";
import { waitFor } from "../support/wait.ts";

const ROOT = Name.parse(".");
const skip = existsSync("/dev/full") ? false : "needs /dev/full";
const shell = (line: string) => ["sh", "-c", line, process.execPath, MAIN];

describe("output that cannot be written", { skip }, () => {
  it("does not end a service, be it the log or the lines at the start", async () => {
    for (const redirection of ["2>/dev/full", ">/dev/full"]) {
      const folder = temporaryFolder();
      const config = join(folder, "gateway.yaml");
      const port = await freePort();
      const dns = [`127.0.0.1:${port}`];
      writeFileSync(config, JSON.stringify({ links: [], listen: { dns }, data: folder }));
      const program = new Running(shell(`exec "$0" "$1" run --config ${config} ${redirection}`));
      // An answer by TCP comes after everything that is done at the start.
      await waitFor(`it to serve: ${redirection}`, () => !program.isRunning || isAnswered(port));
      assert.equal(await program.stop(), 0, program.stderr);
      rmSync(folder, { recursive: true });
    }
  });

  it("is a one-line error of another command, and no error if the reader has gone", async () => {
    const full = await run(shell('"$0" "$1" key paris >/dev/full'));
    assert.equal(full.status, 1);
    assert.match(full.stderr, /^ENOSPC: .*\n$/);
    const gone = await run(shell('("$0" "$1" key paris; echo $? >&2) | true'));
    assert.equal(gone.stderr, "0\n");
  });
});

async function isAnswered(port: number): Promise<boolean> {
  const query = makeMessage({
    id: 1,
    questions: [{ name: ROOT, type: Type.SOA, class: Class.IN }],
  });
  const socket = connect(port, "127.0.0.1").on("error", () => {});
  socket.end(frame(encode(query)));
  const octets = await buffer(socket).catch(() => Buffer.alloc(0));
  return octets.length > 0;
}
