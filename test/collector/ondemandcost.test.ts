/** The cost of a question on demand: a stranger may fill a list, and ask for it as often as he likes. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Rcode } from "../../src/dns/constants.ts";
import { AskedOffice } from "./asked.ts";
import { service, ZONE } from "./fixture.ts";

const LIST = "_quiet._tcp 4500 PTR a._quiet._tcp\n_quiet._tcp 4500 PTR b._quiet._tcp";

/** Counts the names of the site looked at from now on; calls `looked` for each. */
function countLooks(asked: AskedOffice, looked = () => {}): () => number {
  const { site } = asked.office.collector.siteAt(ZONE.child("site1")!)!;
  const translate = site.translate.bind(site);
  let count = 0;
  site.translate = (...args) => {
    count++;
    looked();
    return translate(...args);
  };
  return () => count;
}

suite("the cost of a question on demand", () => {
  test("a list is gone through once as long as the links say the same", async () => {
    for (const records of [LIST, `${LIST}\n!a._quiet._tcp 4500 SRV 0 0 0 .`]) {
      const asked = new AskedOffice();
      const device = asked.device("10.1.0.20", records);
      device.announce();
      device.isMute = true;
      await asked.office.clock.elapse(20_000);
      const looks = countLooks(asked);
      void asked.start("_quiet._tcp PTR");
      assert.equal(looks(), 3);
      void asked.start("_quiet._tcp PTR");
      assert.equal(looks(), 3);
      await asked.end();
    }
  });

  test("lists take only a part of the thread, however often the links say something new", async () => {
    const asked = new AskedOffice();
    const { clock } = asked.office;
    asked.device("10.1.0.20", service("a", "_quiet._tcp", "box", "169.254.0.20")).announce();
    await clock.elapse(20_000);
    let cost = 0;
    const looks = countLooks(asked, () => clock.standStill(cost));
    const ask = async (address: string) => {
      asked.device("10.1.0.21", `!other A ${address}`).announce();
      await clock.elapse(1);
      const before = looks();
      cost = 50;
      void asked.start("_quiet._tcp PTR");
      cost = 0;
      return looks() - before;
    };
    assert.equal(await ask("10.1.0.21"), 3);
    assert.equal(await ask("10.1.0.22"), 0);
    assert.equal(asked.onDemand.waiting, 1);
    await clock.elapse(600);
    assert.equal(await ask("10.1.0.23"), 3);
    await asked.end();
  });

  test("a host is looked at once for all that wait for something of it", async () => {
    const asked = new AskedOffice();
    asked.device("10.1.0.20", "!laptop 4500 A 10.1.0.20").announce();
    await asked.office.clock.elapse(20_000);
    for (const type of ["TXT", "HINFO", "MX"]) void asked.start(`laptop ${type}`);
    assert.equal(asked.onDemand.waiting, 3);
    const looks = countLooks(asked);
    asked.onDemand.look();
    assert.equal(looks(), 1);
    await asked.end();
  });

  test("without a link nothing is gone through, and no question is kept", async () => {
    const asked = new AskedOffice({ grace: 600_000 });
    asked.device("10.1.0.20", LIST).announce();
    await asked.office.clock.elapse(20_000);
    asked.office.links.unplug(asked.office.hosts[0]!);
    const looks = countLooks(asked);
    for (const question of ["_quiet._tcp PTR", "x._quiet._tcp SRV", "nobody._new._tcp SRV"]) {
      const { after, rcode } = await asked.start(question);
      assert.deepEqual([after, rcode], [0, Rcode.NOERROR], question);
    }
    assert.equal(looks(), 0);
    await asked.end();
  });
});
