/** The source address that the system would choose for packets to another host. */
import { createSocket } from "node:dgram";
import { isIPv4 } from "node:net";
import type { Endpoint } from "../../dns/endpoint.ts";

/** Undefined if there is no route. Nothing is sent. */
export async function sourceAddress({ address, port }: Endpoint): Promise<string | undefined> {
  const socket = createSocket(isIPv4(address) ? "udp4" : "udp6");
  try {
    return await new Promise((resolve) => {
      socket.on("error", () => resolve(undefined));
      socket.connect(port, address, (error?: Error) => {
        resolve(error ? undefined : socket.address().address);
      });
    });
  } finally {
    socket.close();
  }
}
