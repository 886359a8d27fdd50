/**
 * The network of most tests: a LAN with a gateway, and behind a router a client with a route to the gateway
 * and no multicast.
 */
import type { Host, Lab, Switch } from "./lab.ts";

export interface Office {
  readonly lan: Switch;
  /** 10.77.1.1, fd00:77:1::1, on eth0. */
  readonly gateway: Host;
  /** 10.88.0.2. */
  readonly client: Host;
  /** One more host on the LAN, at 10.77.1.N and fd00:77:1::N. */
  device(name: string, number: number): Host;
}

export const GATEWAY = "10.77.1.1";

export function office(lab: Lab): Office {
  const lan = lab.lan("lan");
  const far = lab.lan("far");
  const device = (name: string, number: number) =>
    lab.host(name).plug(lan, {
      name: "eth0",
      addresses: [`10.77.1.${number}/24`, `fd00:77:1::${number}/64`],
    });
  const router = device("router", 254).plug(far, { name: "eth1", addresses: ["10.88.0.1/24"] });
  router.set("net/ipv4/ip_forward", "1");
  const client = lab.host("client").plug(far, { name: "eth0", addresses: ["10.88.0.2/24"] });
  client.route("10.77.1.0/24", "10.88.0.1");
  const gateway = device("gw", 1).route("10.88.0.0/24", "10.77.1.254");
  return { lan, gateway, client, device };
}
