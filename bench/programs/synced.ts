/**
 * The ceiling of plain JavaScript for durable updates: node:net, each message hashed on arrival and each
 * answer on departure, its octets in a file that is synced for all that wait together, and no DNS at all.
 */
import { createSocket } from "node:dgram";
import { fdatasync, openSync, writeSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { Hmac } from "../../src/dns/hmac.ts";
import { Frames, frame } from "../../src/net/framing.ts";
import { key } from "../updates.ts";

const [port, folder = ""] = process.argv.slice(2);
const file = openSync(join(folder, "synced"), "w");
const hmac = new Hmac("sha256", key.secret);
const ZEROS = Buffer.alloc(2 ** 20);
let written = 0;
let zeroed = 0;
let waiting: { readonly socket: Socket; readonly message: Uint8Array }[] = [];
let isSyncing = false;

function sync(): void {
  isSyncing = waiting.length > 0;
  if (!isSyncing) return;
  const group = waiting;
  waiting = [];
  if (zeroed - written < ZEROS.length / 2)
    zeroed += writeSync(file, ZEROS, 0, ZEROS.length, zeroed);
  const messages = Buffer.concat(group.map(({ message }) => message));
  written += writeSync(file, messages, 0, messages.length, written);
  fdatasync(file, () => {
    sync();
    for (const { socket, message } of group) socket.write(answer(message));
  });
}

/** About as long as a signed NOERROR. */
function answer(message: Uint8Array): Buffer {
  const octets = Buffer.from(message.subarray(0, 128));
  octets[3] = 0;
  octets.set(hmac.digest(octets), 80);
  return frame(octets);
}

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => {});
  const frames = new Frames();
  socket.on("data", (piece: Buffer) => {
    frames.push(piece);
    for (let message = frames.next(); message !== undefined; message = frames.next()) {
      hmac.digest(message);
      waiting.push({ socket, message });
    }
    if (!isSyncing) sync();
  });
});
server.listen(Number(port), "127.0.0.1");
const up = createSocket("udp4");
up.on("message", (message, { port, address }) => up.send(message, port, address));
up.bind(Number(port), "127.0.0.1");
