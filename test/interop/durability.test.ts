/** The gateway killed in the middle of updates: what it acknowledged is there when it is back. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { systemClock } from "../../src/clock.ts";
import { FarZone } from "../../src/collector/publishing/farzone.ts";
import { Class, Rcode, Type } from "../../src/dns/constants.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata, soaOf } from "../../src/dns/rdata.ts";
import type { ResourceRecord } from "../../src/dns/record.ts";
import { compareSerials } from "../../src/dns/serial.ts";
import { PersistentConnection } from "../../src/net/client/persistent.ts";
import { freePort } from "../support/freeport.ts";
import { MAIN, temporaryFolder } from "../support/gateway.ts";
import { Running } from "../support/process.ts";
import { laterSecond } from "../support/wait.ts";

const ORIGIN = Name.parse("bonjour.example.");
const SECRET = Buffer.from("of the collector of paris");
const CLIENTS = 16;
const UPDATES = 2000;
const LIVES = 4;

/** A service and its host: three records that come together or not at all. */
function service(number: number): ResourceRecord[] {
  const instance = Name.parse(`user-${number}._presence._tcp.paris`, ORIGIN);
  const host = Name.parse(`host-${number}.paris`, ORIGIN);
  const record = { class: Class.IN, ttl: 10 };
  return [
    { ...record, name: host, type: Type.A, rdata: rdata.a("10.1.0.1") },
    {
      ...record,
      name: instance,
      type: Type.SRV,
      rdata: rdata.srv(0, 0, 5298, host),
    },
    { ...record, name: instance, type: Type.TXT, rdata: rdata.txt(`number=${number}`) },
  ];
}

describe("A gateway that is killed", () => {
  it("UPD-26: has every acknowledged change of 2,000 when it is back, and none in part", async (t) => {
    const folder = temporaryFolder();
    const port = await freePort();
    const file = join(folder, "gateway.yaml");
    const settings = {
      zone: ORIGIN.toString(),
      links: [],
      listen: { dns: [`127.0.0.1:${port}`] },
      keys: { paris: { secret: SECRET.toString("base64"), site: "paris" } },
    };
    writeFileSync(file, JSON.stringify(settings));
    const start = async () => {
      const program = new Running([process.execPath, MAIN, "run", "--config", file]);
      await program.line(/^Serving /);
      return program;
    };
    const key = { name: Name.parse("paris."), algorithm: "hmac-sha256", secret: SECRET } as const;
    const connect = () => {
      const locate = async () => [{ address: "127.0.0.1", port }];
      const connection = new PersistentConnection({ locate, clock: systemClock });
      const zone = new FarZone({ origin: ORIGIN, connection, clock: systemClock, key });
      return { zone, close: () => connection.close() };
    };

    const acknowledged = new Set<number>();
    const seen = { serial: 0, tried: 0, lost: 0 };
    let killed = 0;
    for (let life = 1; life <= LIVES; life++) {
      const program = await start();
      await laterSecond(killed);
      const last = (UPDATES * life) / LIVES;
      // In the middle: some are done, and each client waits for one.
      const enough = acknowledged.size + UPDATES / LIVES / 2;
      await Promise.all(
        Array.from({ length: CLIENTS }, async () => {
          const { zone, close } = connect();
          while (seen.tried < last) {
            const number = seen.tried++;
            const updates = service(number);
            try {
              const update = { zone: ORIGIN, prerequisites: [], updates, lease: 300 };
              assert.equal(await zone.publish(update), Rcode.NOERROR);
              acknowledged.add(number);
              if (acknowledged.size === enough) program.child.kill("SIGKILL");
            } catch (error) {
              if (error instanceof assert.AssertionError) throw error;
              seen.lost++;
            }
          }
          close();
        }),
      );
      // It is still alive if too few were acknowledged.
      await program.stop("SIGKILL");
      killed = Date.now();
      assert.ok(acknowledged.size >= enough, `${acknowledged.size} of ${enough} by then`);

      const back = await start();
      const { zone, close } = connect();
      const read = await zone.readBack();
      assert.ok(typeof read !== "number");
      const sets = [...read];
      close();
      await back.stop("SIGKILL");

      const soa = sets.find(({ type }) => type === Type.SOA)!;
      const { serial } = soaOf(soa.rdatas[0]!);
      if (life > 1) assert.ok(compareSerials(serial, seen.serial) > 0);
      seen.serial = serial;
      const there = new Set(sets.map(({ name, type }) => `${name.key} ${type}`));
      for (let number = 0; number < seen.tried; number++) {
        const found = service(number).filter(({ name, type }) => there.has(`${name.key} ${type}`));
        if (acknowledged.has(number)) assert.equal(found.length, 3, `${number} was acknowledged`);
        else assert.ok([0, 3].includes(found.length), `${number} is there in part`);
      }
    }
    assert.ok(seen.lost > 0, "it was killed too late to tell anything");
    t.diagnostic(
      `${LIVES} kills: ${acknowledged.size} of ${seen.tried} updates acknowledged, all there`,
    );
  });
});
