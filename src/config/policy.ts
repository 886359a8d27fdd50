/**
 * The field `policy`: which services are published, with which addresses and TXT records. Groups are expanded
 * into their types here, and what is off by default becomes the last rules, so that those who apply a policy
 * know of neither.
 */
import { z } from "zod";
import { addressOctets, baseAddress, type Prefix, parsePrefix } from "../dns/address.ts";
import { Name, type NameKey } from "../dns/name.ts";
import { LOCAL } from "../dns/service.ts";
import { network, serviceType, site } from "./fields.ts";
import { serviceGroups } from "./servicegroups.ts";

const WHAT = `a service type such as _ipp._tcp, all, or one of ${Object.keys(serviceGroups).join(", ")}`;

/** The types that are meant; undefined for all. */
const types = listOf(z.string(`expected ${WHAT}`), `expected ${WHAT}`).transform(
  (words, context) => {
    const all = new Set<NameKey>();
    for (const word of words) {
      if (word === "all") return undefined;
      const parsed = serviceType.safeParse(word);
      if (!parsed.success && !Object.hasOwn(serviceGroups, word)) {
        context.addIssue(`"${word}" is neither a type nor a group; expected ${WHAT}`);
        return z.NEVER;
      }
      for (const key of parsed.success ? [keyOf(word)] : keysOfGroup(word)) all.add(key);
    }
    return all;
  },
);

const sites = listOf(site, "expected a site such as paris, or a list of them");
const pattern = z
  .string('expected a name, with * for any text, such as "Test *"')
  .min(1, 'expected a name, with * for any text, such as "Test *"');
/** With `.local` a pattern would match nothing, and a rule meant to hide something would not. */
const hostPattern = pattern.refine((text) => !/\.local\.?$/i.test(text), {
  error: "expected a host's name without .local, such as printer",
});
const networks = listOf(
  network,
  "expected a network such as 10.1.0.0/16, or a list of them",
).transform((lists) => lists.flat().map(subnetOf));

export const policyRule = z
  .strictObject({
    allow: types.optional(),
    deny: types.optional(),
    instance: pattern.optional(),
    host: hostPattern.optional(),
    address: networks.optional(),
    site: sites.optional(),
  })
  // Undefined stands for all types, so it is the presence of the field that counts.
  .refine((rule) => "allow" in rule !== "deny" in rule, {
    error: "expected either allow or deny",
  })
  .refine(
    ({ allow, deny, address, site }) =>
      ![allow?.size, deny?.size, address?.length, site?.length].includes(0),
    { error: "a list in it is empty, so it matches nothing; expected at least one entry" },
  );

const key = z
  .string("expected a TXT key such as adminurl")
  .regex(
    /^[\x20-\x3c\x3e-\x7e]{1,200}$/,
    "expected a key of printable ASCII without = (RFC 6763 §6.4)",
  );

export const policyText = z
  .strictObject({
    type: types,
    site: sites.optional(),
    drop: listOf(key, "expected keys such as [UUID]").default([]),
    set: z
      .record(
        key,
        z.string("expected a text"),
        "expected values by key, such as { note: first floor }",
      )
      .default({}),
    rewrite: listOf(key, "expected keys such as [adminurl]").default([]),
  })
  .superRefine(({ set }, context) => {
    for (const [name, value] of Object.entries(set)) {
      if (Buffer.byteLength(`${name}=${value}`) <= 255) continue;
      const message = "expected 255 octets at most with its key (RFC 6763 §6.1)";
      context.addIssue({ code: "custom", path: ["set", name], message });
    }
  });

const prefix = z
  .string("expected an address or a network such as 192.168.1.0/24")
  .transform((text, context) => {
    const parsed = parsePrefix(text);
    if (parsed !== undefined) return subnetOf(parsed);
    context.addIssue(
      `"${text}" is not a network; expected one such as 192.168.1.0/24, or an address`,
    );
    return z.NEVER;
  });

export const policyAddresses = z
  .strictObject({ from: prefix, to: prefix, site: sites.optional() })
  .refine(({ from, to }) => from.base.length === to.base.length && from.prefix === to.prefix, {
    error: "expected from and to of one family and length, such as 192.168.1.0/24 and 10.2.1.0/24",
    path: ["to"],
  });

export const policyFields = z.strictObject(
  {
    rules: z
      .array(policyRule, "expected a list such as [{ deny: chat, site: guests }]")
      .default([]),
    text: z
      .array(policyText, "expected a list such as [{ type: printers, drop: [UUID] }]")
      .default([]),
    addresses: z
      .array(policyAddresses, "expected a list such as [{ from: 192.168.1.0/24, to: 10.2.1.0/24 }]")
      .default([]),
    networks: networks.default([]),
    hosts: listOf(hostPattern, "expected host names such as [wpad]").default([]),
  },
  "expected fields such as rules:",
);

export const policy = policyFields.transform(({ rules, text, addresses, ...rest }) => ({
  ...rest,
  rules: [
    ...rules.map((rule, i) => ({
      isAllowed: "allow" in rule,
      types: rule.allow ?? rule.deny,
      ...{ instance: rule.instance, host: rule.host, addresses: rule.address, sites: rule.site },
      reason: `policy.rules[${i}] denies it` as const,
    })),
    ...OFF,
  ],
  text: text.map(({ type, site, ...edits }) => ({ types: type, sites: site, ...edits })),
  addresses: addresses.map(({ site, ...each }) => ({ sites: site, ...each })),
}));

/** What is not published unless a rule allows it. */
const OFF = [
  {
    isAllowed: false,
    types: new Set(keysOfGroup("personal")),
    reason: "its type reveals personal data, and no rule allows it",
  },
  {
    isAllowed: false,
    types: new Set(keysOfGroup("steering")),
    reason: "its type steers clients, and no rule allows it",
  },
] as const;

function keysOfGroup(group: string): NameKey[] {
  return serviceGroups[group as keyof typeof serviceGroups].map(keyOf);
}

function keyOf(type: string): NameKey {
  return Name.parse(type, LOCAL).key;
}

function subnetOf({ address, length }: Prefix) {
  const bytes = addressOctets(address);
  return { base: baseAddress(bytes, length), prefix: length };
}

/** One value, or a list of them. */
function listOf<T extends z.ZodType>(one: T, error: string) {
  return z
    .union([one.transform((each) => [each] as z.output<T>[]), z.array(one)], error)
    .transform((list) => list as z.output<T>[]);
}
