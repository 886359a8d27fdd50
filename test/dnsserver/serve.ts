/** A program that serves the fixture's zone on a given address and port until SIGTERM. */
import { listenBoth } from "./listening.ts";

const [address = "0.0.0.0", port = "53"] = process.argv.slice(2);
const server = await listenBoth({ endpoint: { address, port: Number(port) } });
process.stdout.write(`listening on ${server.endpoint.port}\n`);
process.once("SIGTERM", () => void server[Symbol.asyncDispose]());
