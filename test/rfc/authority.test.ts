/**
 * What a zone answers: RFC 1034 §4.3.2, 2181, 2308, 4592, 6604, 6672, 8020, 8482, and the extra
 * records of RFC 6763 §12. Cases are master file text.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Type } from "../../src/dns/constants.ts";
import { FormatError } from "../../src/dns/format.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata, soaOf } from "../../src/dns/rdata.ts";
import { apexRecords } from "../../src/zone/apex.ts";
import type { Snapshot } from "../../src/zone/snapshot.ts";
import {
  ask,
  type Case,
  DENIAL,
  expectAnswer,
  lines,
  name,
  operator,
  origin,
  snapshotOf,
  updateOf,
  zoneOf,
} from "../zone/fixture.ts";

function table(zone: Snapshot, cases: readonly Case[]): void {
  for (const each of cases) expectAnswer(zone, each);
}

const host = snapshotOf(`
  www A 10.0.0.1
  www A 10.0.0.2
  www AAAA fd00::1
  a.b.c TXT "deep"
`);

suite("names that exist and names that do not", () => {
  test("AUTH-03: negative answers carry the SOA, its TTL the lower of its own and MINIMUM", () => {
    table(host, [
      { ask: "nobody A", rcode: "NXDOMAIN", authority: DENIAL },
      { ask: "www MX", authority: DENIAL },
      { ask: "@ MX", authority: DENIAL },
    ]);
    const brief = snapshotOf("").with([], [{ ...snapshotOf("").soa, ttl: 5 }]);
    assert.equal(ask(brief, "nobody A").authorities[0]?.ttl, 5);
  });

  test("AUTH-04: NODATA where the name or a name beneath it exists, else NXDOMAIN", () => {
    table(host, [
      { ask: "www MX", authority: DENIAL },
      { ask: "b.c TXT", authority: DENIAL },
      { ask: "x.www A", rcode: "NXDOMAIN", authority: DENIAL },
      { ask: "x.a.b.c A", rcode: "NXDOMAIN", authority: DENIAL },
    ]);
  });

  test("AUTH-05: empty non-terminals answer NOERROR", () => {
    for (const owner of ["c", "b.c"]) {
      for (const type of ["A", "TXT", "ANY"]) {
        expectAnswer(host, { ask: `${owner} ${type}`, authority: DENIAL });
      }
    }
  });

  test("AUTH-06: an empty non-terminal appears with its first child and disappears with its last", async () => {
    const zone = zoneOf("");
    const rcodes = () => ["c", "b.c"].map((owner) => ask(zone.current, `${owner} A`).rcode);
    assert.deepEqual(rcodes(), [3, 3]);
    await zone.apply(updateOf("+ a.b.c A 10.0.0.1\n+ d.b.c A 10.0.0.1"), operator);
    assert.deepEqual(rcodes(), [0, 0]);
    await zone.apply(updateOf("- a.b.c ANY"), operator);
    assert.deepEqual(rcodes(), [0, 0]);
    await zone.apply(updateOf("- d.b.c A"), operator);
    assert.deepEqual(rcodes(), [3, 3]);
  });

  test("AUTH-14: only ASCII letters match in either case, and answers keep the stored case", () => {
    const zone = snapshotOf("MyPrn A 10.0.0.1\n\\195\\137t\\195\\169 A 10.0.0.2");
    table(zone, [
      { ask: "myPRN A", answer: "MyPrn A 10.0.0.1" },
      { ask: "\\195\\137T\\195\\169 A", answer: "\\195\\137t\\195\\169 A 10.0.0.2" },
      { ask: "\\195\\169t\\195\\169 A", rcode: "NXDOMAIN", authority: DENIAL },
      { ask: "\\227\\137t\\195\\169 A", rcode: "NXDOMAIN", authority: DENIAL },
    ]);
    assert.equal(ask(zone, "myPRN A").answers[0]?.name.toString(), "MyPrn.z.example.");
  });

  test("AUTH-14: an update is stored in its case, and later ones do not change that", async () => {
    const zone = zoneOf("");
    await zone.apply(updateOf("+ MyPrn A 10.0.0.1"), operator);
    await zone.apply(updateOf("+ myprn AAAA fd00::1\n+ MYPRN A 10.0.0.2"), operator);
    const owners = ask(zone.current, "MYprn ANY").answers.map((set) => String(set.name));
    assert.deepEqual(owners, ["MyPrn.z.example.", "MyPrn.z.example."]);
  });

  test("AUTH-15: all 256 octets are legal in labels", async () => {
    const zone = zoneOf("");
    for (let octet = 0; octet < 256; octet++) {
      const owner = `x\\${String(octet).padStart(3, "0")}y`;
      await zone.apply(updateOf(`+ ${owner} A 10.0.0.1`), operator);
      assert.equal(ask(zone.current, `${owner} A`).answers.length, 1, owner);
    }
    // Upper-case letters name the same owners as the lower-case ones.
    assert.equal(zone.current.size, 2 + 256 - 26);
  });

  test("AUTH-16: a set is answered whole, with one TTL; a TTL with the top bit set counts as 0", async () => {
    const zone = zoneOf("www 60 A 10.0.0.1");
    await zone.apply(updateOf("+ www 90 A 10.0.0.2"), operator);
    expectAnswer(zone.current, { ask: "www A", answer: "www 90 A 10.0.0.1\nwww 90 A 10.0.0.2" });
    const [record] = updateOf("+ www 1 A 10.0.0.3").updates;
    await zone.apply(updateOf("", { updates: [{ ...record!, ttl: 0x80000000 }] }), operator);
    assert.equal(zone.current.set(name("www"), Type.A)?.ttl, 0);
    const addresses = "www A 10.0.0.1\nwww A 10.0.0.2";
    const service = snapshotOf(`a._ipp._tcp SRV 0 0 631 www\nsub NS www\n${addresses}`);
    table(service, [
      {
        ask: "a._ipp._tcp SRV",
        answer: "a._ipp._tcp SRV 0 0 631 www",
        additional: addresses,
      },
      { ask: "sub A", authority: "sub NS www", additional: addresses, isAuthoritative: false },
    ]);
  });

  test("AUTH-17: a record added twice is one record", async () => {
    const zone = zoneOf("_ipp._tcp PTR A._ipp._tcp");
    await zone.apply(
      updateOf("+ _ipp._tcp PTR a._IPP._tcp\n+ _ipp._tcp PTR A._ipp._tcp"),
      operator,
    );
    expectAnswer(zone.current, { ask: "_ipp._tcp PTR", answer: "_ipp._tcp PTR A._ipp._tcp" });
    assert.equal(zone.current.serial, 1);
    await zone.apply(updateOf("+ _a._tcp PTR b._a._tcp\n+ _a._tcp PTR B._a._tcp"), operator);
    expectAnswer(zone.current, { ask: "_a._tcp PTR", answer: "_a._tcp PTR b._a._tcp" });
    const read = snapshotOf("_a._tcp PTR b._a._tcp\n_a._tcp PTR B._A._tcp");
    expectAnswer(read, { ask: "_a._tcp PTR", answer: "_a._tcp PTR b._a._tcp" });
  });

  test("AUTH-26: there is one SOA, at the origin", () => {
    expectAnswer(host, {
      ask: "@ SOA",
      answer: "@ 3600 SOA ns.example. hostmaster.example. 1 7200 3600 86400 10",
    });
    assert.equal(lines(host).filter((line) => line.includes("SOA")).length, 1);
    expectAnswer(host, { ask: "www SOA", authority: DENIAL });
    assert.throws(() => host.with([], [{ ...host.soa, rdatas: [] }]), FormatError);
    const { rdatas } = host.soa;
    assert.throws(
      () => host.with([], [{ ...host.soa, rdatas: [...rdatas, ...rdatas] }]),
      FormatError,
    );
  });

  test("AUTH-26: what nobody has configured is this host and the zone's hostmaster", () => {
    const [soa, ns] = apexRecords({ origin, nameservers: [], serial: 1 });
    const { mname, rname } = soaOf(soa!.rdatas[0]!);
    assert.equal(`${mname} ${rname}`, "localhost. hostmaster.z.example.");
    assert.deepEqual(ns?.rdatas, [rdata.ns(mname)]);
  });

  test("AUTH-33: records of unknown types are data like any other", () => {
    const zone = snapshotOf("x TYPE65280 \\# 2 abcd\nx NULL \\# 0");
    expectAnswer(zone, { ask: "x TYPE65280", answer: "x TYPE65280 \\# 2 abcd" });
    expectAnswer(zone, { ask: "x NULL", answer: "x NULL \\# 0" });
    expectAnswer(zone, { ask: "x TYPE65281", authority: DENIAL });
  });

  test("AUTH-37: ANY is answered with all sets of the name, always in the same order", () => {
    const answer = "www A 10.0.0.1\nwww A 10.0.0.2\nwww AAAA fd00::1";
    table(host, [
      { ask: "www ANY", answer },
      { ask: "nobody ANY", rcode: "NXDOMAIN", authority: DENIAL },
    ]);
    const types = ask(host, "@ ANY").answers.map((set) => set.type);
    assert.deepEqual(types, [Type.NS, Type.SOA], "lowest type first, which is what UDP gets");
  });
});

suite("aliases", () => {
  const zone = snapshotOf(`
    www A 10.0.0.1
    alias CNAME www
    second CNAME alias
    far CNAME www.example.org.
    lost CNAME nobody
    dry CNAME text
    text TXT "no address"
    a CNAME b
    b CNAME c
    c CNAME a
    self CNAME self
  `);

  test("AUTH-18: a CNAME is answered with its target; a query for CNAME or ANY, with the CNAME itself", () => {
    table(zone, [
      { ask: "alias A", answer: "alias CNAME www\nwww A 10.0.0.1" },
      { ask: "second A", answer: "second CNAME alias\nalias CNAME www\nwww A 10.0.0.1" },
      { ask: "alias CNAME", answer: "alias CNAME www" },
      { ask: "alias ANY", answer: "alias CNAME www" },
      { ask: "far A", answer: "far CNAME www.example.org." },
    ]);
  });

  test("AUTH-19: AA follows the first owner, the response code the last name in the zone", () => {
    table(zone, [
      { ask: "lost A", rcode: "NXDOMAIN", answer: "lost CNAME nobody", authority: DENIAL },
      { ask: "dry A", answer: "dry CNAME text", authority: DENIAL },
    ]);
    const delegating = snapshotOf("alias CNAME x.sub\nsub NS ns.sub\nns.sub A 10.0.0.53");
    expectAnswer(delegating, {
      ask: "alias A",
      answer: "alias CNAME x.sub",
      authority: "sub NS ns.sub",
      additional: "ns.sub A 10.0.0.53",
    });
  });

  test("AUTH-20: alias loops end, with each alias given once", () => {
    table(zone, [
      { ask: "a A", answer: "a CNAME b\nb CNAME c\nc CNAME a" },
      { ask: "b A", answer: "a CNAME b\nb CNAME c\nc CNAME a" },
      { ask: "self A", answer: "self CNAME self" },
    ]);
    const long = Array.from({ length: 1000 }, (_, i) => `n${i} CNAME n${i + 1}`).join("\n");
    const answers = ask(snapshotOf(long), "n0 A").answers.length;
    assert.ok(answers >= 10 && answers <= 20, `${answers} aliases`);
  });

  test("AUTH-21: a DNAME redirects the names beneath it by a synthesized CNAME", () => {
    const label = "x".repeat(63);
    const long = `${label}.${label}.${label}`;
    const redirected = snapshotOf(`
      www A 10.0.0.1
      old 30 DNAME new
      old TXT "itself"
      hidden.old A 10.0.0.9
      www.new A 10.0.0.2
      away DNAME example.org.
      long DNAME ${long}
      loop DNAME loop.loop
    `);
    table(redirected, [
      {
        ask: "www.old A",
        answer: "old 30 DNAME new\nwww.old 30 CNAME www.new\nwww.new A 10.0.0.2",
      },
      { ask: "www.old CNAME", answer: "old 30 DNAME new\nwww.old 30 CNAME www.new" },
      { ask: "www.old ANY", answer: "old 30 DNAME new\nwww.old 30 CNAME www.new" },
      {
        ask: "hidden.old A",
        rcode: "NXDOMAIN",
        answer: "old 30 DNAME new\nhidden.old 30 CNAME hidden.new",
        authority: DENIAL,
      },
      { ask: "old TXT", answer: 'old TXT "itself"' },
      { ask: "old DNAME", answer: "old 30 DNAME new" },
      { ask: "a.away A", answer: "away DNAME example.org.\na.away CNAME a.example.org." },
      {
        ask: `${label}.long A`,
        rcode: "YXDOMAIN",
        answer: `long DNAME ${long}`,
      },
    ]);
    const { answers } = ask(redirected, "a.loop A");
    assert.ok(answers.length < 20);
    assert.equal(new Set(answers).size, answers.length, "the DNAME once");
    const moved = snapshotOf("@ DNAME example.org.");
    table(moved, [
      { ask: "a A", answer: "@ DNAME example.org.\na CNAME a.example.org." },
      { ask: "@ NS", answer: "@ 3600 NS ns.example." },
    ]);
  });
});

suite("wildcards", () => {
  /** The zone of RFC 4592 §2.2.1, its names under this origin. */
  const zone = snapshotOf(`
    * TXT "this is a wildcard"
    * MX 10 host1
    sub.* TXT "this is not a wildcard"
    host1 A 192.0.2.1
    _ssh._tcp.host1 SRV 0 0 22 host1
    _ssh._tcp.host2 SRV 0 0 22 host1
    subdel NS ns.example.com.
    subdel NS ns.example.net.
    *.alias CNAME host1
    *.empty.x A 10.0.0.1
    y.*.z A 10.0.0.2
  `);

  test("AUTH-22: the example of RFC 4592 §2.2.1 is answered as it specifies", () => {
    table(zone, [
      { ask: "host3 MX", answer: "host3 MX 10 host1" },
      { ask: "host3 A", authority: DENIAL },
      { ask: "foo.bar TXT", answer: 'foo.bar TXT "this is a wildcard"' },
      { ask: "host1 MX", authority: DENIAL },
      { ask: "sub.* MX", authority: DENIAL },
      { ask: "_telnet._tcp.host1 SRV", rcode: "NXDOMAIN", authority: DENIAL },
      {
        ask: "host.subdel A",
        isAuthoritative: false,
        authority: "subdel NS ns.example.com.\nsubdel NS ns.example.net.",
      },
      { ask: "ghost.* MX", rcode: "NXDOMAIN", authority: DENIAL },
    ]);
  });

  test("AUTH-22: a wildcard is itself a name, and may be an alias or an empty non-terminal", () => {
    table(zone, [
      { ask: "* TXT", answer: '* TXT "this is a wildcard"' },
      { ask: "a.alias A", answer: "a.alias CNAME host1\nhost1 A 192.0.2.1" },
      { ask: "a.b.alias A", answer: "a.b.alias CNAME host1\nhost1 A 192.0.2.1" },
      { ask: "alias A", authority: DENIAL },
      { ask: "q.empty.x A", answer: "q.empty.x A 10.0.0.1" },
      { ask: "q.x A", rcode: "NXDOMAIN", authority: DENIAL },
      { ask: "q.z A", authority: DENIAL },
      { ask: "nobody ANY", answer: 'nobody TXT "this is a wildcard"\nnobody MX 10 host1' },
    ]);
  });
});

