/**
 * `explain` as an administrator uses it, beside a running gateway: of the services of real devices, one
 * is published, two are not, and one has gone without a goodbye.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Avahi } from "../support/avahi.ts";
import { dig } from "../support/dig.ts";
import { Gateway } from "../support/gateway.ts";
import { Lab, needs } from "../support/lab.ts";
import { GATEWAY, office } from "../support/office.ts";
import { waitFor } from "../support/wait.ts";

const ZONE = "bonjour.example.com";
const IPP = "_ipp._tcp";

/** The lines that `explain` must print, by the name asked about. */
const expected: Readonly<Record<string, readonly RegExp[]>> = {
  "Office Printer._ipp._tcp": [
    /^In bonjour\.example\.com\., by 127\.0\.0\.1:53:$/m,
    /^ {6}10 s {2}SRV {3}0 0 631 printer\.paris\.bonjour\.example\.com\.$/m,
    /^ {4}listed by (_ipp\._tcp\.(paris\.)?bonjour\.example\.com\.(, )?){2}$/m,
    /^ {4}held by the collector here for \d+ s more$/m,
    /^On eth0, site paris:$/m,
    /^ {5}120 s {2}SRV {3}0 0 631 printer\.local\. {2}from \S+$/m,
    /^ {5}120 s {2}A {5}10\.77\.1\.10 {2}from \S+$/m,
    /^ {2}Office Printer\._ipp\._tcp\.local\.: published$/m,
    /^ {2}printer\.local\.: published$/m,
  ],
  "Shell._ssh._tcp.local": [
    /^ {2}Shell\S+: not published: policy\.rules\[1\] denies it \(\S+\.yaml\)$/m,
    // Because of another service.
    /^ {2}printer\.local\.: published$/m,
  ],
  [`Lone Printer._ipp._tcp.paris.${ZONE}`]: [
    /^ {2}Lone Pr\S+: not published: no address of its host can be reached from elsewhere$/m,
    /^ {2}lone\.local\.: not published: no address of its host can be reached from elsewhere$/m,
  ],
  "Nobody._ipp._tcp": [
    /^ {2}Nobody\._ipp\._tcp\.paris\.bonjour\.example\.com\.: nothing$/m,
    /^Verdict: not published: no host announces it on eth0, and the zone has nothing of it$/m,
  ],
  "Loan._ipp._tcp": [
    /^ {6}10 s {2}SRV {3}0 0 631 loan\.paris\.bonjour\.example\.com\.$/m,
    /^ {2}no host announces Loan\._ipp\._tcp\.local\.$/m,
    /^ {2}Loan\._ipp\._tcp\.local\.: published, though no host announces it now: its device left /m,
  ],
};

describe("explain", { skip: needs("avahi-daemon", "dig") }, () => {
  let lab: Lab;
  /** The output, by the name asked about. */
  const said = new Map<string, string>();

  before(async () => {
    lab = new Lab();
    const net = office(lab);
    const gateway = await Gateway.start(net.gateway, {
      zone: ZONE,
      links: [{ interface: "eth0", site: "paris" }],
      policy: { rules: [{ allow: IPP }, { deny: "_ssh._tcp" }] },
    });
    const printer = { type: IPP, port: 631, txt: ["txtvers=1"] };
    const lone = lab.host("lone").plug(net.lan, { name: "eth0", addresses: ["169.254.9.9/16"] });
    const [, loan] = await Promise.all([
      Avahi.start(net.device("printer", 10), {
        hostName: "printer",
        services: [
          { name: "Office Printer", ...printer },
          { name: "Shell", type: "_ssh._tcp", port: 22 },
        ],
      }),
      Avahi.start(net.device("loan", 11), {
        hostName: "loan",
        services: [{ name: "Loan", ...printer }],
      }),
      Avahi.start(lone, { hostName: "lone", services: [{ name: "Lone Printer", ...printer }] }),
    ]);
    await waitFor("two printers", async () => {
      const question = { server: GATEWAY, name: `${IPP}.${ZONE}.`, type: "PTR" };
      return (await dig(net.client, question)).answers.length === 2;
    });
    await loan.crash();
    await Promise.all(
      Object.entries(expected).map(async ([name, patterns]) => {
        // A device that has just come may not repeat what it has just said; one that has gone is asked for
        // only once, because the gateway would drop it after a second time.
        const hasGone = name.startsWith("Loan");
        const explain = async () => {
          const { stdout, stderr } = await gateway.command("explain", name);
          const text = `${stdout}${stderr}`;
          said.set(name, text);
          return hasGone || patterns.every((pattern) => pattern.test(text));
        };
        // The test reports what is missing.
        await waitFor(name, explain).catch(() => {});
      }),
    );
  });

  after(async () => {
    await lab?.[Symbol.asyncDispose]();
  });

  for (const [name, patterns] of Object.entries(expected)) {
    it(name, () => {
      for (const pattern of patterns) assert.match(said.get(name) ?? "", pattern);
    });
  }
});
