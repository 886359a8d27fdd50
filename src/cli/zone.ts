/** `zone`: the zone as it is served now, by AXFR (RFC 5936), printed as a master file in order. */
import { formatMasterFile } from "../zone/masterfile.ts";
import { Snapshot } from "../zone/snapshot.ts";
import { chooseServer, type ServerOptions } from "./server.ts";
import { transfer } from "./transfer.ts";

export async function zone(options: ServerOptions): Promise<void> {
  const server = chooseServer(options);
  const { domain } = server;
  process.stdout.write(formatMasterFile(Snapshot.of(domain, await transfer(server)), domain));
}
