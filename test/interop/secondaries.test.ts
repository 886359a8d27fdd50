/**
 * Other makes of servers copy our zone, each with the lines that docs/operations.md gives it: they
 * have it whole, follow by IXFR, keep serving when we are gone, and go on where they were when we
 * are back.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { linesOf, step, stock } from "../support/churn.ts";
import { freePort } from "../support/primary.ts";
import { type Make, makes, Secondary, serialIn } from "../support/secondary.ts";
import { Serving } from "../support/serving.ts";
import { skipWithout } from "../support/tool.ts";
import { waitFor } from "../support/wait.ts";

const ZONE = "bonjour.example.";
const CATALOG = "catalog.example.";
const SECRET = Buffer.from("the secret of a secondary").toString("base64");
const BURST = 100;

/** Ours with the zone in it, and a secondary of this make that is told of changes. */
async function start(make: Make, catalog?: string) {
  const port = await freePort();
  const readers = { [make.name.toLowerCase()]: SECRET };
  const notify = [`127.0.0.1:${port}`];
  const ours = await Serving.start({ zone: ZONE, readers, notify, ...(catalog && { catalog }) });
  await ours.update(stock(ours.origin));
  const settings = { primary: ours.endpoint, secret: SECRET };
  const copied = catalog === undefined ? { zone: ZONE } : { zone: catalog, isCatalog: true };
  const theirs = await Secondary.start(make, port, { ...settings, ...copied });
  return {
    ours,
    theirs,
    async [Symbol.asyncDispose]() {
      await theirs[Symbol.asyncDispose]();
      await ours[Symbol.asyncDispose]();
    },
  };
}

/** Waits until both have the same serial, and compares what they have record by record. */
async function expectEqual(ours: Serving, theirs: Secondary, zone = ZONE): Promise<void> {
  const wanted = await ours.records(zone);
  const serial = serialIn(wanted);
  await waitFor(
    `${theirs.name} to have serial ${serial}`,
    async () => (await theirs.serial(zone)) === serial,
    30_000,
    100,
  ).catch((error: Error) => {
    throw new Error(`${error.message}\n${theirs.log.slice(-4000)}\n${ours.log.slice(-2000)}`);
  });
  const copied = await theirs.records(zone);
  assert.deepEqual(linesOf(copied ?? []), linesOf(wanted));
}

async function burst(ours: Serving, from: number): Promise<void> {
  for (let i = from; i < from + BURST; i++) await ours.update(step(i, ours.origin));
}

for (const make of makes) {
  suite(`${make.name} as a secondary`, { skip: skipWithout("dig", ...make.needs) }, () => {
    test("XFR-32: has the zone, and follows by IXFR, through our end and our return", async (t) => {
      await using pair = await start(make);
      const { ours, theirs } = pair;
      await expectEqual(ours, theirs);
      const kinds = () =>
        ours.transfers.filter(({ key }) => key !== undefined).map(({ kind }) => kind);
      assert.deepEqual(kinds(), ["AXFR"]);

      await burst(ours, 0);
      await expectEqual(ours, theirs);
      const followed = kinds();
      assert.ok(followed.length > 1, "it followed");
      assert.ok(
        followed.slice(1).every((kind) => kind === "IXFR"),
        `${followed}`,
      );

      const before = await ours.records();
      await ours.stop("SIGKILL");
      assert.deepEqual(linesOf((await theirs.records(ZONE)) ?? []), linesOf(before));
      await ours.start();
      assert.ok(serialIn(await ours.records()) >= serialIn(before), "XFR-19");

      await burst(ours, BURST);
      await expectEqual(ours, theirs);
      const all = kinds();
      assert.ok(all.length > followed.length);
      assert.ok(
        all.slice(1).every((kind) => kind === "IXFR"),
        `${all}`,
      );
      t.diagnostic(`${2 * BURST} changes by ${all.length - 1} transfers`);
    });

    test("XFR-22: that was away is told, and catches up by IXFR", async () => {
      await using pair = await start(make);
      const { ours, theirs } = pair;
      await expectEqual(ours, theirs);
      await theirs.stop();
      await burst(ours, 0);
      await theirs.start();
      await expectEqual(ours, theirs);
      assert.deepEqual(
        ours.transfers.flatMap(({ key, kind }) => (key === undefined ? [] : kind)),
        ["AXFR", make.isForgetful ? "AXFR" : "IXFR"],
      );
    });
  });
}

for (const make of makes.slice(0, 2)) {
  suite(`${make.name} with a catalog`, { skip: skipWithout("dig", ...make.needs) }, () => {
    test("CAT-01: copies every zone that the catalog lists, and follows it", async () => {
      await using pair = await start(make, CATALOG);
      const { ours, theirs } = pair;
      await expectEqual(ours, theirs);
      await burst(ours, 0);
      await expectEqual(ours, theirs);
    });
  });
}
