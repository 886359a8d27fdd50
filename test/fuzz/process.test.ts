/** `npm run fuzz -- --minutes 2`, as a test. */
import assert from "node:assert/strict";
import { setPriority } from "node:os";
import { test } from "node:test";
import { needs } from "../support/lab.ts";
import { fuzz, tools } from "./fuzz.ts";

const MINUTES = 2;
/** The same each time, so that what fails once fails again. */
const SEED = 4;

test(`SEC-20: a gateway outlives ${MINUTES} minutes of hostile hosts`, {
  skip: needs(...tools),
}, async (t) => {
  // So much traffic takes all processor time, which other tests need for their deadlines.
  setPriority(10);
  const failure = await fuzz({
    ...{ seed: SEED, count: Number.MAX_SAFE_INTEGER, time: MINUTES * 60_000 },
    print: (line) => t.diagnostic(line),
  });
  assert.equal(failure, undefined);
});
