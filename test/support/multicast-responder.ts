/**
 * Answers questions with the npm package multicast-dns, which announces nothing. Parameters: the
 * interface's address, then a JSON list of services.
 */
import type { Answer } from "dns-packet";
import multicastDns from "multicast-dns";

export interface RespondedService {
  readonly name: string;
  readonly type: string;
  readonly port: number;
  readonly host: string;
  readonly address: string;
  readonly txt: readonly string[];
  /** "_a4._sub._ipp._tcp". */
  readonly subtypes?: readonly string[];
}

const [address = "", services = "[]"] = process.argv.slice(2);
const responder = multicastDns({ interface: address, bind: "0.0.0.0" });
const ttl = 120;

const answers = (JSON.parse(services) as RespondedService[]).flatMap((service): Answer[] => {
  const name = `${service.name}.${service.type}.local`;
  const host = `${service.host}.local`;
  const { subtypes = [] } = service;
  return [
    ...subtypes.map((each) => ({ name: `${each}.local`, type: "PTR" as const, ttl, data: name })),
    { name: "_services._dns-sd._udp.local", type: "PTR", ttl, data: `${service.type}.local` },
    { name: `${service.type}.local`, type: "PTR", ttl, data: name },
    { name, type: "SRV", ttl, flush: true, data: { port: service.port, target: host } },
    { name, type: "TXT", ttl, flush: true, data: [...service.txt] },
    { name: host, type: "A", ttl, flush: true, data: service.address },
  ];
});

responder.on("query", ({ questions = [] }) => {
  const asked = answers.filter((answer) =>
    questions.some(
      ({ name, type }) =>
        name.toLowerCase() === answer.name.toLowerCase() && ["ANY", answer.type].includes(type),
    ),
  );
  if (asked.length > 0) responder.respond(asked);
});
responder.on("ready", () => console.log("ready"));
