/**
 * `npm run soak [-- --minutes N --rate N --seed N]`: for ten minutes, BIND, Knot, NSD and PowerDNS,
 * those of them that are installed, follow a zone that changes 20 times a second; and beside it a
 * gateway harvests a LAN where a device comes, changes or goes as often, and clients ask it by all
 * transports. Then, for as long, things go wrong by chance in two offices that publish into a gateway,
 * BIND and Knot, each in turn. Prints the figures. Exits with status 1 if a secondary is not equal in the
 * end, was sent the whole zone more than once, or does not go on when our server is gone; if a zone is not
 * what the LANs say in the end; or if the gateway's memory or handles grow.
 */
import { parseArgs } from "node:util";
import { needs } from "../support/lab.ts";
import { growthOf } from "./memory.ts";
import { type OfficeFigures, officeSoak, tools, troubleOf } from "./office.ts";
import { officesSoak, tools as officesTools, programs, type Server, servers } from "./offices.ts";
import { type Figures, secondariesSoak } from "./secondaries.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    rate: { type: "string", default: "20" },
    seed: { type: "string", default: `${Date.now() % 100_000}` },
  },
});
const options = { seconds: Number(values.minutes) * 60, rate: Number(values.rate) };
const print = (line: string) => console.log(line);

/** Seconds: the history of the zone is full after that. */
const SHORTEST = 120;
/** How many lines of a secondary's log are printed. */
const REMARKS = 40;

const missing = needs(...tools);
const [followed, harvested] = await Promise.all([
  secondariesSoak({ ...options, print: (line) => print(`secondaries  ${line}`) }),
  missing || officeSoak({ ...options, print: (line) => print(`office       ${line}`) }),
]);

const { changes, seconds, records, live, secondaries } = followed;
print(`\n${changes} changes in ${seconds} s to a zone of ${records} records`);
print(`in use at the start and after each tenth: ${live.join(" ")} MiB\n`);
print("secondary  AXFR  IXFR  behind: median, most  differences  ldns-compare-zones  still serves");
for (const each of secondaries) print(rowOf(each));
for (const { name, remarks } of secondaries.filter((each) => !isEqual(each))) {
  for (const line of remarks.slice(0, REMARKS)) print(`${name} says: ${line}`);
}
if (!secondaries.every(isEqual) || secondaries.length === 0) process.exitCode = 1;
print("");
judge(growthOf(live));
if (typeof harvested === "object") report(harvested);
else print(`no office: ${harvested}`);
print("");
for (const server of servers) await goWrong(server);

function report(figures: OfficeFigures): void {
  const { steps, changes, live, resident, handles, load, asked } = figures;
  print(`${steps} things done by devices, ${changes} changes of the zone`);
  print(
    `${asked.datagrams} datagrams, ${asked.rounds} rounds by TCP, TLS and HTTPS, ` +
      `${asked.left} connections left behind, ${asked.unanswered} unanswered`,
  );
  print(`in use at the start and after each tenth: ${live.join(" ")} MiB`);
  print(`resident: ${resident.join(" ")} MiB`);
  print(`handles at first, at most, at last: ${handles.join(", ")}`);
  print(`${(load * 100).toFixed(1)} % of a core`);
  judge(troubleOf(figures));
}

async function goWrong(server: Server): Promise<void> {
  const missing = needs(...officesTools, ...programs[server]);
  if (missing) {
    print(`${server}: ${missing}`);
    return;
  }
  const seconds = options.seconds / servers.length;
  const { bouts, mishaps, median, most } = await officesSoak({
    ...{ server, seconds, seed: Number(values.seed) },
    print: (line) => print(`offices      ${line}`),
  });
  print(`${server}, seed ${values.seed}: ${mishaps} things went wrong in ${bouts} bouts`);
  print(`the zone was right after ${median} ms (median), ${most} ms at most`);
}

function judge(trouble: string | undefined): void {
  if (options.seconds < SHORTEST) {
    print("too short to tell whether it is flat");
    return;
  }
  print(trouble === undefined ? "flat" : `NOT flat: ${trouble}`);
  if (trouble !== undefined) process.exitCode = 1;
}

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
