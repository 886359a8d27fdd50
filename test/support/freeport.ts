import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * A port of 127.0.0.1 that is free for UDP and TCP, and not one of those that the system hands out: other
 * programs might get that before it is opened.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = next;
    next = port < LAST ? port + 1 : FIRST;
    const server = createServer().listen(port, "127.0.0.1");
    const isFreeByTcp = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.once("listening", () => resolve(true));
    });
    if (!isFreeByTcp) continue;
    const socket = createSocket("udp4");
    const isFree = await new Promise<boolean>((resolve) => {
      socket.once("error", () => resolve(false));
      socket.bind(port, "127.0.0.1", () => resolve(true));
    });
    socket.close();
    server.close();
    await once(server, "close");
    if (isFree) return port;
  }
}

/** Linux hands out 32768 and more (ip_local_port_range), other systems higher ones. */
const [FIRST, LAST] = [10_000, 32_000];
/** Test files that run at the same time use ports far apart. */
let next = FIRST + Math.floor(Math.random() * (LAST - FIRST));
