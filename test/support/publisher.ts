/** The publisher where a test does not care who it is: may publish anything, without an operator's rights. */
import type { Principal } from "../../src/zone/update/principal.ts";

export const publisher: Principal = { name: "publisher", permits: () => true };
