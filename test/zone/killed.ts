/**
 * A process to be killed. It opens a zone in the given folder, changes it as fast as it can, and prints
 * when each removal begins ("? name") and each change is acknowledged ("+ name serial", or
 * "- name serial"). The journal is rewritten every few hundred changes.
 */
import { systemClock } from "../../src/clock.ts";
import { openZone } from "../../src/zone/openzone.ts";
import { silentLog } from "../support/log.ts";
import { origin, principal, setsOf, updateOf } from "./fixture.ts";

const [folder, prefix] = process.argv.slice(2) as [string, string];
const zone = await openZone({
  origin,
  folder,
  fileRecords: setsOf(""),
  clock: systemClock,
  log: silentLog,
  signal: new AbortController().signal,
  enough: 40_000,
});
const say = (text: string) => process.stdout.write(`${text}\n`);
const by = principal("paris");

async function write(writer: number): Promise<void> {
  for (let i = 0; ; i++) {
    const name = `${prefix}-${writer}-${i}`;
    await zone.apply(updateOf(`+ ${name} A 10.0.0.1\n+ _t PTR ${name}`, { lease: 600 }), by);
    say(`+ ${name} ${zone.current.serial}`);
    if (i % 3 !== 0) continue;
    say(`? ${name}`);
    await zone.apply(updateOf(`- ${name} A 10.0.0.1\n- _t PTR ${name}`), by);
    say(`- ${name} ${zone.current.serial}`);
  }
}

await Promise.all([0, 1, 2, 3, 4, 5].map(write));
