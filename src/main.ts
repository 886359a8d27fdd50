#!/usr/bin/env node
/** The command line. Each command is a file of `cli/`; this one only reads the arguments. */
import { Command, Option } from "commander";
import { browse } from "./cli/browse.ts";
import { check } from "./cli/check.ts";
import { doctor } from "./cli/doctor.ts";
import { explain } from "./cli/explain.ts";
import { key } from "./cli/key.ts";
import { type RunOptions, run } from "./cli/run.ts";
import { forTerminal } from "./cli/terminal.ts";
import { zone } from "./cli/zone.ts";
import { ConfigError } from "./config/mistakes.ts";
import { ListenError } from "./net/server/listener.ts";

const program = new Command("dnssd-gateway")
  .description(
    "Harvests what the local networks advertise by multicast DNS and serves it as a DNS zone.",
  )
  .version("0.1.0")
  .showHelpAfterError("(see dnssd-gateway --help)");

program
  .command("run", { isDefault: true })
  .description("listen, publish and serve, until SIGTERM or SIGINT")
  .option(
    "-c, --config <file>",
    "configuration file (YAML); without it, every interface and loopback",
  )
  .addOption(
    new Option("--log <level>", "how much to log on standard error")
      .choices(["debug", "info", "warn", "error", "silent"])
      .default("info"),
  )
  .allowExcessArguments()
  .action((options: RunOptions, { args: [unknown] }: Command) => {
    // As `run` may be omitted, it gets words that are no command.
    if (unknown !== undefined) program.error(`error: ${whyNoCommand(unknown)}`);
    return run(options);
  });

program
  .command("browse")
  .description("list service types, or the instances of one, from a unicast DNS server")
  .argument("[type]", "service type such as _ipp._tcp")
  .option("-d, --domain <name>", "domain to browse (default: the configured zone)")
  .option(
    "-s, --server <address>",
    "server to ask, such as 192.0.2.1:53 (default: the gateway here)",
  )
  .option("-c, --config <file>", "configuration file with the defaults of the other two")
  .option("-w, --watch", "keep watching: print what comes, changes and goes, until SIGINT (^C)")
  .action(browse);

program
  .command("explain")
  .description("say why a service, a host or a type of services is published, or not")
  .argument("<name>", "as the zone or a link has it: 'Office Printer._ipp._tcp', printer.local")
  .option("-d, --domain <name>", "zone that it is in (default: the configured zone)")
  .option("-s, --server <address>", "server to ask (default: the gateway here)")
  .option("-c, --config <file>", "the configuration of the gateway or collector here")
  .action(explain);

program
  .command("zone")
  .description("print the served zone as a master file, by zone transfer")
  .option("-d, --domain <name>", "zone to print (default: the configured zone)")
  .option("-s, --server <address>", "server to ask (default: the gateway here)")
  .option("-c, --config <file>", "configuration file with the defaults of the other two")
  .action(zone);

program
  .command("doctor")
  .description("find what is broken between devices, the zone and clients, and say how to mend it")
  .option("-c, --config <file>", "configuration of the gateway or collector on this host")
  .option("-s, --server <address>", "from elsewhere: the zone's server; this host is not examined")
  .option("-d, --domain <name>", "from elsewhere: the zone")
  .option("-r, --resolver <address...>", "resolvers of clients (default: those of this host)")
  .action(doctor);

program
  .command("check")
  .description("check a configuration file, or a zone file (*.zone)")
  .argument("<file>")
  .option("-o, --origin <name>", "origin of a zone file (default: its name without .zone)")
  .option(
    "-c, --config <file>",
    "configuration whose shared and reverse zones may lack SOA and NS in their files",
  )
  .option("--dry-run", "say what its policy would hide of what a running gateway publishes")
  .option("-d, --domain <name>", "with --dry-run: the zone (default: the configuration's)")
  .option("-s, --server <address>", "with --dry-run: the gateway (default: the configuration's)")
  .action(check);

program
  .command("key")
  .description("make a key for signed updates and transfers, and print it for both sides")
  .argument("<name>", "such as paris; both sides must call it the same. With --dnssec, a zone")
  .option(
    "-a, --algorithm <name>",
    "hmac-sha1, -sha224, -sha256 (default), -sha384 or -sha512; with --dnssec, " +
      "ecdsap256sha256 (default) or ed25519",
  )
  .option("--site <label>", "bind it to a site: whoever has it may write there and nowhere else")
  .option(
    "-f, --file <path>",
    "write the secret to this new file (mode 0600) instead of printing it",
  )
  .option("--dnssec", "make a key that signs the zone of this name, and print its DS")
  .option("--folder <path>", "with --dnssec: the folder of such keys (default: keys)")
  .option("--role <role>", "with --dnssec: csk (default), ksk or zsk")
  .option(
    "--retire <tag>",
    "with --dnssec: retire the key with this tag, which must have a successor",
  )
  .action(key);

function whyNoCommand(word: string): string {
  if (program.commands.some((command) => command.name() === word)) {
    return `the command comes first, then its options: dnssd-gateway ${word} …`;
  }
  if (/[./]/.test(word)) return `a configuration is given by --config ${word}`;
  return `there is no command '${word}'`;
}

let isService = false;
program.hook("preAction", (_, command) => {
  isService = command.name() === "run";
  // A server goes on when nobody reads its output; the other commands have nothing left to do.
  process.stdout.on("error", isService ? () => {} : leave);
  if (!isService) process.stderr.on("error", leave);
});

function leave({ code, message }: NodeJS.ErrnoException): never {
  // The reader may have enough: `dnssd-gateway zone | head`.
  if (code === "EPIPE") process.exit(0);
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof ConfigError) && !(error instanceof ListenError)) throw error;
  process.stderr.write(`${forTerminal(error.message)}\n`);
  process.exitCode = 1;
}
// Output still pending is for a reader that has stalled, and must not delay a restart.
if (isService) process.exit();
