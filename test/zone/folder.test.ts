import assert from "node:assert/strict";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { Name } from "../../src/dns/name.ts";
import { readZoneFolder } from "../../src/zone/masterfile/folder.ts";

const shared = Name.parse("bonjour.example.");
const HEAD = "@ 60 SOA ns.example. h.example. 1 2 3 4 5\n@ 60 NS ns.example.\n";

suite("a folder of zone files", async () => {
  const folder = await mkdtemp(join(tmpdir(), "zones-"));
  after(() => rm(folder, { recursive: true }));
  const write = (name: string, text: string) => writeFile(join(folder, name), text);

  test("yields a zone for each file, named after it", async () => {
    await write("bonjour.example.zone", "printer 60 A 10.0.0.1");
    await write("1.10.in-addr.arpa.zone", `${HEAD}2.3 60 PTR printer.example.`);
    await write("notes.txt", "not a zone");
    await write("bonjour.example.zone~", "what an editor left");
    // While Emacs has unsaved changes; and what macOS puts on foreign disks.
    await symlink("admin@desk.1234", join(folder, ".#bonjour.example.zone"));
    await write("._bonjour.example.zone", "\0");
    const files = await readZoneFolder(folder, { dynamic: [shared] });
    assert.deepEqual(
      files.map(({ origin, records }) => [origin.toString(), records.length]),
      [
        ["1.10.in-addr.arpa.", 3],
        ["bonjour.example.", 1],
      ],
    );
  });

  test("requires SOA and NS in all but the shared zone's file", async () => {
    await assert.rejects(
      readZoneFolder(folder),
      /bonjour.example.zone: no SOA of bonjour.example./,
    );
  });

  test("need not exist", async () => {
    assert.deepEqual(await readZoneFolder(join(folder, "none")), []);
  });

  test("reports which file has an invalid zone name", async () => {
    await write("a..b.zone", HEAD);
    await assert.rejects(
      readZoneFolder(folder, { dynamic: [shared] }),
      /a\.\.b\.zone: .*expected the zone's name/,
    );
  });
});
