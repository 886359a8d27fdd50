/** What the web listener shows, to whom, and when it announces a change. */
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { suite, test } from "node:test";
import { runInNewContext } from "node:vm";
import type { Clock } from "../../src/clock.ts";
import { Name } from "../../src/dns/name.ts";
import { recordsOf } from "../../src/dns/record.ts";
import type { WebAnswer, WebRequest } from "../../src/net/server/web.ts";
import { Listings } from "../../src/web/listings.ts";
import { renderPage, SCRIPT } from "../../src/web/page.ts";
import { servicesIn } from "../../src/web/services.ts";
import { Website } from "../../src/web/website.ts";
import { ZoneView } from "../../src/zone/lookup/zoneview.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { Snapshot } from "../../src/zone/snapshot.ts";
import { operatorPrincipal } from "../../src/zone/update/principal.ts";
import { Zone } from "../../src/zone/zone.ts";
import { FakeClock } from "../support/clock.ts";
import { waitFor } from "../support/wait.ts";

const ORIGIN = Name.parse("z.example.");
const APEX = `$TTL 10
@ SOA ns h 1 1 1 1 1
@ NS ns.example.
_services._dns-sd._udp PTR _ipp._tcp
_services._dns-sd._udp PTR _http._tcp
`;
const PARIS = `_ipp._tcp PTR Dr\\.\\032Smith\\226\\128\\153s\\0322\\.5._ipp._tcp.paris
Dr\\.\\032Smith\\226\\128\\153s\\0322\\.5._ipp._tcp.paris SRV 0 0 631 printer.paris
Dr\\.\\032Smith\\226\\128\\153s\\0322\\.5._ipp._tcp.paris TXT "txtvers=1" "note=a <b> & \\"c\\"" "" "=no"
printer.paris CNAME hp.paris
hp.paris A 10.1.0.10
hp.paris AAAA 2001:db8::10
`;
const LYON = `_http._tcp PTR NAS._http._tcp.lyon
NAS._http._tcp.lyon SRV 0 0 80 nas.lyon
NAS._http._tcp.lyon TXT ""
nas.lyon A 10.2.0.20
_http._tcp PTR Ghost._http._tcp.lyon
_http._tcp PTR Far._http._tcp.other.example.
`;

function setsOf(text: string) {
  return parseMasterFile(text, { origin: ORIGIN });
}

class Visit {
  readonly clock = new FakeClock();
  readonly zone = new Zone({
    origin: ORIGIN,
    records: setsOf(APEX + PARIS + LYON),
    clock: this.clock,
  });
  readonly lyon = new ZoneView(this.zone, { zone: ORIGIN, sites: ["lyon"] });
  readonly gone = new AbortController();
  readonly website = new Website({
    zone: this.zone,
    listings: new Listings(this.clock),
    shownTo: (address) => ({ "10.1.0.1": this.zone, "10.2.0.1": this.lyon })[address],
    mayMeasure: (address) => address === "10.1.0.1",
    metrics: async () => "figures",
    names: new Set(["localhost", "ns1.example.com"]),
    clock: this.clock,
  });

  async get(path: string, more: Partial<WebRequest> = {}): Promise<WebAnswer> {
    const source = { address: "10.1.0.1", port: 1 };
    const request = { path, source, host: "10.1.0.9", signal: this.gone.signal };
    return this.website.answer({ ...request, ...more });
  }

  async update(text: string): Promise<void> {
    const sets = parseMasterFile(`$TTL 10\n${text}`, { origin: ORIGIN, isPartial: true });
    const updates = sets.flatMap(recordsOf);
    const by = operatorPrincipal("operator");
    await this.zone.apply({ zone: ORIGIN, prerequisites: [], updates }, by);
  }
}

const from = (address: string) => ({ source: { address, port: 1 } });

