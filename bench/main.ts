/** Figures, printed and never asserted: throughput and cost beside other servers, a record's way. */
import { parseArgs } from "node:util";
import { contest } from "./contest.ts";
import { way } from "./way.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    present: { type: "string", default: "2000" },
    samples: { type: "string", default: "50" },
    spacing: { type: "string", default: "500" },
  },
});
const print = (line: string) => process.stdout.write(`${line}\n`);

await contest({ rounds: Number(values.rounds), seconds: Number(values.seconds) }, print);
print("");
const spacing = Number(values.spacing);
for (const present of [1, Number(values.present)]) {
  await way({ present, samples: Number(values.samples), spacing }, print);
}
