/**
 * `npm run soak [-- --minutes N --rate N]`: BIND, Knot, NSD and PowerDNS, those of them that are
 * installed, follow a zone that changes 20 times a second for ten minutes. Prints the figures; ends
 * with exit status 1 where one of them is not equal in the end, had the whole zone sent more than
 * once, or does not go on when we are gone.
 */
import { parseArgs } from "node:util";
import { type Figures, soak } from "./soak.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    rate: { type: "string", default: "20" },
  },
});
const { changes, seconds, records, memory, secondaries } = await soak({
  seconds: Number(values.minutes) * 60,
  rate: Number(values.rate),
  print: (line) => console.log(line),
});

console.log(`\n${changes} changes in ${seconds} s to a zone of ${records} records`);
console.log(`${memory[0]} MiB after a tenth of the time, ${memory[1]} MiB at the end\n`);
console.log(
  "secondary  AXFR  IXFR  behind: median, most  differences  ldns-compare-zones  still serves",
);
for (const each of secondaries) console.log(rowOf(each));
process.exitCode = secondaries.every(isEqual) && secondaries.length > 0 ? 0 : 1;

function isEqual({ axfr, differences, stillServes }: Figures): boolean {
  return axfr === 1 && differences === 0 && stillServes;
}

function rowOf({ name, axfr, ixfr, behind, differences, ldns, stillServes }: Figures): string {
  return [
    name.padEnd(9),
    `${axfr}`.padStart(4),
    `${ixfr}`.padStart(4),
    `${behind.median} ms, ${behind.most} ms`.padStart(20),
    `${differences}`.padStart(11),
    (ldns ?? "not installed").padStart(18),
    (stillServes ? "yes" : "no").padStart(12),
  ].join("  ");
}
