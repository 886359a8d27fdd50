/** Figures, printed and never asserted: throughput and cost beside other servers, a record's delay. */
import { parseArgs } from "node:util";
import { collector } from "./collector.ts";
import { contest } from "./contest.ts";
import { presence } from "./presence.ts";
import { signing } from "./signing.ts";
import { traffic } from "./traffic.ts";
import { updates } from "./updates.ts";
import { way } from "./way.ts";
import { zone } from "./zone.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    present: { type: "string", default: "2000" },
    samples: { type: "string", default: "50" },
    spacing: { type: "string", default: "500" },
    minutes: { type: "string", default: "5" },
    idle: { type: "string", default: "2000" },
    sync: { type: "string", default: "0" },
    records: { type: "string", default: "0" },
  },
});
const print = (line: string) => process.stdout.write(`${line}\n`);
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);

const parts: Readonly<Record<string, () => Promise<void>>> = {
  queries: () => contest({ rounds, seconds }, print),
  updates() {
    const options = { sync: Number(values.sync), records: Number(values.records) };
    return updates({ rounds, seconds, ...options }, print);
  },
  zone: () => zone({ rounds }, print),
  collector: async () => collector(print),
  signing: async () => signing({ rounds }, print),
  traffic: () => traffic({ minutes: Number(values.minutes) }, print),
  presence: () => presence({ samples: Number(values.samples), idle: Number(values.idle) }, print),
  async way() {
    const options = { samples: Number(values.samples), spacing: Number(values.spacing) };
    for (const present of [1, Number(values.present)]) await way({ present, ...options }, print);
  },
};

for (const name of positionals.length > 0 ? positionals : Object.keys(parts)) {
  const part = parts[name];
  if (part === undefined) throw new Error(`${name}: expected ${Object.keys(parts).join(", ")}`);
  await part();
  print("");
}