suite("delegations", () => {
  const zone = snapshotOf(`
    sub NS ns.sub
    sub NS ns2.other
    sub NS ns.example.org.
    sub DS 1 13 2 00
    sub TXT "hidden"
    ns.sub A 10.0.0.53
    ns.sub AAAA fd00::53
    www.sub A 10.0.0.80
    deep.sub NS ns.deep.sub
    ns2.other A 10.0.0.54
    signed TXT "not delegated"
  `);
  const referral = {
    isAuthoritative: false,
    authority: "sub NS ns.sub\nsub NS ns2.other\nsub NS ns.example.org.",
    additional: "ns.sub A 10.0.0.53\nns.sub AAAA fd00::53\nns2.other A 10.0.0.54",
  };

  test("AUTH-24: names at a cut and beneath it get a referral with glue and without AA", () => {
    for (const ask of ["sub A", "sub NS", "sub TXT", "www.sub A", "ns.sub A", "x.y.sub A"]) {
      expectAnswer(zone, { ask, ...referral });
    }
    expectAnswer(zone, { ask: "a.deep.sub A", ...referral });
  });

  test("AUTH-24: the parent answers for the DS of a delegation", () => {
    table(zone, [
      { ask: "sub DS", answer: "sub DS 1 13 2 00" },
      { ask: "signed DS", authority: DENIAL },
      { ask: "x.sub DS", ...referral },
    ]);
    expectAnswer(snapshotOf("sub NS ns.example.org."), { ask: "sub DS", authority: DENIAL });
  });

  test("AUTH-24: the NS of the origin is data", () => {
    expectAnswer(zone, { ask: "@ NS", answer: "@ 3600 NS ns.example." });
  });

  test("UPD-36: a record added beneath a cut is hidden but in the zone", async () => {
    const live = zoneOf("sub NS ns.example.org.\nold DNAME new");
    await live.apply(updateOf("+ www.sub A 10.0.0.1\n+ www.old A 10.0.0.1"), operator);
    assert.equal(ask(live.current, "www.sub A").isAuthoritative, false);
    assert.equal(ask(live.current, "www.old A").answers[0]?.type, Type.DNAME);
    const hidden = lines(live.current).filter((line) => line.startsWith("www"));
    assert.equal(hidden.length, 2);
    await live.apply(updateOf("- sub NS\n- old DNAME"), operator);
    expectAnswer(live.current, { ask: "www.sub A", answer: "www.sub A 10.0.0.1" });
    expectAnswer(live.current, { ask: "www.old A", answer: "www.old A 10.0.0.1" });
  });
});

