/**
 * fast-check with a time limit of some minutes: a property that is not done by then fails, and the
 * counterexample is reported, however far it is from its shortest. An array or a text for which a test
 * gives a `maxLength` reaches it: by default fast-check stops at ten or so.
 */
import fc from "fast-check";

/** Milliseconds. */
fc.configureGlobal({
  interruptAfterTimeLimit: 300_000,
  markInterruptAsFailure: true,
  defaultSizeToMaxWhenMaxSpecified: true,
});

export default fc;
