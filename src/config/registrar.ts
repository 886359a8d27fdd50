/** Devices that register themselves (RFC 9665): the field `registrar`. */
import { z } from "zod";
import { nameserver, networks, site } from "./fields.ts";

export const registrar = z.strictObject(
  {
    site,
    /** Where devices are, and so their addresses. */
    networks: networks.prefault(["private"]),
    /** By UDP too, where routers let nobody from elsewhere say that he is there. */
    udp: z.boolean("expected true or false").default(false),
    /** The name of this server, by which devices find it. */
    server: nameserver.optional(),
  },
  "expected fields such as site: and networks:",
);
