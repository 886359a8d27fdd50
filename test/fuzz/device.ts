/**
 * An honest device that only speaks: a program that announces its one service, or says goodbye, and
 * ends. Its parameters are its address and the TTL in seconds, which is 0 for goodbye.
 */
import { createSocket } from "node:dgram";
import { Class } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { type Rdata, rdata } from "../../src/dns/rdata.ts";

const [address = "", ttl = ""] = process.argv.slice(2);
const service = Name.parse("_honest._tcp.local.");
const instance = service.child("Honest")!;
const host = Name.parse("honest.local.");
const record = (name: Name, data: Rdata, klass: number) => ({
  ...{ name, type: data.type, class: klass, ttl: Number(ttl), rdata: data },
});
/** Class IN with the cache-flush bit (RFC 6762 §10.2). */
const FLUSH = 0x8000 | Class.IN;

const announcement = makeMessage({
  isResponse: true,
  isAuthoritative: true,
  answers: [
    record(service, rdata.ptr(instance), Class.IN),
    record(instance, rdata.srv(0, 0, 631, host), FLUSH),
    record(instance, rdata.txt("honest=1"), FLUSH),
    record(host, rdata.a(address), FLUSH),
  ],
});
const socket = createSocket({ type: "udp4", reuseAddr: true });
socket.bind({ port: 5353, address }, () => {
  socket.setMulticastInterface(address);
  socket.setMulticastTTL(255);
  const octets = encode(announcement, { compression: "multicast" });
  const say = (then: () => void) => socket.send(octets, 5353, "224.0.0.251", then);
  // Twice (RFC 6762 §8.3): beside a flood, the kernel may lose one on its way.
  say(() => setTimeout(say, 1000, () => socket.close()));
});
