/**
 * Servers of other makes copy our zone, each with the lines that docs/operations.md gives for it: they
 * have it whole, follow by IXFR, keep serving when our server is gone, and resume when it is back.
 */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { suite, test } from "node:test";
import { Class, typeName } from "../../src/dns/constants.ts";
import { encode } from "../../src/dns/encode.ts";
import { FormatError } from "../../src/dns/format.ts";
import { decode, makeResponse } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { parseRdata, type Rdata, rdata, soaOf } from "../../src/dns/rdata.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { isCarriedType } from "../../src/zone/update/principal.ts";
import { makeCertificate } from "../support/certificate.ts";
import { linesOf, step, stock } from "../support/churn.ts";
import { freePort } from "../support/freeport.ts";
import { run, succeed } from "../support/process.ts";
import { type Make, makes, Secondary, serialIn } from "../support/secondary.ts";
import { OPERATOR, Serving, type Transfer } from "../support/serving.ts";
import { skipWithout } from "../support/tool.ts";
import { waitFor } from "../support/wait.ts";

const ZONE = "bonjour.example.";
const CATALOG = "catalog.example.";
const SECRET = Buffer.from("the secret of a secondary").toString("base64");
const BURST = 100;

/** Our server with the zone, and a secondary of this make that is notified of changes. */
async function start(make: Make, catalog?: string) {
  const port = await freePort();
  const readers = { [make.name.toLowerCase()]: SECRET };
  const notify = [`127.0.0.1:${port}`];
  const ours = await Serving.start({ zone: ZONE, readers, notify, ...(catalog && { catalog }) });
  await ours.update(stock(ours.origin));
  const settings = { primary: ours.endpoint, secret: SECRET };
  const copied =
    catalog === undefined ? { zone: ZONE } : { zone: catalog, way: "all zones" as const };
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

/** Waits until both have the same serial, and compares their records. */
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

/** The kinds of transfers to clients with a key; one may be logged after it has ended. */
async function kindsOf(ours: Serving, atLeast: number): Promise<readonly Transfer["kind"][]> {
  const isTold = () => {
    const kinds = ours.transfers.filter(({ key }) => key !== undefined).map(({ kind }) => kind);
    return kinds.length >= atLeast && kinds;
  };
  return await waitFor(`${atLeast} transfers to be told of`, isTold);
}

/** For each type that a collector may add, the least data that it can have: roots, nothing, zero. */
const ODDEST = Array.from({ length: 0x10000 }, (_, type) => type)
  .filter(isCarriedType)
  .map((type) => {
    for (let length = 1; length <= 16; length++) {
      try {
        return parseRdata(type, new Uint8Array(length));
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
      }
    }
    throw new Error(`no data for ${typeName(type)}`);
  });

async function burst(ours: Serving, from: number): Promise<void> {
  for (let i = from; i < from + BURST; i++) await ours.update(step(i, ours.origin));
}

for (const make of makes) {
  suite(`${make.name} as a secondary`, { skip: skipWithout("dig", ...make.needs) }, () => {
    test("XFR-18, 19, 32: has the zone, and follows by IXFR, across our crash and restart", async (t) => {
      await using pair = await start(make);
      const { ours, theirs } = pair;
      await expectEqual(ours, theirs);
      assert.deepEqual(await kindsOf(ours, 1), ["AXFR"]);

      await burst(ours, 0);
      await expectEqual(ours, theirs);
      const followed = await kindsOf(ours, 2);
      assert.ok(
        followed.slice(1).every((kind) => kind === "IXFR"),
        `${followed}`,
      );

      // Killed while the zone changes: what it has sent was on its disk.
      const changing = burst(ours, BURST).catch(() => {});
      await kindsOf(ours, followed.length + 1);
      await ours.stop("SIGKILL");
      await changing;
      const copied = (await theirs.records(ZONE)) ?? assert.fail("it serves no more");
      await ours.start();
      assert.ok(serialIn(await ours.records()) >= serialIn(copied));

      await burst(ours, BURST);
      await expectEqual(ours, theirs);
      const all = await kindsOf(ours, followed.length + 2);
      // When our crash cuts a difference short, BIND says so and starts over with the whole zone.
      const cut = theirs.log.match(/Transfer status: IXFR failed/g)?.length ?? 0;
      const whole = all.slice(followed.length).filter((kind) => kind === "AXFR");
      assert.ok(whole.length <= cut, `${all}`);
      t.diagnostic(`${2 * BURST} changes by ${all.length - 1} transfers`);
    });

    test("SEC-09: copies whatever a collector may add, however odd", async () => {
      await using pair = await start(make);
      const { ours, theirs } = pair;
      await expectEqual(ours, theirs);
      await ours.update(
        ODDEST.map((rdata) => {
          const { type } = rdata;
          return {
            name: ours.origin.child(typeName(type))!,
            type,
            class: Class.IN,
            ttl: 10,
            rdata,
          };
        }),
      );
      await expectEqual(ours, theirs);
    });

    test("SEC-13: copies sets as large as the zone takes them", async (t) => {
      await using pair = await start(make);
      const { ours, theirs } = pair;
      const add = (owner: string, rdatas: readonly Rdata[]) =>
        ours.update(
          rdatas.map((rdata) => {
            const name = Name.parse(owner, ours.origin);
            return { name, type: rdata.type, class: Class.IN, ttl: 10, rdata };
          }),
        );
      /** Fills a set: when it takes no more, tries half as many, down to one. Returns the count. */
      const fill = async (owner: string, make: (i: number) => Rdata) => {
        let count = 0;
        for (let step = 400; step >= 1; ) {
          const more = Array.from({ length: step }, (_, i) => make(count + i));
          const isTaken = await add(owner, more).then(
            () => true,
            () => false,
          );
          if (isTaken) count += step;
          else step >>= 1;
        }
        return count;
      };
      const instance = (i: number) =>
        Name.parse(`Instance\\032Number\\032${10_000 + i}._big._tcp.paris`, ours.origin);
      const counts = [
        await fill("_big._tcp.paris", (i) => rdata.ptr(instance(i))),
        await fill("host.paris", (i) => rdata.a(`10.1.${i >> 8}.${i & 255}`)),
        await fill("text.paris", (i) => rdata.txt(`${i}`.padEnd(250, "x"))),
      ];
      t.diagnostic(`${counts[0]} PTR, ${counts[1]} A and ${counts[2]} TXT records in a set`);
      assert.match(
        ours.log,
        /not fit into a message.*_big\._tcp\.paris|_big\._tcp\.paris.*not fit into a message/,
      );
      await expectEqual(ours, theirs);
      // A secondary that has nothing yet copies the whole zone at once, too.
      await theirs[Symbol.asyncDispose]();
      const port = await freePort();
      const settings = { zone: ZONE, primary: ours.endpoint, secret: SECRET };
      await using other = await Secondary.start(make, port, settings);
      await expectEqual(ours, other);
    });

    test("XFR-22: is notified when it was away, and catches up by IXFR", async () => {
      await using pair = await start(make);
      const { ours, theirs } = pair;
      await expectEqual(ours, theirs);
      await theirs.stop();
      await burst(ours, 0);
      await theirs.start();
      await expectEqual(ours, theirs);
      assert.deepEqual(await kindsOf(ours, 2), ["AXFR", make.isForgetful ? "AXFR" : "IXFR"]);
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

suite("nsupdate", { skip: skipWithout("nsupdate", "dig") }, () => {
  test("UPD-37: a secondary is notified of each change at once, and not of a refused one", async () => {
    const told: number[] = [];
    await using secondary = createSocket("udp4");
    secondary.on("message", (bytes, { port, address }) => {
      const notice = decode(bytes);
      told.push(soaOf(notice.answers[0]!.rdata).serial);
      secondary.send(encode(makeResponse(notice, { isAuthoritative: true })), port, address);
    });
    secondary.bind(0, "127.0.0.1");
    await once(secondary, "listening");
    const notify = [`127.0.0.1:${secondary.address().port}`];
    await using ours = await Serving.start({ zone: ZONE, readers: {}, notify });
    await waitFor("the notice of the start", () => told.length === 1);
    const { address, port } = ours.endpoint;
    const nsupdate = (step: string) => {
      const input = `server ${address} ${port}\nzone ${ZONE}\n${step}\nsend\n`;
      return run(["nsupdate", "-y", OPERATOR], { input });
    };
    const refused = await nsupdate(
      `prereq yxdomain none.${ZONE}\nadd refused.${ZONE} 10 A 10.0.0.1`,
    );
    assert.match(refused.stderr, /NXDOMAIN/);
    for (const label of ["first", "second"]) {
      const before = told.slice();
      const { stderr } = await nsupdate(`add ${label}.${ZONE} 10 A 10.0.0.1`);
      assert.equal(stderr, "");
      await waitFor("the notice of the change", () => told.length > before.length);
      assert.deepEqual(told, [...before, serialIn(await ours.records())]);
    }
  });
});

suite("dig, kdig", { skip: skipWithout("dig", "kdig") }, () => {
  test("XFR-13, 14, 16: get what fits by UDP, and otherwise the SOA alone, to come by TCP", async () => {
    await using ours = await Serving.start({ zone: ZONE, readers: {} });
    await ours.update(stock(ours.origin));
    const { address, port } = ours.endpoint;
    const soas = async (serial: number) => {
      const server = [`@${address}`, "-p", `${port}`, ZONE, `IXFR=${serial}`, "+noall", "+answer"];
      const answers = await Promise.all([
        succeed(["dig", ...server, "+notcp"]),
        succeed(["kdig", ...server, "+notcp", "+bufsize=1232"]),
      ]);
      return answers.map((text) => text.match(/\bSOA\b/g)?.length);
    };
    const before = serialIn(await ours.records());
    assert.deepEqual(await soas(before), [1, 1]);
    await ours.update(step(0, ours.origin));
    await ours.update(step(1, ours.origin));
    assert.deepEqual(await soas(before), [6, 6]);
    await burst(ours, 2);
    assert.deepEqual(await soas(before), [1, 1]);
  });
});

suite("over TLS", { skip: skipWithout("dig", "kdig", "openssl", "named", "nsd") }, () => {
  for (const make of makes.filter(({ name }) => name === "BIND" || name === "NSD")) {
    test(`XFR-29: ${make.name} copies the zone and follows it`, async () => {
      const certificate = makeCertificate();
      const port = await freePort();
      await using ours = await Serving.start({
        ...{ zone: ZONE, readers: { [make.name.toLowerCase()]: SECRET }, certificate },
        notify: [`127.0.0.1:${port}`],
      });
      await ours.update(stock(ours.origin));
      await using theirs = await Secondary.start(make, port, {
        ...{ zone: ZONE, way: "over TLS", primary: ours.tls, secret: SECRET },
        certificate: certificate.paths.certificate,
      });
      await expectEqual(ours, theirs);
      await burst(ours, 0);
      await expectEqual(ours, theirs);
      await kindsOf(ours, 2);
      const own = ours.transfers.filter(({ key }) => key !== undefined);
      assert.ok(own.every(({ transport }) => transport === "tls"));
      assert.deepEqual([...new Set(own.map(({ kind }) => kind))], ["AXFR", "IXFR"]);
    });
  }

  test("XFR-29: kdig gets the zone by AXFR, and the changes by IXFR", async () => {
    const certificate = makeCertificate();
    await using ours = await Serving.start({ zone: ZONE, readers: { kdig: SECRET }, certificate });
    await ours.update(stock(ours.origin));
    const before = await ours.records();
    await burst(ours, 0);
    const kdig = (type: string) =>
      succeed([
        ...["kdig", `@${ours.tls.address}`, "-p", `${ours.tls.port}`, "+tls", "+noall", "+answer"],
        ...["+tls-host=ns1.example.com", `+tls-ca=${certificate.paths.certificate}`],
        ...["-y", `hmac-sha256:kdig:${SECRET}`, ZONE, type],
      ]);
    const whole = await kdig("AXFR");
    const sets = parseMasterFile(whole.replace(/\n[^\n]*\bSOA\b[^\n]*\n*$/, "\n"), {
      origin: ours.origin,
    });
    assert.deepEqual(linesOf(sets), linesOf(await ours.records()));
    const changes = serialIn(sets) - serialIn(before);
    const soas = (await kdig(`IXFR=${serialIn(before)}`)).match(/\bSOA\b/g);
    assert.equal(soas?.length, 2 + 2 * changes);
  });
});