suite("additional records", () => {
  const first = `
    First._ipp._tcp SRV 0 0 631 host1
    First._ipp._tcp TXT "rp=1"
  `;
  const second = `
    Second._ipp._tcp SRV 0 0 631 host1
    Second._ipp._tcp SRV 1 0 632 host2
    Second._ipp._tcp TXT "rp=2"
  `;
  const addresses = "host1 A 10.0.0.1\nhost1 AAAA fd00::1\nhost2 A 10.0.0.2";
  const pointers = `
    _ipp._tcp PTR First._ipp._tcp
    _ipp._tcp PTR Second._ipp._tcp
    _ipp._tcp PTR Elsewhere._ipp._tcp.example.org.
    _ipp._tcp PTR Missing._ipp._tcp
  `;
  const zone = snapshotOf(`${first} ${second} ${addresses} ${pointers}
    _services._dns-sd._udp PTR _ipp._tcp
    lb._dns-sd._udp PTR @
    @ TXT "of the domain"
    Flagship._ipp._tcp SRV 0 0 0 host1
    @ MX 10 host1
  `);

  test("SD-30: PTR comes with SRV, TXT, A and AAAA of its instances, each once", () => {
    expectAnswer(zone, {
      ask: "_ipp._tcp PTR",
      answer: pointers,
      additional: `${first} ${second} ${addresses}`,
    });
  });

  test("SD-30: the addresses of a service that is its own host are added too, once", () => {
    const own = `Hub._hub._tcp SRV 0 0 80 hub._hub._tcp\nHub._hub._tcp TXT "x"
      Hub._hub._tcp A 10.0.0.3\nHub._hub._tcp AAAA fd00::3`;
    const other = `Web._hub._tcp SRV 0 0 80 Hub._hub._tcp\nWeb._hub._tcp TXT "x"`;
    const list = "_hub._tcp PTR Hub._hub._tcp\n_hub._tcp PTR Web._hub._tcp";
    expectAnswer(snapshotOf(`${list}\n${own}\n${other}`), {
      ask: "_hub._tcp PTR",
      answer: list,
      additional: `${own}\n${other}`,
    });
  });

  test("SD-30: the records of 1000 instances are all added, for a stream to carry what fits", () => {
    const many = Array.from({ length: 1000 }, (_, i) => {
      const instance = `Printer\\032${i}._ipp._tcp`;
      return `_ipp._tcp PTR ${instance}\n${instance} SRV 0 0 631 h${i}\n${instance} TXT "x"
        h${i} A 10.0.${i >> 8}.${i & 255}\nh${i} AAAA fd00::${i}`;
    });
    const { additionals } = ask(snapshotOf(many.join("\n")), "_ipp._tcp PTR");
    assert.equal(additionals.length, 4000);
    assert.equal(new Set(additionals).size, 4000);
  });

  test("SD-31: SRV comes with the addresses of its targets", () => {
    expectAnswer(zone, {
      ask: "First._ipp._tcp SRV",
      answer: "First._ipp._tcp SRV 0 0 631 host1",
      additional: "host1 A 10.0.0.1\nhost1 AAAA fd00::1",
    });
    expectAnswer(zone, {
      ask: "Second._ipp._tcp SRV",
      answer: "Second._ipp._tcp SRV 0 0 631 host1\nSecond._ipp._tcp SRV 1 0 632 host2",
      additional: addresses,
    });
  });

  test("AUTH-46: other answers have no additional records, and none has more authorities than it needs", () => {
    for (const question of [
      ...["@ SOA", "@ NS", "@ MX", "host1 A", "First._ipp._tcp TXT"],
      ...["_ipp._tcp ANY", "First._ipp._tcp ANY"],
    ]) {
      assert.deepEqual(ask(zone, question).additionals, [], question);
      assert.deepEqual(ask(zone, question).authorities, [], question);
    }
    for (const question of ["_services._dns-sd._udp PTR", "lb._dns-sd._udp PTR"]) {
      assert.deepEqual(ask(zone, question).additionals, [], question);
    }
  });

  test("SD-33: each follow-up question is answered on its own", () => {
    const additional = "host1 A 10.0.0.1\nhost1 AAAA fd00::1";
    table(zone, [
      {
        ask: "First._ipp._tcp SRV",
        answer: "First._ipp._tcp SRV 0 0 631 host1",
        additional,
      },
      { ask: "First._ipp._tcp TXT", answer: 'First._ipp._tcp TXT "rp=1"' },
      { ask: "host1 A", answer: "host1 A 10.0.0.1" },
      { ask: "host1 AAAA", answer: "host1 AAAA fd00::1" },
    ]);
  });

  test("SD-34: a placeholder with port 0 is served, and listed only where a PTR points to it", () => {
    const found = ask(zone, "Flagship._ipp._tcp SRV");
    assert.deepEqual(lines(found.answers).length, 1);
    const listed = lines(ask(zone, "_ipp._tcp PTR").answers);
    assert.ok(!listed.some((line) => line.includes("Flagship")));
  });

  test("SD-35: every label matches in either case, subtypes included", () => {
    const types = snapshotOf("_Color._sub._ipp._tcp PTR A._ipp._tcp");
    expectAnswer(types, {
      ask: "_cOLOR._SUB._IPP._TCP PTR",
      answer: "_Color._sub._ipp._tcp PTR A._ipp._tcp",
    });
  });

  test("SD-39: pointers into other domains and other services pass through", () => {
    const mixed = snapshotOf("_a._tcp PTR X._b._tcp\n_a._tcp PTR Y._a._tcp.example.org.");
    expectAnswer(mixed, {
      ask: "_a._tcp PTR",
      answer: "_a._tcp PTR X._b._tcp\n_a._tcp PTR Y._a._tcp.example.org.",
    });
  });

  test("AUTH-24: records hidden by a cut are not added", () => {
    const cut = snapshotOf(`
      _ipp._tcp PTR A._ipp._tcp.sub
      sub NS ns.example.org.
      A._ipp._tcp.sub SRV 0 0 631 h.sub
      B._ipp._tcp SRV 0 0 631 h.sub
      h.sub A 10.0.0.1
    `);
    assert.deepEqual(ask(cut, "_ipp._tcp PTR").additionals, []);
    assert.deepEqual(ask(cut, "B._ipp._tcp SRV").additionals, []);
  });
});

