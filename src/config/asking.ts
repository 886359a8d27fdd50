/**
 * Who may ask, what a network gets to see, and how much of it, and what this server tells of itself: the
 * fields `query`, `views` and `identity`.
 */
import { z } from "zod";
import { type Grant, grant, namedNetworks, networks, site } from "./fields.ts";

/** Whoever is in a network to which this host is attached. */
export interface Attached {
  readonly isAttached: true;
}

const asker = z
  .string("expected private, attached, any, key:NAME, or a network such as 192.0.2.0/24")
  .transform((text, context): readonly (Grant | Attached)[] => {
    if (text === "attached") return [{ isAttached: true }];
    const prefixes = namedNetworks.get(text);
    if (prefixes !== undefined) return prefixes;
    const granted = grant.safeParse(text);
    if (granted.success) return [granted.data];
    context.addIssue(`${granted.error.issues[0]!.message}, private, attached or any`);
    return z.NEVER;
  });

const cookieSecret = z
  .string("expected a secret of 32 hexadecimal digits")
  .regex(/^[0-9a-f]{32}$/i, "expected a secret of 32 hexadecimal digits")
  .transform((text): Uint8Array => Buffer.from(text, "hex"));

export const query = z.strictObject({
  allow: z
    .array(asker, "expected a list such as [private, 203.0.113.0/24]")
    .prefault(["private", "attached"])
    .transform((lists): readonly (Grant | Attached)[] => lists.flat()),
  limit: z
    .int("expected responses a second")
    .min(0, "expected responses a second, 0 for no limit")
    .default(100),
  slip: z
    .int("expected a whole number")
    .min(0, "expected 0 to 10")
    .max(10, "expected 0 to 10")
    .default(2),
  // A response to a forged source within a private network harms nobody far away.
  unlimited: networks.prefault(["private"]),
  cookieSecret: z
    .union([cookieSecret.transform((one) => [one]), z.array(cookieSecret)], {
      error: "expected a secret of 32 hexadecimal digits, or a list of them, the newest first",
    })
    .refine((secrets) => secrets.length > 0, "expected at least one secret")
    .optional(),
});

export const view = z.strictObject({
  networks,
  sites: z.array(site, "expected a list of sites such as [paris]").optional(),
  addresses: networks.optional(),
});

const text = z
  .string("expected a text")
  .refine((words) => words.length > 0 && Buffer.byteLength(words) <= 255, {
    error: "expected a text of 1 to 255 octets",
  });

export const identity = z.strictObject({ server: text.optional(), version: text.optional() });
