/**
 * Loaded into the gateway before its own program (`node --import`): on SIGUSR2 it collects all garbage and
 * reports what is left, as an event of the log. Resident memory alone proves nothing, since a heap keeps what
 * it once had for later.
 */
process.on("SIGUSR2", () => {
  // What finalizers release becomes garbage for the second run.
  for (let times = 0; times < 2; times++) globalThis.gc!();
  const { heapUsed, external } = process.memoryUsage();
  process.stderr.write(`${JSON.stringify({ msg: "weighed", live: heapUsed + external })}\n`);
});
