/**
 * Asks a server one question each few milliseconds and prints an event whenever the answer is
 * another one. Parameters: server, name, type.
 */
import { createSocket } from "node:dgram";
import { parseType } from "../../src/dns/constants.ts";
import { decode, encode, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";

const INTERVAL = 5;

const [server = "", name = ".", typeText = "A"] = process.argv.slice(2);
const type = parseType(typeText)!;
const question = encode(
  makeMessage({
    questions: [{ name: Name.parse(name), type, class: 1 }],
    edns: { udpSize: 1232, version: 0, dnssecOk: false, options: [] },
  }),
);
let last = "";

const socket = createSocket(server.includes(":") ? "udp6" : "udp4");
socket.on("message", (bytes) => {
  const { rcode, answers } = decode(bytes);
  const count = answers.filter((record) => record.type === type).length;
  const now = `${rcode} ${count}`;
  if (now === last) return;
  last = now;
  console.log(JSON.stringify({ event: "change", at: Date.now(), rcode, count }));
});
// Unanswered questions are no trouble: the next one follows.
socket.on("error", () => {});
socket.connect(53, server, () => setInterval(() => socket.send(question), INTERVAL));
