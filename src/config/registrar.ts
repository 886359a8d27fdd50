/** Devices that register themselves (RFC 9665): the field `registrar`. */
import { z } from "zod";
import { nameserver, networks, site } from "./fields.ts";

export const registrar = z.strictObject(
  {
    site,
    /** The networks of the devices, and so of their addresses. */
    networks: networks.prefault(["private"]),
    /** Allows UDP: for where routers stop packets that claim to come from inside. */
    udp: z.boolean("expected true or false").default(false),
    /** The name of this server, by which devices find it. */
    server: nameserver.optional(),
  },
  "expected fields such as site: and networks:",
);
