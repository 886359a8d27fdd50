/**
 * A client of DNS Push on a host of a lab. Parameters: the server's address and port, the name that its
 * certificate must have, and a file with the authority's certificate. Each line of JSON on standard input is
 * something to send; what is received is printed.
 */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { keepalive, PushClient, reconfirm, subscribe } from "./pushclient.ts";
import { waitFor } from "./wait.ts";

export interface Order {
  readonly keepalive?: readonly [id: number, inactivity: number, interval: number];
  readonly subscribe?: readonly [id: number, name: string, type: number];
  /** Its data in hex. */
  readonly reconfirm?: readonly [name: string, type: number, data: string];
}

/** What is printed for each message. */
export interface Message {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly id: number;
  readonly isResponse: boolean;
  readonly rcode: number;
  /** Types and data in hex. */
  readonly tlvs: readonly (readonly [type: number, data: string])[];
  /** What the client knows by then: "type name data", sorted. */
  readonly known: readonly string[];
}

export interface Ended {
  readonly how: string;
}

const [address = "", port, servername = "", authority = ""] = process.argv.slice(2);
const print = (event: string, fields: object = {}) =>
  console.log(JSON.stringify({ event, ...fields }));

try {
  const client: PushClient = await PushClient.connect(
    { address, port: Number(port) },
    { ca: readFileSync(authority, "utf8"), servername },
    ({ id, isResponse, rcode, tlvs }) => {
      const hex = tlvs.map(([type, data]) => [type, data.toString("hex")]);
      const message = { id, isResponse, rcode, tlvs: hex, known: client.known() };
      print("message", { at: Date.now(), ...message });
    },
  );
  createInterface(process.stdin).on("line", (line) => {
    const order = JSON.parse(line) as Order;
    if (order.keepalive) client.send(keepalive(...order.keepalive));
    if (order.subscribe) client.send(subscribe(...order.subscribe));
    if (order.reconfirm) {
      const [name, type, data] = order.reconfirm;
      client.send(reconfirm(name, type, Buffer.from(data, "hex")));
    }
  });
  print("connected");
  print("ended", { how: await waitFor("the end", () => client.ended, 600_000) });
} catch (error) {
  print("ended", { how: `${error}` });
}
process.exit();