suite("browsable names", () => {
  const zone = snapshotOf(`
    lb._dns-sd._udp PTR @
    b._dns-sd._udp.paris PTR paris
    b._dns-sd._udp.Building\\0321 PTR Building\\0321
    printer.paris A 10.0.0.1
  `);

  test("PROXY-28: a type that nobody offers now is NODATA, in the zone and in each site", () => {
    for (const domain of ["", ".paris", ".Building\\0321"]) {
      for (const owner of [
        "_tcp",
        "_UDP",
        "_new._tcp",
        "_new._udp",
        "_sub._new._tcp",
        "color._sub._new._tcp",
        "_dns-sd._udp",
        "b._dns-sd._udp",
        "dr._dns-sd._udp",
        "_services._dns-sd._udp",
      ]) {
        const { rcode, authorities } = ask(zone, `${owner}${domain} TXT`);
        assert.equal(rcode, 0, owner + domain);
        assert.equal(authorities[0], zone.negativeSoa);
      }
    }
  });

  test("PROXY-28: instances, hosts and other names that do not exist are NXDOMAIN", () => {
    for (const owner of [
      "nobody",
      "nobody.paris",
      "_tcp.lyon",
      "_new._tcp.printer.paris",
      "Nobody._new._tcp",
      "Nobody._new._tcp.paris",
      "x.color._sub._new._tcp",
      "new._tcp",
      "x._dns-sd._udp",
      "x.b._dns-sd._udp",
    ]) {
      expectAnswer(zone, { ask: `${owner} PTR`, rcode: "NXDOMAIN", authority: DENIAL });
    }
  });

  test("PROXY-28: a zone without browsing domains is answered by RFC 1034 alone", () => {
    for (const owner of ["_tcp", "_new._tcp", "lb._dns-sd._udp", "_dns-sd._udp"]) {
      expectAnswer(host, { ask: `${owner} PTR`, rcode: "NXDOMAIN", authority: DENIAL });
    }
  });
});

test("SD-37: a domain in rich text is a domain like any other", () => {
  const zone = snapshotOf("_ipp._tcp.Building\\0321 PTR My\\.Printer._ipp._tcp.Building\\0321");
  expectAnswer(zone, {
    ask: "_ipp._tcp.building\\0321 PTR",
    answer: "_ipp._tcp.Building\\0321 PTR My\\.Printer._ipp._tcp.Building\\0321",
  });
  const target = rdata.ptr(Name.parse("My\\.Printer._ipp._tcp.Building\\0321.z.example."));
  assert.ok(ask(zone, "_ipp._tcp.building\\0321 PTR").answers[0]?.rdatas[0]?.equals(target));
});
