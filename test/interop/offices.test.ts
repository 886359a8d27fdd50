/**
 * The founding case: two offices with a route between them and no multicast, each with a collector
 * that publishes into one zone. What a desk gets comes from the name server alone, by unicast.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Delay, type Peer, scenarioNeeds, TwoOffices, ZONE } from "../../demo/scenario.ts";
import { Example, Machine } from "../support/example.ts";
import type { Office } from "../support/offices.ts";
import { root } from "../support/root.ts";
import { waitFor } from "../support/wait.ts";

/** Milliseconds within which a new presence is seen, even on a machine that does other things. */
const PRESENCE_DEADLINE = 5_000;

describe("Two offices, one zone", { skip: scenarioNeeds() }, () => {
  let scenario: TwoOffices;
  let paris: Office;
  let lyon: Office;

  before(async () => {
    scenario = await TwoOffices.open();
    ({ paris, lyon } = scenario.offices);
  });

  after(async () => {
    await scenario?.[Symbol.asyncDispose]();
  });

  /** A part of the page for administrators. */
  const section = (title: string) => {
    const page = readFileSync(join(root, "docs/two-offices.md"), "utf8");
    const part = page.split(/^## /m).find((each) => each.startsWith(`${title}\n`));
    assert.ok(part, title);
    return part;
  };

  const summary = (peers: readonly Peer[]) =>
    peers.map((peer) => `${peer.instance} ${peer.site} ${peer.address}:${peer.port}`).sort();

  /** One that follows another within a tenth of a second stands beside it until it is said again. */
  const waitForOnePresence = () =>
    waitFor("one presence", async () => {
      const strings = await scenario.strings(lyon, paris);
      return strings.filter((string) => string.startsWith("status=")).length === 1;
    });

  const everything = [
    "Lyon Projects lyon 10.2.0.11:445",
    "Office Printer lyon 10.2.0.10:631",
    "Office Printer paris 10.1.0.10:631",
    "Paris Archive paris 10.1.0.11:445",
    "anna@laptop paris 10.1.0.12:5298",
    "luc@laptop lyon 10.2.0.12:5298",
  ];

  it("A desk in each office lists and resolves the users, printers and shares of both", async (t) => {
    t.diagnostic(`all of both in the zone ${scenario.fullViewAfter} ms after the programs' start`);
    assert.deepEqual(summary(await scenario.peers(lyon)), everything);
    assert.deepEqual(summary(await scenario.peers(paris)), everything);
  });

  it("A subtype finds the printers of both offices", async () => {
    assert.deepEqual(await scenario.targets(lyon, `_universal._sub._ipp._tcp.${ZONE}.`), [
      `Office\\032Printer._ipp._tcp.lyon.${ZONE}.`,
      `Office\\032Printer._ipp._tcp.paris.${ZONE}.`,
    ]);
  });

  it("A user is reached from the other office at the resolved address and port", async () => {
    for (const [from, to] of [
      [lyon, paris],
      [paris, lyon],
    ] as const) {
      const peers = await scenario.peers(from);
      const peer = peers.find(({ instance }) => instance === to.user.name);
      assert.ok(peer, `${to.user.name} is listed`);
      assert.match(await scenario.hello(from, peer), new RegExp(`from='${to.user.name}'`));
    }
  });

  it("A user's picture arrives byte for byte, in a NULL record that the TXT record vouches for", async () => {
    for (const [to, of] of [
      [lyon, paris],
      [paris, lyon],
    ] as const) {
      const picture = await waitFor("the picture", async () => {
        const received = await scenario.picture(to, of);
        return received.length > 0 && received;
      });
      assert.ok(picture.equals(of.user.picture), `${picture.length} octets`);
      const digest = createHash("sha1").update(picture).digest("hex");
      assert.ok((await scenario.strings(to, of)).includes(`phsh=${digest}`));
    }
  });

  it("A new presence is seen in the other office at once, and replaces the old one", async (t) => {
    const delays: Delay[] = [];
    for (const status of ["away", "dnd", "avail"]) {
      delays.push(await scenario.presenceDelay(paris, lyon, { status, msg: `I am ${status}` }));
      await waitForOnePresence();
    }
    for (const since of ["sinceSaid", "sinceOnLan"] as const) {
      const times = delays.map((delay) => delay[since].toFixed(0)).join(", ");
      t.diagnostic(`${since === "sinceSaid" ? "said" : "on the LAN"} → seen: ${times} ms`);
    }
    for (const { sinceSaid } of delays) assert.ok(sinceSaid < PRESENCE_DEADLINE, `${sinceSaid} ms`);
  });

  it("A laptop's address leads back to its name", async () => {
    const names = (office: Office, address: string) => scenario.targets(office, address);
    assert.deepEqual(await names(lyon, "12.0.1.10.in-addr.arpa."), [`laptop.paris.${ZONE}.`]);
    assert.deepEqual(await names(paris, "12.0.2.10.in-addr.arpa."), [`laptop.lyon.${ZONE}.`]);
  });

  it("A desk that knows only its address learns where to browse", async () => {
    for (const number of [1, 2]) {
      const name = `lb._dns-sd._udp.0.0.${number}.10.in-addr.arpa.`;
      assert.deepEqual(await scenario.targets(lyon, name), [`${ZONE}.`]);
    }
  });

  it("What an administrator types by docs/two-offices.md is answered", async () => {
    const lines = section("4. See it").matchAll(/^(dig|dnssd-gateway) .*$/gm);
    const { nameServer } = scenario.machines;
    const answers = await Promise.all([...lines].map(([line]) => nameServer.type(line)));
    assert.equal(answers.length, 5);
    const [users, types, printers, dump, transfer] = answers.map(String);
    assert.match(users!, /^anna\\@laptop\._presence\._tcp\.paris\./m);
    assert.match(types!, /^_smb\._tcp\./m);
    assert.match(printers!, /^ +10\.1\.0\.10$/m);
    for (const zone of [dump, transfer]) assert.match(zone!, /printer\.lyon.*\sA\s+10\.2\.0\.10$/m);
  });

  it("A killed name server has everything when it is back, before any collector speaks", async () => {
    const { nameServer, ...collectors } = scenario.machines;
    const list = () => scenario.targets(lyon, `_services._dns-sd._udp.${ZONE}.`);
    const before = await list();
    try {
      for (const collector of Object.values(collectors)) collector.freeze();
      await nameServer.stop("SIGKILL");
      await nameServer.start();
      assert.deepEqual(await list(), before);
      assert.ok((await scenario.picture(lyon, paris)).equals(paris.user.picture));
    } finally {
      for (const collector of Object.values(collectors)) collector.thaw();
    }
  });

  it("With a second collector the first may be stopped: no gap, and the next presence is seen", async () => {
    const { nameServer, paris: first } = scenario.machines;
    await nameServer.type("dnssd-gateway key paris-2 --site paris --file keys/paris-2");
    const keys = /^keys:\n(?: .*\n)+/m;
    const withBoth = keys.exec(section("7. Two collectors in one office"))![0];
    nameServer.example.edit((text) => text.replace(keys, withBoth));
    await nameServer.stop();
    await nameServer.start();

    const second = new Machine(
      new Example("two-offices/paris.yaml"),
      paris.place("collector-2", 3),
    );
    nameServer.example.giveKey("paris-2", second.example);
    second.example.edit((text) => text.replaceAll(/(key: |keys\/|^ {2})paris\b/gm, "$1paris-2"));
    await second.start();
    // The second has published what is seen now, after everything that it heard before.
    first.freeze();
    await scenario.presenceDelay(paris, lyon, { status: "away", msg: "In a meeting" });
    first.thaw();
    await waitForOnePresence();

    const watches = await Promise.all([
      scenario.watch(lyon, `_ipp._tcp.${ZONE}.`, "PTR"),
      scenario.watch(lyon, `_presence._tcp.paris.${ZONE}.`, "PTR"),
      scenario.watch(lyon, `laptop.paris.${ZONE}.`, "A"),
    ]);
    await first.stop();
    await scenario.presenceDelay(paris, lyon, { status: "avail", msg: "Back" });
    await waitForOnePresence();
    for (const { changes } of watches) {
      assert.equal(changes.length, 1, JSON.stringify(changes));
      assert.ok(changes[0]!.count > 0);
    }
  });

  it("A user who logs out is gone from the other office", async (t) => {
    const delay = await scenario.leavingDelay(paris, lyon);
    t.diagnostic(`gone after ${delay} ms`);
  });

  it("No multicast has crossed the wide area network", () => {
    const { onLans, onWan } = scenario.multicast;
    assert.ok(onLans > 0, "the eye sees");
    assert.equal(onWan, 0);
  });
});
