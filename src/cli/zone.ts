/** `zone`: the zone as it is served now, fetched by AXFR (RFC 5936), printed as a master file in order. */
import { formatMasterFile } from "../zone/masterfile/masterformat.ts";
import { Snapshot } from "../zone/snapshot.ts";
import type { ServerOptions } from "./server.ts";
import { transfer } from "./transfer.ts";

export async function zone(options: ServerOptions): Promise<void> {
  const { domain, sets } = await transfer(options);
  process.stdout.write(formatMasterFile(Snapshot.of(domain, sets), domain));
}
