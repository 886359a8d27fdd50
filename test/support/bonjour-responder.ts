/**
 * Services of the npm package bonjour-service: it never sets the cache-flush bit, and answers in one packet,
 * however long. Parameters: the interface's address, how many services, their port.
 */
import { Bonjour } from "bonjour-service";

const [address = "", count = "1", port = "80"] = process.argv.slice(2);
// Passed on to multicast-dns, whatever the package's own type says.
const socket: object = { interface: address, bind: "0.0.0.0" };
const bonjour = new Bonjour(socket);
let up = 0;
for (let number = 1; number <= Number(count); number++) {
  const name = `Lamp ${number}`;
  const service = bonjour.publish({ name, type: "http", port: Number(port), host: "lamps.local" });
  service.on("up", () => {
    if (++up === Number(count)) console.log("up");
  });
}
