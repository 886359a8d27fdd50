/** fast-check, which stops after some minutes: what was found by then is told, however far it is from its shortest. */
import fc from "fast-check";

/** Milliseconds. */
fc.configureGlobal({ interruptAfterTimeLimit: 300_000 });

export default fc;
