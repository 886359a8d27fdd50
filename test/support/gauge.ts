/**
 * Loaded into the gateway ahead of its own program (`node --import`): on SIGUSR2 it has all garbage
 * collected and tells what is left, as an event of the log. Resident memory alone proves nothing,
 * since a heap keeps what it once had for the next time.
 */
process.on("SIGUSR2", () => {
  // What finalizers let go of is garbage the second time.
  for (let times = 0; times < 2; times++) globalThis.gc!();
  const { heapUsed, external } = process.memoryUsage();
  process.stderr.write(`${JSON.stringify({ msg: "weighed", live: heapUsed + external })}\n`);
});