suite("services", () => {
  const services = [...servicesIn(new Visit().zone.current)].flat();

  test("are what a browser lists, resolved, by site and type", () => {
    const [ghost, nas, paris, far] = services;
    assert.deepEqual(
      services.map(({ site, type, instance }) => [site, type, instance]),
      [
        ["lyon", "_http._tcp", "Ghost"],
        ["lyon", "_http._tcp", "NAS"],
        ["paris", "_ipp._tcp", "Dr. Smith’s 2.5"],
        ["other.example.", "_http._tcp", "Far"],
      ],
    );
    assert.deepEqual(paris, {
      ...{ site: "paris", type: "_ipp._tcp", instance: "Dr. Smith’s 2.5" },
      name: "Dr\\.\\032Smith\\226\\128\\153s\\0322\\.5._ipp._tcp.paris.z.example.",
      ...{ host: "printer.paris.z.example", port: 631 },
      addresses: ["10.1.0.10", "2001:db8::10"],
      text: ["txtvers=1", 'note=a <b> & "c"'],
    });
    assert.deepEqual([ghost!.host, ghost!.addresses, far!.text], [undefined, [], []]);
    assert.deepEqual([nas!.host, nas!.port], ["nas.lyon.z.example", 80]);
  });

  test("are listed once, whatever types lead to them, with no more addresses than are of use", () => {
    // A stranger may list a service under every type, and give its host as many addresses as fit.
    const types = ["_ipp._tcp", "_http._tcp", "_a._tcp", "_b._tcp"];
    const listed = types.flatMap((type) => [
      `_services._dns-sd._udp PTR ${type}`,
      `${type} PTR One._ipp._tcp.paris`,
    ]);
    const addresses = Array.from({ length: 1000 }, (_, i) => `h.paris AAAA 2001:db8::${i}`);
    const zone = [APEX.replace(/^_.*\n/gm, ""), ...listed, ...addresses].join("\n");
    const text = `${zone}\nOne._ipp._tcp.paris SRV 0 0 1 h.paris\nOne._ipp._tcp.paris TXT "a"\n`;
    const [one, ...more] = [...servicesIn(Snapshot.of(ORIGIN, setsOf(text)))].flat();
    assert.deepEqual([one!.type, more], ["_ipp._tcp", []]);
    assert.equal(one!.addresses.length, 32);
  });
});

