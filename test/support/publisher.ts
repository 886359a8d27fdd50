/** Who publishes where a test does not care who may: anything, and without an operator's rights. */
import type { Principal } from "../../src/zone/update/principal.ts";

export const publisher: Principal = { name: "publisher", permits: () => true };
