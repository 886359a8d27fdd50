/** dns2's server with the same data in a Map, on UDP at the given port. */
import dns2 from "dns2";
import { Type } from "../../src/dns/constants.ts";
import { addressOf, srvOf, stringsOf, targetOf } from "../../src/dns/rdata.ts";
import type { RecordSet } from "../../src/dns/record.ts";
import { officeRecords } from "../office.ts";

type Answer = Record<string, unknown>;

/** A name as dns2 has it: text without the final dot. */
const text = (name: { toString(): string } | undefined) => String(name).replace(/\.$/, "");

function answersOf({ name, type, ttl, rdatas }: RecordSet): Answer[] {
  return rdatas.map((data) => {
    const shared = { name: text(name), type, class: 1, ttl };
    if (type === Type.A) return { ...shared, address: addressOf(data) };
    if (type === Type.PTR) return { ...shared, domain: text(targetOf(data)) };
    if (type === Type.TXT) return { ...shared, data: stringsOf(data).map(String) };
    const { target, ...numbers } = srvOf(data);
    return { ...shared, ...numbers, target: text(target) };
  });
}

const served = new Set<number>([Type.A, Type.PTR, Type.TXT, Type.SRV]);
const answers = new Map<string, Answer[]>();
const names = new Set<string>();
for (const set of officeRecords()) {
  if (!served.has(set.type)) continue;
  answers.set(`${set.type} ${text(set.name).toLowerCase()}`, answersOf(set));
  names.add(text(set.name).toLowerCase());
}

const server = dns2.createServer({
  udp: true,
  handle(request, send) {
    const response = dns2.Packet.createResponseFromRequest(request);
    const { name, type } = request.questions[0] as { name: string; type: number };
    const key = name.toLowerCase();
    const header = response.header as { aa: number; rcode: number };
    header.aa = 1;
    if (!names.has(key)) header.rcode = 3;
    response.answers.push(...((answers.get(`${type} ${key}`) ?? []) as never[]));
    send(response);
  },
});
await server.listen({ udp: { port: Number(process.argv[2]), address: "127.0.0.1" } });