suite("the page", () => {
  const snapshot = new Visit().zone.current;

  test("escapes its content, and links only to valid host names", () => {
    const service = {
      ...{ instance: "<i>'\"&", type: "_http._tcp", site: "<s>", name: "", addresses: ["<a>"] },
      ...{ host: "nas.paris", port: 80, text: ["<t>"] },
    };
    const odd = { ...service, host: 'x" onclick="y' };
    const page = renderPage({ snapshot, services: [service, odd] });
    assert.doesNotMatch(page, /<[isat]>|onclick="/);
    assert.match(page, /<th scope="row">&#60;i&#62;&#39;&#34;&#38;<\/th>/);
    assert.equal(page.match(/<a href="http:\/\/nas\.paris:80\/">nas\.paris:80<\/a>/g)?.length, 1);
    assert.match(page, /<td>x&#34; onclick=&#34;y:80<\/td>/);
  });

  test("shows at most a thousand services, and warns of a list too long for BIND", () => {
    const service = [...servicesIn(snapshot)].flat()[0]!;
    const page = renderPage({ snapshot, services: Array(1500).fill(service) });
    assert.equal(page.match(/<tr>/g)?.length, 1000);
    assert.match(page, /And 500 more/);
    assert.match(page, /1500 instances of _http\._tcp<\/strong>: BIND refuses more than 100/);
  });
});

interface Main {
  readonly dataset: { readonly serial: string };
  readonly replaceWith: (other: Main) => void;
}

/** As much of a browser as the script needs. */
class Looking {
  /** One for each fetch: called with what it returns, or with nothing to fail it. */
  readonly fetches: ((serial?: string) => void)[] = [];
  main = this.#page("1");
  #source = { onmessage: async (_: { data: string }) => {} };

  constructor() {
    const looking = this;
    runInNewContext(SCRIPT, {
      EventSource: function EventSource() {
        return looking.#source;
      },
      document: { querySelector: () => looking.main },
      fetch: () =>
        new Promise((resolve, reject) => {
          looking.fetches.push((serial) => {
            if (serial === undefined) reject(new Error("nobody is there"));
            else resolve({ text: async () => serial });
          });
        }),
      DOMParser: function DOMParser() {
        const parseFromString = (text: string) => ({ querySelector: () => looking.#page(text) });
        return { parseFromString };
      },
    });
  }

  hear(serial: string): Promise<void> {
    return this.#source.onmessage({ data: serial });
  }

  #page(serial: string): Main {
    const page: Main = {
      dataset: { serial },
      // A page that is no longer in the document replaces nothing.
      replaceWith: (other) => {
        if (this.main === page) this.main = other;
      },
    };
    return page;
  }
}

suite("the script", () => {
  test("fetches again if the zone changes during a fetch", async () => {
    const looking = new Looking();
    const first = looking.hear("2");
    const second = looking.hear("3");
    // One at a time, as a browser fetches one address.
    looking.fetches[0]!("2");
    await waitFor("another", () => looking.fetches[1]);
    await waitFor("the page", () => looking.main.dataset.serial === "2");
    looking.fetches[1]!("3");
    await Promise.all([first, second]);
    assert.equal(looking.main.dataset.serial, "3");
    await looking.hear("3");
    assert.equal(looking.fetches.length, 2, "it has that");
  });

  test("recovers from a failed fetch at the next serial", async () => {
    const looking = new Looking();
    const lost = looking.hear("2");
    looking.fetches[0]!();
    await assert.rejects(lost);
    const next = looking.hear("3");
    looking.fetches[1]!("3");
    await next;
    assert.equal(looking.main.dataset.serial, "3");
  });
});

suite("the website", () => {
  test("shows page and JSON, and the files the page needs", async () => {
    const visit = new Visit();
    const page = await visit.get("/");
    assert.deepEqual([page.status, page.type], [200, "text/html; charset=utf-8"]);
    assert.match(`${page.body}`, /<h2>paris<\/h2>.*Dr\. Smith’s 2\.5/s);
    for (const [, file] of `${page.body}`.matchAll(/(?:href|src)="([a-z.]+)"/g)) {
      assert.equal((await visit.get(`/${file}`)).status, 200, file);
    }
    const { body } = await visit.get("/services.json");
    const { zone, serial, services } = JSON.parse(`${body}`);
    assert.deepEqual([zone, serial, services.length], ["z.example.", 1, 4]);
    assert.equal((await visit.get("/nothing")).status, 404);
    assert.equal((await visit.get("/__proto__")).status, 404);
  });

  test("shows each network its view, and refuses the rest", async () => {
    const visit = new Visit();
    const { services } = JSON.parse(
      `${(await visit.get("/services.json", from("10.2.0.1"))).body}`,
    );
    assert.deepEqual(
      services.map((each: { site: string }) => each.site),
      ["lyon", "lyon", "other.example."],
    );
    for (const path of ["/", "/services.json", "/events"]) {
      assert.equal((await visit.get(path, from("192.0.2.1"))).status, 403, path);
    }
    assert.deepEqual((await visit.get("/metrics")).body, "figures");
    assert.equal((await visit.get("/metrics", from("10.2.0.1"))).status, 403);
  });

  test("tags what differs differently, even at one serial, and what is the same alike", async () => {
    // A client may come from another network, and a restart may bring other views or another page.
    const tagsOf = (visit: Visit, path: string) =>
      Promise.all(
        ["10.1.0.1", "10.2.0.1"].map(async (each) => (await visit.get(path, from(each))).tag),
      );
    for (const path of ["/", "/services.json"]) {
      const visit = new Visit();
      const tags = await tagsOf(visit, path);
      assert.equal(new Set(tags).size, 2, path);
      assert.deepEqual(await tagsOf(new Visit(), path), tags);
      await visit.update("x TXT x");
      assert.equal(new Set([...tags, ...(await tagsOf(visit, path))]).size, 4, path);
    }
  });

  test("refuses a Host that is not one of its names", async () => {
    const visit = new Visit();
    for (const host of ["evil.example", "ns1.example.com.evil.example", "", undefined]) {
      assert.equal((await visit.get("/services.json", { host })).status, 403, host);
    }
    for (const host of ["127.0.0.1", "[::1]", "localhost", "NS1.example.com"]) {
      assert.equal((await visit.get("/services.json", { host })).status, 200, host);
    }
  });

  test("serves metrics only, where no zone is served", async () => {
    const { clock, gone } = new Visit();
    const website = new Website({
      ...{ zone: undefined, shownTo: () => undefined, mayMeasure: () => true, clock },
      listings: new Listings(clock),
      ...{ metrics: async () => "figures", names: new Set<string>() },
    });
    const source = { address: "127.0.0.1", port: 1 };
    const ask = (path: string) =>
      website.answer({ path, source, host: "::1", signal: gone.signal });
    assert.equal((await ask("/")).status, 404);
    assert.equal((await ask("/metrics")).status, 200);
  });
});

suite("the stream of serials", () => {
  const open = async (visit: Visit, more?: Partial<WebRequest>) => {
    const { body } = await visit.get("/events", more);
    return (body as AsyncIterable<string>)[Symbol.asyncIterator]();
  };

  test("sends the latest serial, once for a burst of changes", async () => {
    const visit = new Visit();
    const events = await open(visit);
    assert.equal((await events.next()).value, "data: 1\n\n");
    const next = events.next();
    await visit.update("one.paris A 10.1.0.1\n");
    await visit.update("two.paris A 10.1.0.2\n");
    await visit.clock.elapse(1000);
    assert.equal((await next).value, "data: 3\n\n");
    const later = events.next();
    await visit.update("three.paris A 10.1.0.3\n");
    await visit.clock.elapse(1000);
    assert.equal((await later).value, "data: 4\n\n");
    visit.gone.abort();
    assert.equal((await events.next()).done, true);
  });

  test("sends a change made before the next event is asked for", async () => {
    const visit = new Visit();
    const events = await open(visit);
    await events.next();
    await visit.update("one.paris A 10.1.0.1\n");
    const next = events.next();
    await visit.clock.elapse(1000);
    visit.gone.abort();
    assert.equal((await next).value, "data: 2\n\n");
  });

  test("leaves no listeners behind, however many events there were", async () => {
    const visit = new Visit();
    const events = await open(visit);
    await events.next();
    for (let i = 0; i < 5; i++) {
      const next = events.next();
      await visit.update(`h${i}.paris A 10.1.0.1\n`);
      await visit.clock.elapse(1000);
      await next;
    }
    assert.equal(getEventListeners(visit.gone.signal, "abort").length, 1, "that of who follows");
  });

  test("serves at most 32 clients, and another once one has gone", async () => {
    const visit = new Visit();
    const all = [];
    for (let i = 0; i < 32; i++) {
      const events = await open(visit);
      await events.next();
      all.push(events);
    }
    assert.equal((await visit.get("/events")).status, 503);
    await all[0]!.return?.();
    assert.equal((await visit.get("/events")).status, 200);
  });
});

suite("listings", () => {
  test("are made one at a time, each from the snapshot that is current when it begins", async () => {
    const { clock, zone, lyon, update } = bound(new Visit());
    const listings = new Listings(clock);
    const first = listings.of(zone);
    assert.equal(listings.of(zone), first, "who asks before it is begun gets the same");
    const view = listings.of(lyon);
    await update("one.paris A 10.1.0.1\n");
    const [{ snapshot, services, json }, seen] = [await first, await view];
    assert.equal(snapshot, zone.current, "begun after the change");
    assert.deepEqual(
      json,
      services.map((each) => JSON.stringify(each)),
    );
    assert.deepEqual([services.length, seen.services.length], [4, 3]);
    assert.equal(await listings.of(zone), await first, "nothing has changed");
    const next = listings.of(lyon);
    await Promise.resolve();
    await update("two.paris A 10.1.0.2\n");
    const later = listings.of(lyon);
    assert.equal((await later).snapshot, lyon.current);
    assert.ok((await next).snapshot.serial <= lyon.current.serial);
  });

  test("rest after each type, and once more for the services", async () => {
    const clock = new FakeClock();
    const zone = new Visit().zone;
    // Each look at the clock counts as a millisecond of work.
    let looks = 0;
    let rests = 0;
    const working: Clock = {
      ...{ wall: () => clock.wall(), random: () => clock.random() },
      now: () => clock.now() + looks++,
      at: (time, wake) => {
        rests++;
        return clock.at(time, wake);
      },
    };
    const listing = new Listings(working).of(zone);
    let isMade = false;
    void listing.then(() => {
      isMade = true;
    });
    while (!isMade) await clock.elapse(5);
    assert.equal(rests, 3, "one for each type, and one for the services");
    assert.equal((await listing).services.length, 4);
  });
});

function bound(visit: Visit) {
  const { clock, zone, lyon } = visit;
  return { clock, zone, lyon, update: (text: string) => visit.update(text) };
}
