/**
 * fast-check with a time limit of some minutes: a property that is not done by then fails, and the
 * counterexample is reported, however far it is from its shortest.
 */
import fc from "fast-check";

/** Milliseconds. */
fc.configureGlobal({ interruptAfterTimeLimit: 300_000, markInterruptAsFailure: true });

export default fc;
