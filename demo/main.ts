/**
 * `npm run demo`: plays the scenario and reports as it goes. The exit status is 0 if everything was seen;
 * everything is taken down whichever way it ends, on Ctrl-C too.
 */
import { createHash } from "node:crypto";
import { NAME_SERVER, type Office } from "../test/support/offices.ts";
import { type Peer, scenarioNeeds, TwoOffices, TYPES, ZONE } from "./scenario.ts";

const KINDS: Readonly<Record<string, string>> = {
  "_presence._tcp": "user",
  "_ipp._tcp": "printer",
  "_smb._tcp": "share",
};

const PICTURE = `
  Paris, 10.1.0.0/16                             Lyon, 10.2.0.0/16
  printer, share, anna@laptop                    printer, share, luc@laptop
  ══╤════════════ multicast                      ══╤════════════ multicast
    ├─ collector                                   ├─ collector
    └─ router ─────────── unicast only ────────────┴─ router
                               │
                     ${NAME_SERVER} ${ZONE}
`;

const tell = (line = "") => process.stdout.write(`${line}\n`);
const missed: string[] = [];

/** Reports what was seen, and remembers what was not. */
function expect(isSeen: boolean, what: string): void {
  tell(`  ${isSeen ? "✓" : "✗ NOT SEEN:"} ${what}`);
  if (!isSeen) missed.push(what);
}

function tellPeers(title: string, peers: readonly Peer[]): void {
  tell(title);
  const rows = peers.map(({ type, instance, site, address, port, txt }) => [
    ...[KINDS[type] ?? type, instance, site, `${address}:${port}`],
    [...txt.matchAll(/"((?:status|msg|ty)=[^"]*)"/g)].map(([, string]) => string).join("  "),
  ]);
  const widths = [0, 1, 2, 3].map((i) => Math.max(...rows.map((row) => row[i]!.length)));
  for (const row of rows) {
    const cells = row.map((cell, i) => cell.padEnd(widths[i] ?? 0));
    tell(`  ${cells.join("  ").trimEnd()}`);
  }
}

async function play(): Promise<void> {
  tell(PICTURE);
  tell("Building both offices, with real Avahi devices in network namespaces …");
  await using scenario = await TwoOffices.open(tell);
  const { paris, lyon } = scenario.offices;
  tell(`  all of both offices is in the zone ${scenario.fullViewAfter} ms after their start`);

  let annaSeen: Peer | undefined;
  for (const [name, office] of Object.entries({ Lyon: lyon, Paris: paris })) {
    const peers = await scenario.peers(office);
    tell();
    tellPeers(`What a desk in ${name} sees by unicast alone: avahi-browse -rt -d ${ZONE}`, peers);
    for (const from of [paris, lyon]) {
      const kinds = TYPES.filter((type) =>
        peers.some((peer) => peer.site === from.site && peer.type === type),
      );
      expect(
        kinds.length === TYPES.length,
        `the user, printer and share of ${from.site} are listed and resolved`,
      );
    }
    if (office === lyon) annaSeen = peers.find(({ instance }) => instance === paris.user.name);
  }

  tell(`\n${paris.user.name} goes to lunch:`);
  const delay = await scenario.presenceDelay(paris, lyon, { status: "away", msg: "At lunch" });
  const [said, onLan] = [delay.sinceSaid, delay.sinceOnLan].map((time) => `${time.toFixed(0)} ms`);
  expect(
    delay.sinceSaid < 1_000,
    `Lyon is told "away" ${said} after it was said, ${onLan} after it was on the LAN of Paris`,
  );

  tell(`\nLyon calls ${paris.user.name} at ${annaSeen?.address}:${annaSeen?.port}, by TCP:`);
  const greeting = annaSeen === undefined ? "" : await scenario.hello(lyon, annaSeen);
  expect(greeting.includes(paris.user.name), `the answer is ${greeting.trim()}`);
  await comparePicture(scenario, lyon, paris);

  tell(`\n${paris.user.name} logs out:`);
  const gone = await scenario.leavingDelay(paris, lyon);
  expect(gone < 5_000, `Lyon is told ${gone} ms later`);

  const { onLans, onWan } = scenario.multicast;
  tell("\nMulticast datagrams all this while:");
  expect(onLans > 0 && onWan === 0, `${onLans} in the offices, ${onWan} between them`);
}

async function comparePicture(scenario: TwoOffices, to: Office, of: Office): Promise<void> {
  const received = await scenario.picture(to, of);
  const digest = (bytes: Buffer) => createHash("sha1").update(bytes).digest("hex");
  tell(`\nThe picture of ${of.user.name}, ${received.length} octets in a NULL record:`);
  tell(`  sent      ${digest(of.user.picture)}`);
  tell(`  received  ${digest(received)}`);
  expect(received.equals(of.user.picture), "byte for byte the same");
}

const obstacle = scenarioNeeds();
if (obstacle !== false) {
  process.stderr.write(`The demo cannot be played here: ${obstacle}.\n`);
  process.exit(1);
}
// Runs after the lab's own end, on Ctrl-C too.
process.once("exit", () => tell("\nAll of it is taken down."));
try {
  await play();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  missed.push("the end");
}
process.exitCode = missed.length > 0 ? 1 : 0;
