/**
 * Durable updates a second of the zone alone, in this process: no socket, no signature, and each message
 * decoded beforehand. The rest of an update is the most that other threads could take off its hands.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { settleHeap } from "../src/cli/v8.ts";
import { systemClock } from "../src/clock.ts";
import { Class, Opcode, Rcode, Type } from "../src/dns/constants.ts";
import { encode } from "../src/dns/encode.ts";
import { decode, makeMessage } from "../src/dns/message.ts";
import { recordsOf } from "../src/dns/record.ts";
import { openZone } from "../src/zone/openzone.ts";
import { operatorPrincipal } from "../src/zone/update/principal.ts";
import type { Update } from "../src/zone/update/update.ts";
import { silentLog } from "../test/support/log.ts";
import { median } from "./contest.ts";
import { ORIGIN, serviceSets, zoneRecords } from "./updates.ts";

export interface ZoneOptions {
  readonly rounds: number;
}

/** Prints a line for each count of updates that wait at once. */
export async function zone({ rounds }: ZoneOptions, print: (line: string) => void): Promise<void> {
  settleHeap();
  await rateOf(64);
  for (const underWay of [1, 64, 256]) {
    const rates: number[] = [];
    for (let round = 0; round < rounds; round++) rates.push(await rateOf(underWay));
    const rate = Math.round(median(rates)).toLocaleString("en");
    print(`updates/s of the zone alone, ${underWay} under way: ${rate}`);
  }
}

/** In a new zone after a warm-up, as in `updates.ts`. */
async function rateOf(underWay: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "dnssd-gateway-bench-"));
  const ending = new AbortController();
  const opened = await openZone({
    ...{ origin: ORIGIN, folder, fileRecords: zoneRecords(0), clock: systemClock },
    ...{ log: silentLog, signal: ending.signal },
  });
  const by = operatorPrincipal("bench");
  const run = async (updates: readonly Update[], clients: number): Promise<number> => {
    const queue = updates.values();
    const start = performance.now();
    const client = async () => {
      for (const update of queue) {
        const rcode = await opened.apply(update, by);
        if (rcode !== Rcode.NOERROR) throw new Error(`an update was refused: ${rcode}`);
      }
    };
    await Promise.all(Array.from({ length: clients }, client));
    return (updates.length / (performance.now() - start)) * 1000;
  };
  try {
    await run(updatesOf("w", FIRST), 64);
    return await run(updatesOf("u", underWay === 1 ? FEW : MANY), underWay);
  } finally {
    ending.abort();
    await opened.closed;
    rmSync(folder, { recursive: true, force: true });
  }
}

const FIRST = 30_000;
const MANY = 60_000;
/** Each of these waits for a sync of its own. */
const FEW = 6000;

/** Updates as they are read from the wire. */
function updatesOf(prefix: string, count: number): Update[] {
  return Array.from({ length: count }, (_, number) => {
    const message = makeMessage({
      opcode: Opcode.UPDATE,
      questions: [{ name: ORIGIN, type: Type.SOA, class: Class.IN }],
      authorities: serviceSets(prefix, number).flatMap(recordsOf),
    });
    const { answers, authorities } = decode(encode(message));
    return { zone: ORIGIN, prerequisites: answers, updates: authorities };
  });
}
