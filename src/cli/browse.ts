/**
 * `browse`: what a DNS-SD client sees, by unicast (RFC 6763 §4, §9), now or, with `--watch`, from now on.
 */
import { systemClock } from "../clock.ts";
import { Answers } from "./browse/answers.ts";
import { instancesOf, typesIn } from "./browse/listing.ts";
import { watch } from "./browse/watch.ts";
import { chooseServer, type ServerOptions } from "./server.ts";

export interface BrowseOptions extends ServerOptions {
  readonly watch?: boolean;
}

export async function browse(type: string | undefined, options: BrowseOptions): Promise<void> {
  const server = chooseServer(options);
  const { domain } = server;
  const listing = type === undefined ? typesIn(domain) : instancesOf(type, domain);
  if (options.watch) return watch(listing, server);
  const answers = new Answers(server, systemClock);
  await answers.ask(listing.items);
  const lines = (listing.items(answers.find) ?? []).flatMap(({ lines }) => lines ?? []);
  const shown = lines.length > 0 ? lines : [listing.none];
  process.stdout.write(shown.map((line) => `${line}\n`).join(""));
}
