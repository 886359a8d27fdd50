/** `run`: the gateway in the foreground, until SIGTERM or SIGINT. */
import { isatty } from "node:tty";
import { systemClock } from "../clock.ts";
import { type Config, defaultConfig, readConfig } from "../config.ts";
import { formatEndpoint } from "../dns/endpoint.ts";
import { updateHost } from "../gateway/publishing.ts";
import { openGateway } from "../gateway.ts";
import type { Log } from "../log.ts";
import { openLog } from "./log.ts";
import { reachable, reachableOf } from "./server.ts";
import { settleHeap } from "./v8.ts";

export interface RunOptions {
  readonly config?: string;
  readonly log: string;
}

export async function run(options: RunOptions): Promise<void> {
  settleHeap();
  const config = options.config === undefined ? defaultConfig() : readConfig(options.config);
  const log = openLog(options.log);
  const stop = new AbortController();
  const reloads: (() => void)[] = [];
  if (!hasTerminal()) process.on("SIGHUP", () => readAgain(reloads, log));
  // Other daemons reopen their log on it; Node would open a debugger to every user of this host.
  process.on("SIGUSR1", () => log.info({ signal: "SIGUSR1" }, "signal ignored"));
  const gateway = await openGateway(config, {
    ...{ clock: systemClock, log, signal: stop.signal },
    onReload: (reload) => reloads.push(reload),
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      log.info({ signal }, "stopping");
      stop.abort();
    });
  }
  // Last, for whoever reads this may stop us at once.
  process.stdout.write(welcome(config));
  await gateway.closed;
}

/** A terminal's SIGHUP means that it is gone, and ends us as by default: nothing can be reported any more. */
function hasTerminal(): boolean {
  return [0, 1, 2].some((descriptor) => isatty(descriptor));
}

function readAgain(reloads: readonly (() => void)[], log: Log): void {
  for (const reload of reloads) reload();
  log.info({ signal: "SIGHUP" }, reloads.length > 0 ? REREAD : NOTHING_REREAD);
}

const REREAD = "certificates and signing keys are reread; all else is read only at the start";
const NOTHING_REREAD = "nothing is reread: the configuration is read only at the start";

/** The first thing to try, ready to paste. */
function welcome({ zone, listen, publish, web }: Config): string {
  const page = web === undefined ? [] : [`http://${formatEndpoint(reachable(web))}/`];
  if (listen === undefined) {
    const server = publish && updateHost(publish);
    const at =
      server === undefined
        ? "the server found through DNS"
        : formatEndpoint({ address: server.host, port: server.port });
    const by = publish?.transport === "tls" ? " by TLS" : "";
    const figures = page.map((url) => ` Metrics are at ${url}metrics.`).join("");
    return `Will publish into ${zone} at ${at}${by}.${figures}\n\n`;
  }
  const { address, port } = reachableOf(listen.dns);
  const dig = `dig @${address}${port === 53 ? "" : ` -p ${port}`}`;
  const also = [
    ...listen.tls.map((endpoint) => `TLS ${formatEndpoint(endpoint)}`),
    ...listen.https.map((endpoint) => `https://${formatEndpoint(endpoint)}/dns-query`),
    ...page,
  ];
  return [
    `Serving ${zone} on ${[...listen.dns.map(formatEndpoint), ...also].join(", ")}. Try:`,
    "",
    `  ${dig} _services._dns-sd._udp.${zone} PTR`,
    `  ${dig} lb._dns-sd._udp.${zone} PTR`,
    "",
    "",
  ].join("\n");
}
