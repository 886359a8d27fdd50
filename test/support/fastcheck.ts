/**
 * fast-check, which stops after some minutes: a property that has not held by then fails, and what was
 * found is told, however far it is from its shortest.
 */
import fc from "fast-check";

/** Milliseconds. */
fc.configureGlobal({ interruptAfterTimeLimit: 300_000, markInterruptAsFailure: true });

export default fc;
