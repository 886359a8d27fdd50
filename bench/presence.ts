/**
 * A chat user's status: from the moment it is set, and from its packet on the LAN, until a desk in the other
 * office gets it by unicast. Real Avahi on both LANs, our three programs between them.
 */
import { scenarioNeeds, TwoOffices } from "../demo/scenario.ts";
import { sleep } from "../test/support/wait.ts";
import { quantile } from "./contest.ts";

export interface PresenceOptions {
  readonly samples: number;
  /** Milliseconds from one status to the next, stretched by up to a quarter. */
  readonly idle: number;
}

/** Milliseconds until all records of both offices have been asked for. */
const SETTLING = 20_000;

export async function presence(
  { samples, idle }: PresenceOptions,
  print: (line: string) => void,
): Promise<void> {
  const obstacle = scenarioNeeds();
  if (obstacle !== false) return print(`a status to the other office: ${obstacle}`);
  await using scenario = await TwoOffices.open();
  const { paris, lyon } = scenario.offices;
  await sleep(SETTLING);
  const delays = [];
  for (let i = 0; i < samples; i++) {
    const status = `busy-${`${i}`.padStart(6, "0")}`;
    delays.push(await scenario.presenceDelay(paris, lyon, { status, msg: "In a meeting" }));
    await sleep(idle * (1 + ((i * 37) % 100) / 400));
  }
  const line = (times: readonly number[]) =>
    [0.5, 0.9, 0.99, 1]
      .map((part) => `p${part * 100} ${quantile(times, part).toFixed(0)} ms`)
      .join(", ");
  const alone = delays.filter(({ isAlone }) => isAlone).length;
  print(`${samples} statuses, ${idle} ms apart, ${alone} of them seen without the one before`);
  print(`  packet on the LAN → seen in the other office: ${line(delays.map((d) => d.sinceOnLan))}`);
  // Avahi waits up to 250 ms, at random, before it announces anything.
  print(`  said to Avahi → seen in the other office: ${line(delays.map((d) => d.sinceSaid))}`);
}
