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
  const at = Date.now();
  const { rcode, answers } = decode(bytes);
  // A set has no order.
  const records = answers
    .filter((record) => record.type === type)
    .map(({ rdata }) => Buffer.from(rdata.toWire()).toString("hex"))
    .sort();
  const now = `${rcode} ${records}`;
  if (now === last) return;
  last = now;
  const change = { event: "change", at, rcode, count: records.length, records };
  console.log(JSON.stringify(change));
});
// Unanswered questions are no trouble: the next one follows.
socket.on("error", () => {});
socket.connect(53, server, () => setInterval(() => socket.send(question), INTERVAL));
