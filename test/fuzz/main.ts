/**
 * `npm run fuzz [-- --minutes N --count N --seed N]`: hostile datagrams by the million at both ports
 * of a running gateway, and hostile connections at all its listeners. Exits with status 1 if the gateway
 * fails. Needs root and Linux, for its network namespaces.
 */
import { parseArgs } from "node:util";
import { needs } from "../support/lab.ts";
import { fuzz, tools } from "./fuzz.ts";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "5000000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    minutes: { type: "string" },
  },
});
const attack = {
  seed: Number(values.seed),
  count: values.minutes === undefined ? Number(values.count) : Number.MAX_SAFE_INTEGER,
  ...(values.minutes !== undefined && { time: Number(values.minutes) * 60_000 }),
};
const missing = needs(...tools);
if (missing) {
  console.error(`fuzz ${missing}`);
  process.exit(1);
}
const failure = await fuzz({ ...attack, print: (line) => console.log(line) });
if (failure !== undefined) {
  console.error(`failed: ${failure}`);
  process.exitCode = 1;
}
