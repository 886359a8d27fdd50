/**
 * Asks a server the same questions over and over and prints an event whenever the answer to one changes.
 * Parameters: server, milliseconds from one round to the next, then a name and a type for each question.
 */
import { createSocket } from "node:dgram";
import { parseType } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { decode, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";

const [server = "", interval, ...asked] = process.argv.slice(2);
const questions = Array.from({ length: asked.length / 2 }, (_, id) => {
  const [name = ".", typeText = "A"] = asked.slice(2 * id);
  const type = parseType(typeText)!;
  const octets = encode(
    makeMessage({
      id,
      questions: [{ name: Name.parse(name), type, class: 1 }],
      edns: { udpSize: 1232, version: 0, dnssecOk: false, options: [] },
    }),
  );
  return { type, octets, last: "" };
});

const socket = createSocket(server.includes(":") ? "udp6" : "udp4");
socket.on("message", (bytes) => {
  const at = Date.now();
  const { id, rcode, answers } = decode(bytes);
  const question = questions[id]!;
  // A set is unordered.
  const records = answers
    .filter((record) => record.type === question.type)
    .map(({ rdata }) => Buffer.from(rdata.toWire()).toString("hex"))
    .sort();
  const now = `${rcode} ${records}`;
  if (now === question.last) return;
  question.last = now;
  const change = { event: "change", question: id, at, rcode, count: records.length, records };
  console.log(JSON.stringify(change));
});
// Unanswered questions do not matter: the next ones follow.
socket.on("error", () => {});
const ask = () => {
  for (const { octets } of questions) socket.send(octets);
};
socket.connect(53, server, () => setInterval(ask, Number(interval)));
