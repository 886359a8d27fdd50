/** `doctor`: what it concludes from answers, one fault after the other. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import type { Ask, Manner } from "../../src/cli/doctor/asking.ts";
import { examineClients } from "../../src/cli/doctor/clients.ts";
import { type Finding, formatFinding } from "../../src/cli/doctor/finding.ts";
import { examineLinks } from "../../src/cli/doctor/links.ts";
import { examineNames } from "../../src/cli/doctor/names.ts";
import { examineNameservers } from "../../src/cli/doctor/nameservers.ts";
import { examinePublishing } from "../../src/cli/doctor/publishing.ts";
import { type Refusal, refusals } from "../../src/cli/doctor/refusal.ts";
import { forwarding } from "../../src/cli/doctor/remedies.ts";
import { examineResolver } from "../../src/cli/doctor/resolvers.ts";
import { examineListening } from "../../src/cli/doctor/server.ts";
import { examineZone } from "../../src/cli/doctor/zone.ts";
import { systemClock } from "../../src/clock.ts";
import { subnetsOf } from "../../src/collector/subnets.ts";
import type { Listening } from "../../src/config/listening.ts";
import { parseConfig } from "../../src/config.ts";
import { Class, Rcode, Type } from "../../src/dns/constants.ts";
import { ExtendedError, extendedError, withOption } from "../../src/dns/edns.ts";
import { type Endpoint, formatEndpoint } from "../../src/dns/endpoint.ts";
import { type Message, makeMessage, makeResponse } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { rdata, soaOf } from "../../src/dns/rdata.ts";
import { recordsOf } from "../../src/dns/record.ts";
import { ExchangeError } from "../../src/net/client/exchange.ts";
import type { Resolve } from "../../src/net/client/resolver.ts";
import type { Browsed } from "../../src/zone/apex.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { FakeClock } from "../support/clock.ts";
import { freePort } from "../support/freeport.ts";
import { MAIN, STARTED, temporaryFolder } from "../support/gateway.ts";
import { Lan, type LanHost } from "../support/lan.ts";
import { Running, run } from "../support/process.ts";
import { Serving } from "../support/serving.ts";

const ZONE = Name.parse("z.example.");
const SERVER: Endpoint = { address: "192.0.2.1", port: 53 };
const RESOLVER: Endpoint = { address: "192.0.2.53", port: 53 };
const APEX = `$TTL 10
@ SOA ns h 7 1 1 1 1
@ NS ns.example.
b._dns-sd._udp PTR @
lb._dns-sd._udp PTR @
`;
const SERVICES = `
_services._dns-sd._udp PTR _ipp._tcp
_ipp._tcp PTR Office\\032Printer._ipp._tcp.paris
Office\\032Printer._ipp._tcp.paris SRV 0 0 631 printer.paris
Office\\032Printer._ipp._tcp.paris TXT "txtvers=1"
printer.paris A 10.1.0.10
`;

/** Nobody looks at the key itself. */
const DNSKEY = "@ DNSKEY 257 3 13 AAAA\n";
const REVERSE = Name.parse("10.in-addr.arpa.");
const ofReverse = (more = "") =>
  `$TTL 1\n@ SOA localhost. h.z.example. 7 1 1 1 1\n@ NS a.\n${more}`;

/** A server's answer to a question, or why there is none. */
type Answering = (name: Name, type: number, manner: Manner) => Partial<Message> | ExchangeError;

function serving(text: string, origin = ZONE): Answering {
  const sets = parseMasterFile(text, { origin });
  const soa = sets.find(({ type }) => type === Type.SOA)!;
  // RFC 2308 §3.
  const denial = recordsOf({ ...soa, ttl: Math.min(soa.ttl, soaOf(soa.rdatas[0]!).minimum) });
  return (name, type) => {
    const own = sets.filter((set) => set.name.equals(name));
    const found = own.filter((set) => set.type === type).flatMap(recordsOf);
    const rcode = own.length > 0 || !name.isUnder(origin) ? Rcode.NOERROR : Rcode.NXDOMAIN;
    if (!name.isUnder(origin)) return { rcode: Rcode.REFUSED };
    return found.length > 0
      ? { isAuthoritative: true, answers: found }
      : { isAuthoritative: true, rcode, authorities: denial };
  };
}

/** One server of several zones. */
function together(...zones: readonly Answering[]): Answering {
  return (...question) => {
    const said = zones.map((zone) => zone(...question));
    const isOwn = (each: ReturnType<Answering>) =>
      each instanceof ExchangeError || each.rcode !== Rcode.REFUSED;
    return said.find(isOwn) ?? { rcode: Rcode.REFUSED };
  };
}

/** Asks the server at the address. */
function asking(servers: ReadonlyMap<Endpoint, Answering>): Ask {
  const known = new Map([...servers].map(([server, said]) => [formatEndpoint(server), said]));
  return async (server, name, type, manner = {}) => {
    const said =
      known.get(formatEndpoint(server))?.(name, type, manner) ??
      new ExchangeError(server, "ECONNREFUSED");
    if (said instanceof ExchangeError) return said;
    const query = makeMessage({ questions: [{ name, type, class: Class.IN }] });
    return makeResponse(query, said);
  };
}

/** Recognises none, as with a server of another configuration. */
const refusal: Refusal = async () => undefined;

const AT = { server: SERVER, zone: ZONE, browsed: "merged", refusal } as const;

const texts = (findings: readonly Finding[]) =>
  findings.map(({ verdict, fact }) => `${verdict}: ${fact}`);

suite("the zone", () => {
  const examined = async (text: string, browsed: Browsed = "merged") => {
    const ask = asking(new Map([[SERVER, serving(text)]]));
    const { findings, sample } = await examineZone({ ...AT, browsed, ask });
    return { sample, findings: texts(findings) };
  };

  test("is ok with services that can be reached, and odd if it has none", async () => {
    const { findings, sample } = await examined(APEX + SERVICES);
    assert.deepEqual(findings, ["ok: serial 7; 1 instance of 1 type"]);
    assert.equal(`${sample?.service?.host}`, "printer.paris.z.example.");
    assert.deepEqual((await examined(APEX)).findings, ["odd: serial 7; it lists no services"]);
  });

  test("is broken if it does not say where to browse", async () => {
    const { findings } = await examined(APEX.replace(/^lb.*$/m, "") + SERVICES);
    assert.equal(findings.length, 2);
    assert.match(findings[1]!, /^broken: clients .* it needs$/);
  });

  test("may name no site to browse until one publishes", async () => {
    const bare = APEX.replace(/^lb.*$/m, "");
    const facts = async (...zone: Parameters<typeof examined>) =>
      (await examined(...zone)).findings.slice(1);
    const named = "odd: lb._dns-sd._udp.z.example. names no site until one publishes";
    assert.deepEqual(await facts(bare, "sites"), [`${named} (enumerate: sites)`]);
    // With services, or where the zone itself is to be browsed, clients miss something.
    assert.match(`${await facts(bare + SERVICES, "sites")}`, /^broken: clients [^,]* it needs$/);
    assert.match(`${await facts(bare)}`, /^broken: clients .* it needs$/);
    assert.match(`${await facts(bare.replace(/^b\..*$/m, ""), "sites")}`, /^broken: .*,odd: lb/);
  });

  test("is odd if it lists an instance that leads nowhere, or more than BIND takes", async () => {
    const ghosts = Array.from({ length: 99 }, (_, i) => `_ipp._tcp PTR g${i}._ipp._tcp.paris\n`);
    const { findings } = await examined(
      APEX + SERVICES.replace(/^printer.*$/m, "") + ghosts.join(""),
    );
    assert.match(findings[1]!, /^odd: Office Printer\S* is listed, but has no SRV record, or/);
    assert.match(findings[2]!, /^odd: 100 instances or more: _ipp\._tcp\.z\.example\. \(100\)\./);
  });

  test("may have hosts in other zones, and services that go while it is examined", async () => {
    const outside = SERVICES.replace(
      "printer.paris A 10.1.0.10",
      "printer.paris CNAME hp.example.",
    );
    const { findings } = await examined(APEX + outside);
    assert.deepEqual(findings, ["ok: serial 7; 1 instance of 1 type"]);
    const [before, after] = [serving(APEX + SERVICES), serving(APEX)];
    let isGone = false;
    const going: Answering = (name, type, manner) => {
      isGone ||= type === Type.SRV;
      return (isGone ? after : before)(name, type, manner);
    };
    const gone = await examineZone({
      ...AT,
      ask: asking(new Map([[SERVER, going]])),
    });
    assert.deepEqual(texts(gone.findings), findings);
  });

  test("is examined no further once its server stops answering", async () => {
    const zone = serving(APEX + SERVICES);
    let asked = 0;
    const dying: Answering = (...question) =>
      ++asked > 3 ? new ExchangeError(SERVER, "timeout") : zone(...question);
    const { findings, sample } = await examineZone({
      ...AT,
      ask: asking(new Map([[SERVER, dying]])),
    });
    assert.deepEqual([sample, asked], [undefined, 4]);
    assert.deepEqual(texts(findings), [
      "broken: 192.0.2.1:53 no longer answers: no answer in time",
    ]);
  });

  test("is broken if the server asked does not have it", async () => {
    const ask = asking(new Map([[SERVER, serving(APEX, Name.parse("other.example."))]]));
    const { findings, sample } = await examineZone({ ...AT, ask });
    assert.equal(sample, undefined);
    assert.deepEqual(texts(findings), [
      "broken: 192.0.2.1:53 answers REFUSED; expected the zone's own server",
    ]);
    assert.match(`${findings[0]!.remedy}`, /^Or it .* \(query\.allow, views\)\.$/);
  });
});

/** Undefined for the usual answer. */
type Partially = (...question: Parameters<Answering>) => ReturnType<Answering> | undefined;

suite("a resolver", () => {
  const zone = serving(APEX + SERVICES);
  const examined = async (
    resolver: Answering,
    { server = zone, reached = SERVER, reverse = [] as Name[], hasViews = false } = {},
  ) => {
    const ask = asking(
      new Map([
        [SERVER, server],
        [RESOLVER, resolver],
      ]),
    );
    const { sample } = await examineZone({ ...AT, ask });
    const options = { ask, server: SERVER, sample: sample!, reverse, hasViews };
    return examineResolver(RESOLVER, { ...options, reached: reached ?? undefined });
  };
  /** The zone's own answers, unless `say` gives another. */
  const except = (say: Partially): Answering => {
    return (...question) => say(...question) ?? zone(...question);
  };
  const NOTHING = { rcode: Rcode.NOERROR };

  test("that passes everything on is fine", async () => {
    assert.deepEqual(texts(await examined(zone)), ["ok: finds z.example."]);
  });

  test("that does not answer is not asked again", async () => {
    let asked = 0;
    const findings = await examined(
      () => {
        asked++;
        return new ExchangeError(RESOLVER, "timeout");
      },
      { reverse: [Name.parse("1.10.in-addr.arpa.")] },
    );
    assert.deepEqual([texts(findings), asked], [["broken: no answer in time"], 1]);
  });

  test("that does not find the zone gets the lines that forward it, for each make", async () => {
    const root = serving("$TTL 1\n@ SOA a. b. 1 1 1 1 1\n@ NS a.\n", Name.root);
    const reverse = [Name.parse("1.10.in-addr.arpa.")];
    const [finding, ...more] = await examined(root, { reverse });
    assert.deepEqual(more, []);
    const denied = "(answers NXDOMAIN, according to .)";
    assert.equal(finding!.fact, `does not find z.example. ${denied}, 1.10.in-addr.arpa. ${denied}`);
    const lines = finding!.remedy!.join("\n");
    assert.match(lines, /validate-except \{ "z.example"; "1.10.in-addr.arpa"; \}/);
    assert.match(lines, /zone "z.example" \{ .* forwarders \{ 192.0.2.1 port 53; \}; \};/);
    assert.match(
      lines,
      /private-domain: "z.example."\n.*local-zone: "1.10.in-addr.arpa." transparent/,
    );
    assert.match(
      lines,
      /server=\/1.10.in-addr.arpa\/192.0.2.1#53\n.*rebind-domain-ok=\/z.example\//,
    );
  });

  test("gets an exemption from validation for zones that are not signed, and for no other", async () => {
    const nobody = () => ({ rcode: Rcode.NXDOMAIN });
    const exempt = async (server: Answering) => {
      const [finding] = await examined(nobody, { server, reverse: [REVERSE] });
      const lines = finding!.remedy!.filter((line) => /validate-except|domain-insecure/.test(line));
      return lines.map((line) => line.trim());
    };
    const reverse = (text = "") => serving(ofReverse(text), REVERSE);
    const signed = serving(APEX + DNSKEY);
    assert.deepEqual(await exempt(together(signed, reverse(DNSKEY))), []);
    assert.deepEqual(await exempt(together(signed, reverse())), [
      'options { validate-except { "10.in-addr.arpa"; }; };  # within the existing options',
      'domain-insecure: "10.in-addr.arpa."',
    ]);
    assert.deepEqual(await exempt(together(serving(APEX), reverse(DNSKEY))), [
      'options { validate-except { "z.example"; }; };  # within the existing options',
      'domain-insecure: "z.example."',
    ]);
  });

  test("that forwards to loopback is told to allow it, where its make would not by itself", async () => {
    const nobody = () => ({ rcode: Rcode.NXDOMAIN });
    const linesFor = async (address: string) => {
      const [finding] = await examined(nobody, { reached: { address, port: 5300 } });
      return finding!.remedy!.join("\n");
    };
    assert.match(await linesFor("127.0.0.1"), /Unbound:\n {2}server:\n.*-query-localhost: no\n/);
    assert.doesNotMatch(await linesFor("192.0.2.1"), /localhost/);
  });

  test("that answers for some zones by itself is told not to", () => {
    const zones = ["bonjour.test.", "bonjour.home.arpa.", "1.10.in-addr.arpa.", "z.example."];
    const names = zones.map((zone) => Name.parse(zone));
    const lines = forwarding({ zones: names, server: SERVER, signed: [] });
    const opened = lines.flatMap((line) => /local-zone: "(.*)" transparent$/.exec(line)?.[1] ?? []);
    assert.deepEqual(opened, zones.slice(0, 3));
    const shown = lines.flatMap((line) => /private-domain: "(.*)"$/.exec(line)?.[1] ?? []);
    assert.deepEqual(shown, [zones[0], zones[1], zones[3]]);
  });

  test("that has an empty zone in place of the real one does not find it", async () => {
    const reverse = [REVERSE];
    const server = together(zone, serving(ofReverse(), REVERSE));
    const empty = serving(ofReverse().replace("h.z.example.", "nobody.invalid."), REVERSE);
    const [found, ...more] = await examined(together(zone, empty), { server, reverse });
    assert.equal(found!.fact, "finds z.example.");
    assert.deepEqual(texts(more), [
      "broken: does not find 10.in-addr.arpa. (has another, empty zone of that name)",
    ]);
    assert.match(more[0]!.remedy!.join("\n"), /zone "10.in-addr.arpa" \{ type forward;/);
    assert.equal((await examined(server, { server, reverse })).length, 2);
  });

  test("cannot be told where the zone is while nobody else can reach its server", async () => {
    const [finding] = await examined(() => ({ rcode: Rcode.REFUSED }), { reached: null as never });
    assert.equal(finding!.fact, "does not find z.example. (answers REFUSED)");
    assert.deepEqual(finding!.remedy, [
      "First let the zone's server listen where others can ask it (listen.dns).",
    ]);
  });

  test("whose validation fails gets the remedy for an unsigned zone, or for a signed one", async () => {
    const told = async (server: Answering, reverse: Name[] = []) => {
      const bogus: Answering = (name, type, manner) =>
        manner.checkingDisabled
          ? server(name, type, manner)
          : {
              rcode: Rcode.SERVFAIL,
              edns: {
                ...{ udpSize: 1232, version: 0, dnssecOk: false },
                options: [extendedError(9, "no DNSKEY matches")],
              },
            };
      const findings = await examined(bogus, { server, reverse });
      return findings.map(({ fact, remedy }) => ({ fact, lines: remedy!.join("\n") }));
    };
    const [finding, ...more] = await told(zone);
    assert.deepEqual(more, []);
    const said = "answers SERVFAIL (extended error 9: no DNSKEY matches)";
    assert.equal(finding!.fact, `${said} to z.example.: it validates, and rejects every answer`);
    assert.match(finding!.lines, /domain-insecure: "z.example."/);
    const reverse = serving(ofReverse(DNSKEY), REVERSE);
    const [unsigned, signed] = await told(together(zone, reverse), [REVERSE]);
    assert.match(unsigned!.lines, /domain-insecure/);
    assert.match(signed!.lines, /no DS record/);
    const [apex] = await told(serving(APEX + DNSKEY));
    assert.match(apex!.lines, /no DS record/);
  });

  test("that gets no answer itself may ask the wrong server, or be refused", async () => {
    const [finding] = await examined(() => ({ rcode: Rcode.SERVFAIL }));
    assert.match(finding!.fact, /^does not find z.example. \(answers SERVFAIL\)$/);
    const lines = finding!.remedy!.join("\n");
    assert.match(lines, /forward-addr: 192.0.2.1@53.*query\.allow/s);
  });

  test("that withholds private addresses is told not to", async () => {
    const keeping = except((_, type) => (type === Type.A ? NOTHING : undefined));
    const findings = await examined(keeping);
    assert.deepEqual(texts(findings), [
      "ok: finds z.example.",
      "broken: answers without a record to printer.paris.z.example. A: it withholds private addresses",
    ]);
    assert.equal(findings[1]!.remedy?.length, 2);
    const [, viewed] = await examined(keeping, { hasViews: true });
    assert.equal(viewed!.verdict, "odd", "it may be meant");
    assert.match(viewed!.remedy!.at(-1)!, /^Or the view of the network/);
  });

  test("that filters is detected, whichever types it drops", async () => {
    const filtered = new Set<number>([Type.SOA, Type.TXT]);
    const findings = await examined(
      except((_, type) => (filtered.has(type) ? NOTHING : undefined)),
    );
    assert.deepEqual(texts(findings), [
      "broken: answers without a record to z.example. SOA",
      "broken: answers without a record to Office Printer._ipp._tcp.paris.z.example. TXT",
    ]);
  });

  test("that refuses a long list is told apart from one that truncates it to nothing", async () => {
    const ghosts = Array.from({ length: 150 }, (_, i) => `_ipp._tcp PTR g${i}._ipp._tcp.paris\n`);
    const long = serving(APEX + SERVICES + ghosts.join(""));
    const isList = (name: Name, type: number) => type === Type.PTR && name.labels.length === 4;
    const refusing: Answering = (name, type, manner) =>
      isList(name, type) ? { rcode: Rcode.SERVFAIL } : long(name, type, manner);
    const [, refused] = await examined(refusing, { server: long });
    assert.equal(refused!.fact, "answers SERVFAIL to _ipp._tcp.z.example., which has 151");
    assert.match(refused!.remedy!.join("\n"), /max-records-per-type 0;.*max-rrset-size/s);
    const cutting: Answering = (name, type, manner) =>
      isList(name, type) && manner.isPlain ? { isTruncated: true } : long(name, type, manner);
    const [, cut] = await examined(cutting, { server: long });
    assert.match(
      cut!.fact,
      /^sends nothing of _ipp\._tcp\.z\.example\., which has 151, to clients that ask/,
    );
    assert.equal(cut!.verdict, "odd");
  });

  test("that has an address for every name is detected", async () => {
    const [, invented] = await examined(
      except((name, type) => {
        const answers = recordsOf({ name, type, ttl: 1, rdatas: [rdata.a("203.0.113.1")] });
        return type === Type.A && zone(name, type, {}) ? { answers } : undefined;
      }),
    );
    assert.match(`${invented?.fact}`, /^has an address for no-such-host\S*, which does not exist$/);
  });

  test("that denies for longer than the zone does is told to keep nothing so long", async () => {
    const soa = (ttl: number) => {
      const [set] = parseMasterFile(`@ ${ttl} SOA ns h 7 1 1 1 10\n@ 1 NS ns`, { origin: ZONE });
      return recordsOf(set!);
    };
    const denying = (ttl: number, isDenied: (name: Name, type: number) => boolean) =>
      except((name, type) =>
        isDenied(name, type) ? { rcode: Rcode.NXDOMAIN, authorities: soa(ttl) } : undefined,
      );
    const isAbsent = (name: Name) => `${name}`.startsWith("no-such-host");
    assert.deepEqual(texts(await examined(denying(10, isAbsent))), ["ok: finds z.example."]);
    const lasting = "odd: denies names for 600 s, and the zone for 10 s: what has come is missed";
    const [, kept, ...more] = await examined(denying(600, isAbsent));
    assert.deepEqual([texts([kept!]), more], [[lasting], []]);
    assert.match(kept!.remedy!.join("\n"), /min-ncache-ttl 0;.*cache-min-ttl: 0.*min-cache-ttl=0/s);
    const isOld = (name: Name, type: number) => isAbsent(name) || type === Type.A;
    const findings = await examined(denying(600, isOld));
    assert.deepEqual(texts(findings).slice(1), [
      "broken: answers NXDOMAIN to printer.paris.z.example. A, and may for 600 s more",
      lasting,
    ]);
  });

  test("is not blamed for services that have gone meanwhile", async () => {
    let isGone = false;
    const server: Answering = (name, type, manner) =>
      isGone && name.labels.length > 3 ? NOTHING : zone(name, type, manner);
    const resolver: Answering = (name, type, manner) => {
      isGone = true;
      return server(name, type, manner);
    };
    assert.deepEqual(texts(await examined(resolver, { server })), ["ok: finds z.example."]);
  });
});

suite("the server here", () => {
  const examined = async (said: Answering, fields: Partial<Listening> = {}) => {
    const listen = { dns: [RESOLVER], tls: [], https: [], push: undefined, credentials: undefined };
    const ask = asking(new Map([[RESOLVER, said]]));
    const options = { ask, zone: ZONE, refusal, clock: new FakeClock() };
    return texts(await examineListening({ ...options, listen: { ...listen, ...fields } }));
  };

  test("is broken unless it answers with authority, by UDP and by TCP", async () => {
    const zone = serving(APEX);
    assert.deepEqual(await examined(zone), ["ok: serves z.example. by UDP and TCP"]);
    const [deaf] = await examined((name, type, { transport }) =>
      transport === "tcp" ? new ExchangeError(RESOLVER, "ECONNREFUSED") : zone(name, type, {}),
    );
    assert.match(deaf!, /^broken: by TCP: nothing is listening there; is the gateway running/);
    const [other] = await examined(() => ({ rcode: Rcode.REFUSED }));
    assert.match(
      other!,
      /^broken: by UDP it answers REFUSED to z\.example\.; is another server, or/,
    );
    const [cache] = await examined((...question) => ({
      ...zone(...question),
      isAuthoritative: false,
    }));
    assert.match(
      cache!,
      /^broken: by UDP its answer is not authoritative for z\.example\.; another/,
    );
  });

  test("is odd if it would listen for IPv6 on a host without it", async () => {
    const everywhere = { address: "::", port: 53 };
    const itself = { address: "::1", port: 53 };
    const listen = {
      dns: [everywhere],
      tls: [],
      https: [],
      push: undefined,
      credentials: undefined,
    };
    const examined = async (code: string) => {
      const ask = asking(new Map([[itself, () => new ExchangeError(itself, code)]]));
      const options = { ask, listen, zone: ZONE, refusal, clock: new FakeClock() };
      return texts(await examineListening(options));
    };
    assert.deepEqual(await examined("EADDRNOTAVAIL"), [
      "odd: this host has no IPv6, so nobody can ask it there",
    ]);
    assert.match((await examined("ECONNREFUSED"))[0]!, /^broken: by UDP: nothing is listening/);
  });

  test("is odd if it listens on loopback alone", async () => {
    const [, alone] = await examined(serving(APEX), { dns: [{ address: "127.0.0.1", port: 53 }] });
    assert.match(alone!, /^odd: it listens on loopback only/);
  });

  test("is odd if its certificate expires in a few days, and broken if it has expired", async () => {
    const clock = new FakeClock();
    const shown = async (days: number) => {
      const expires = clock.wall() + days * 86_400_000;
      const read = { certificate: "", privateKey: "", expires };
      const credentials = { paths: { certificate: "", privateKey: "" }, read };
      const listen = { dns: [SERVER], tls: [SERVER], https: [], push: undefined, credentials };
      const ask = asking(new Map([[SERVER, serving(APEX)]]));
      const [, finding] = await examineListening({ ask, listen, zone: ZONE, refusal, clock });
      return `${finding!.verdict} ${finding!.place}: ${finding!.fact}`;
    };
    assert.match(await shown(30), /^ok TLS: the certificate expires 2025-01-31T/);
    assert.match(await shown(3), /^odd TLS: the certificate expires 2025-01-04T/);
    assert.match(await shown(-1), /^broken TLS: the certificate has expired, 2024-12-31T/);
  });
});

suite("a gateway that refuses this host", () => {
  const HERE = "10.1.0.1";
  const endpoint = { address: HERE, port: 53 };
  const LISTEN = `listen: { dns: ["${HERE}:53"] }`;
  const refusalBy = (text: string) =>
    refusals({
      config: parseConfig(`zone: z.example\n${text}`, "gateway.yaml", "/"),
      networks: { isOwn: (address) => address === HERE, isAttached: () => true },
      sourceAddress: async () => HERE,
    });
  const refused = (code: number) => () => ({
    rcode: Rcode.REFUSED,
    edns: withOption(undefined, extendedError(code)),
  });
  const examined = async (text: string, code: number = ExtendedError.PROHIBITED) => {
    const by = refusalBy(text);
    const ask = asking(new Map([[endpoint, refused(code)]]));
    const options = { ...AT, ask, refusal: by, clock: new FakeClock() };
    const listen = { dns: [endpoint], tls: [], https: [], push: undefined, credentials: undefined };
    const [server] = await examineListening({ ...options, listen });
    const { findings, sample } = await examineZone({ ...options, server: endpoint });
    const notify = [{ server: { host: HERE, port: 53 }, key: undefined }];
    const resolve: Resolve = async () => undefined;
    const others = await examineNameservers({ ...options, server: endpoint, notify, resolve });
    assert.equal(sample, undefined);
    return texts([server!, ...findings, ...others]);
  };
  const of = (reason: string) =>
    `refuses this host by the address it asks from, 10.1.0.1: ${reason}; clients elsewhere may be fine`;

  test("is odd, and the finding names the address and the field", async () => {
    const notNamed = of("query.allow does not name it");
    assert.deepEqual(await examined(`${LISTEN}\nquery: { allow: [10.2.0.0/16] }`), [
      `odd: ${notNamed}`,
      `odd: ${notNamed}`,
      `odd: at 10.1.0.1:53: ${notNamed}`,
    ]);
    const [unseen] = await examined(`${LISTEN}\nviews: [{ networks: [10.2.0.0/16] }]`);
    assert.equal(unseen, `odd: ${of("no view includes it (views)")}`);
  });

  test("is broken if its configuration would answer, or if it is another server", async () => {
    const NARROW = "query: { allow: [10.2.0.0/16] }";
    for (const [text, code] of [
      [LISTEN],
      [`${LISTEN}\nquery: { allow: [${HERE}] }`],
      [`${LISTEN}\nviews: [{ networks: [10.2.0.0/16] }, { networks: [any] }]`],
      [`${LISTEN}\n${NARROW}\ntransfer: { allow: [10.1.0.0/16] }`],
      [`${LISTEN}\n${NARROW}`, ExtendedError.NOT_AUTHORITATIVE],
      [`listen: { dns: ["${HERE}:5300"] }\n${NARROW}`],
      [`publish: { server: "${HERE}:53" }\n${NARROW}`],
    ] as const) {
      for (const said of await examined(text, code)) assert.match(said, /^broken: .*REFUSED/);
    }
    const elsewhere = { address: "10.1.0.2", port: 53 };
    const answer = makeMessage(refused(ExtendedError.PROHIBITED)());
    assert.equal(await refusalBy(`${LISTEN}\n${NARROW}`)(answer, elsewhere), undefined);
  });
});

suite("other servers of the zone", () => {
  const examined = async (other: Answering, own: Answering | string = APEX) => {
    const ours = typeof own === "string" ? serving(own) : own;
    const clock = new FakeClock();
    const addresses: Resolve = async (name, type) =>
      makeMessage({
        answers:
          type === Type.A && name.toString() === "ns.example."
            ? recordsOf({ name, type, ttl: 1, rdatas: [rdata.a("192.0.2.53")] })
            : [],
      });
    const ask: Ask = async (server, ...question) =>
      asking(new Map([[server, server.address === "192.0.2.53" ? other : ours]]))(
        server,
        ...question,
      );
    const notify = [{ server: { host: "192.0.2.53", port: 53 }, key: undefined }];
    const resolve = addresses;
    const options = { ask, server: SERVER, zone: ZONE, notify, refusal, resolve, clock };
    const findings = examineNameservers(options);
    await clock.elapse(10_000);
    return texts(await findings);
  };

  test("are ok with the same serial, or one that has just come", async () => {
    const found = "ok: at 192.0.2.53:53: has z.example., serial 7";
    assert.deepEqual(await examined(serving(APEX)), [found, found]);
    let serial = 7;
    const busy: Answering = (...question) =>
      serving(APEX.replace(" 7 ", ` ${question[1] === Type.SOA ? serial++ : serial} `))(
        ...question,
      );
    const later = await examined(busy, busy);
    assert.deepEqual(
      later.map((each) => each.replace(/\d+$/, "")),
      Array(2).fill(found.replace(/\d+$/, "")),
    );
  });

  test("are odd with a serial that the zone has not reached: they take nothing older", async () => {
    const [ahead] = await examined(serving(APEX.replace(" 7 ", " 8 ")));
    assert.equal(
      ahead,
      "odd: at 192.0.2.53:53: is ahead with z.example.: its serial is 8, the current one 7",
    );
  });

  test("have a few seconds to catch up, and no more", async () => {
    const behind = await examined(serving(APEX.replace(" 7 ", " 6 ")));
    assert.match(
      behind[0]!,
      /^odd: at 192\.0\.2\.53:53: is behind .*: its serial is 6, the current one 7$/,
    );
    let asked = 0;
    const catching = await examined((...question) =>
      serving(APEX.replace(" 7 ", asked++ < 4 ? " 6 " : " 7 "))(...question),
    );
    assert.match(catching.join(), /^ok: .*,ok: /);
  });

  test("are broken if they do not answer with authority, and odd if they cannot be reached", async () => {
    const [silent] = await examined(() => new ExchangeError(RESOLVER, "timeout"));
    assert.equal(silent, "broken: at 192.0.2.53:53: no answer in time to z.example.");
    const [refusing] = await examined(() => ({ rcode: Rcode.REFUSED }));
    assert.equal(refusing, "broken: at 192.0.2.53:53: it answers REFUSED to z.example.");
    for (const code of ["ENETUNREACH", "EADDRNOTAVAIL"]) {
      const [distant] = await examined(() => new ExchangeError(RESOLVER, code));
      assert.match(
        distant!,
        /^odd: at 192\.0\.2\.53:53: cannot be asked from here: (no route to|this host has) /,
      );
    }
    const [cache] = await examined((...question) => ({
      ...serving(APEX)(...question),
      isAuthoritative: false,
    }));
    assert.match(cache!, /^broken: .* its answer is not authoritative for z\.example\.$/);
  });

  test("need names that resolve, and that others can find", async () => {
    const [lost] = await examined(serving(APEX), APEX.replace("ns.example.", "ns1.example."));
    assert.equal(lost, "broken: this host's resolver finds no address for it");
    const [nobody] = await examined(serving(APEX), APEX.replace("ns.example.", "localhost."));
    assert.match(nobody!, /^odd: the zone names no server that others could find/);
  });
});

suite("the names of this server", () => {
  test("lead to it, or the finding says where they lead", async () => {
    const resolve: Resolve = async (name, type) => {
      const address = {
        "here.example.": "10.1.0.5",
        "there.example.": "10.1.0.6",
        "self.example.": "127.0.1.1",
      }[`${name}`];
      const known = type === Type.A && address !== undefined;
      const set = { name, type, ttl: 1, rdatas: known ? [rdata.a(address)] : [] };
      return makeMessage({ answers: known ? recordsOf(set) : [] });
    };
    const said = async (push: string, server: string) => {
      const config = {
        listen: { dns: [], tls: [], https: [], credentials: undefined, push: Name.parse(push) },
        registrar: { site: "devices", networks: [], udp: false, server: Name.parse(server) },
      };
      const isOwn = (address: string) => ["10.1.0.5", "127.0.1.1"].includes(address);
      return (await examineNames({ config, isOwn, resolve })).map(
        ({ verdict, place, fact }) => `${verdict} ${place}: ${fact}`,
      );
    };
    assert.deepEqual(await said("here.example.", "there.example."), [
      "ok listen.push here.example.: leads here, to 10.1.0.5",
      "odd registrar.server there.example.: leads to 10.1.0.6, none of which this host has; devices register here and nowhere else",
    ]);
    // As a resolver answers that reads /etc/hosts.
    assert.deepEqual(await said("self.example.", "here.example."), [
      "odd listen.push self.example.: leads to 127.0.1.1, loopback only; what other hosts are told is not known here",
      "ok registrar.server here.example.: leads here, to 10.1.0.5",
    ]);
    const [lost] = await said("nowhere.example.", "here.example.");
    assert.match(
      lost!,
      /^broken listen\.push nowhere\.example\.: this host's resolver finds no address/,
    );
    const config = { listen: undefined, registrar: undefined };
    assert.deepEqual(await examineNames({ config, isOwn: () => false, resolve }), []);
  });
});

suite("clients", () => {
  const told = (...names: string[]): Resolve => {
    return async (name, type) => {
      const answers = names.includes(`${name}`)
        ? recordsOf({ name, type, ttl: 1, rdatas: [rdata.ptr(ZONE)] })
        : [];
      return makeMessage({ answers });
    };
  };
  const examined = (resolve: Resolve, searchDomains = [Name.parse("office.example.")]) =>
    examineClients({
      ...{ zone: ZONE, searchDomains, resolve, reverse: [Name.parse("10.in-addr.arpa.")] },
      subnets: subnetsOf([
        { family: 4, address: "10.1.2.3", prefix: 16 },
        { family: 4, address: "192.0.2.3", prefix: 24 },
      ]),
    });

  test("are told where to browse by a search domain, or by their address", async () => {
    const found = await examined(
      told("lb._dns-sd._udp.office.example.", "b._dns-sd._udp.0.0.1.10.in-addr.arpa."),
    );
    assert.deepEqual(texts(found), [
      "ok: a search domain of this host, office.example., says to browse z.example.",
      "ok: clients without a search domain find z.example. through it",
    ]);
    assert.equal(found[1]!.place, "subnet 10.1.0.0/16");
  });

  test("need one of the two if they have neither", async () => {
    const [search, subnet] = await examined(told());
    assert.match(search!.fact, /^no search domain of this host \(office\.example\.\) says/);
    assert.deepEqual(search!.remedy!.slice(-2), [
      "  b._dns-sd._udp.office.example. PTR z.example.",
      "  lb._dns-sd._udp.office.example. PTR z.example.",
    ]);
    assert.match(search!.remedy!.join("\n"), /"domain-search", "data": "z\.example"/);
    assert.match(subnet!.fact, /^nothing is found at lb\._dns-sd\._udp\.0\.0\.1\.10\.in-addr/);
    const [none] = await examined(async () => undefined, []);
    assert.match(none!.fact, /\(none\)/);
  });

  test("are not told to take the search domain that they have", async () => {
    for (const resolve of [told(), async () => undefined]) {
      const [search] = await examined(resolve, [Name.parse("office.example."), ZONE]);
      assert.deepEqual(search, {
        verdict: "odd",
        place: "clients",
        fact: "z.example. is a search domain of this host, but its resolvers find nothing there that says to browse it",
      });
    }
  });
});

suite("links", () => {
  const examined = async (
    open: (lan: Lan) => readonly LanHost[],
    concerns: readonly { readonly fact: string; readonly subnet?: string }[] = [],
  ) => {
    const clock = new FakeClock();
    const lan = new Lan(clock);
    const findings = examineLinks({
      links: undefined,
      watch: (warn) => ({
        follow(use, signal) {
          for (const { fact, ...fields } of concerns) warn(fields, fact);
          for (const host of open(lan)) use(host, signal);
        },
      }),
      clock,
    });
    await clock.elapse(5_000);
    return (await findings).map((each) => `${each.verdict} ${each.place}: ${each.fact}`);
  };

  test("are asked, and the hosts that speak there are counted", async () => {
    const found = await examined((lan) => {
      for (const address of ["10.1.0.10", "10.1.0.11"]) {
        const device = lan.host("eth0", address);
        device.listen(({ source }) => {
          if (source === "10.1.0.1") device.send(Buffer.from("whatever it is"));
        }, NEVER);
      }
      return [lan.host("eth0", "10.1.0.1")];
    });
    assert.deepEqual(found, ["ok link eth0: 10.1.0.1/24; 2 hosts speak multicast DNS"]);
  });

  test("are asked twice: a host that has just seen its answer in a question is silent", async () => {
    const found = await examined((lan) => {
      const device = lan.host("eth0", "10.1.0.10");
      let questions = 0;
      device.listen(() => {
        if (++questions === 2) device.send(Buffer.from("whatever it is"));
      }, NEVER);
      const link = lan.host("eth0", "10.1.0.1");
      // Its sockets are not open at once.
      link.isUp = false;
      lan.clock.at(lan.clock.now() + 50, () => {
        link.isUp = true;
      });
      return [link];
    });
    assert.deepEqual(found, ["ok link eth0: 10.1.0.1/24; 1 host speaks multicast DNS"]);
  });

  test("where nobody speaks are odd, and it is broken to have none", async () => {
    const silent = await examined((lan) => [lan.host("eth0", "10.1.0.1")]);
    assert.deepEqual(silent, ["odd link eth0: 10.1.0.1/24; nobody else speaks multicast DNS"]);
    assert.deepEqual(await examined(() => []), ["broken links: no interface can multicast"]);
    const fact = "interface eth9 does not exist, is down or has no address";
    assert.deepEqual(await examined(() => [], [{ fact }]), [`broken links: ${fact}`]);
  });

  test("in one subnet are odd: they may be in one network, as cable and Wi-Fi are", async () => {
    const fact = "interfaces eth0 and wlan0 share a subnet";
    const found = await examined(() => [], [{ fact, subnet: "10.1.0.0/24" }]);
    assert.deepEqual(found, [`odd links: ${fact}`]);
  });
});

test("a finding on publishing names the server, even where it cannot be reached", async () => {
  const { keys, publish } = parseConfig('publish: { server: "127.0.0.1:1" }', "gateway.yaml", "/");
  const resolve = async () => undefined;
  const options = { keys, publish: publish!, sites: [], resolve, clock: systemClock };
  const { finding } = await examinePublishing(ZONE, options);
  assert.deepEqual(
    [finding.place, finding.fact],
    ["publish 127.0.0.1:1", "z.example.: nothing is listening there"],
  );
});

test("a key that may not write beneath a link's site is broken, and nothing is changed", async (t) => {
  const secret = Buffer.from("what both sides know").toString("base64");
  const folder = temporaryFolder();
  const endpoint: Endpoint = { address: "127.0.0.1", port: await freePort() };
  const address = formatEndpoint(endpoint);
  const write = (name: string, config: object) => {
    writeFileSync(join(folder, name), JSON.stringify({ zone: "z.example", ...config }));
    return join(folder, name);
  };
  const known = { keys: { paris: { secret, site: "paris" } } };
  const file = write("ns.yaml", { ...known, links: [], listen: { dns: [address] } });
  const server = new Running([process.execPath, MAIN, "run", "--config", file]);
  t.after(() => server.stop());
  await server.line(STARTED);
  const doctor = async (site: string) => {
    const links = [{ interface: "none0", site }];
    const publish = { server: address, key: "paris" };
    const collector = write("c.yaml", { links, publish, keys: { paris: { secret } } });
    const command = ["doctor", "--config", collector, "--resolver", address];
    return `${(await run([process.execPath, MAIN, ...command])).stdout}`;
  };
  const right = await doctor("paris");
  const place = `publish ${address}`;
  const signed = "signed by the key paris";
  assert.match(
    right,
    new RegExp(`^ok {6}${place}: takes updates of z\\.example\\., ${signed}$`, "m"),
  );
  const wrong = await doctor("lyon");
  const refused = `^broken {2}${place}: answers REFUSED to an update of lyon\\.z\\.example\\., ${signed}\n +`;
  assert.match(wrong, new RegExp(`${refused}The key may not write beneath this site`, "m"));
  const serialIn = (text: string) => /serial \d+/.exec(text)?.[0];
  assert.equal(serialIn(wrong), serialIn(right), "nothing was changed");
});

test("a finding prints no terminal controls that strangers have sent", () => {
  const fact = "an answer with \u001b[31m in it";
  const text = formatFinding({ verdict: "odd", place: "zone", fact, remedy: ["a\u0007b"] });
  assert.equal(text, "odd     zone: an answer with \\u001b[31m in it\n        a\\u0007b\n");
});

test("doctor examines a server given at the command line, and reports a wrong address", async () => {
  const doctor = (...words: string[]) => run([process.execPath, MAIN, "doctor", ...words]);
  await using server = await Serving.start({ zone: "z.example.", readers: {} });
  const address = `127.0.0.1:${server.endpoint.port}`;
  const where = ["--domain", "z.example", "--server", address, "--resolver", address];
  const { status, stdout } = await doctor(...where);
  assert.match(`${stdout}`, /^odd {5}zone z\.example\.: serial \d+; it lists no services$/m);
  assert.match(`${stdout}`, new RegExp(`^ok {6}resolver ${address}: finds z\\.example\\.$`, "m"));
  assert.match(`${stdout}`, /\n\d+ ok, \d+ odd, 0 broken\n$/);
  assert.equal(status, 0);
  const gone = await doctor("--domain", "y.example", "--server", address);
  assert.deepEqual(
    [gone.status, `${gone.stdout}`.split("\n")[0]],
    [
      1,
      `broken  zone y.example.: ${address} answers REFUSED (extended error 20); expected the zone's own server`,
    ],
  );
  const config = join(temporaryFolder(), "gateway.yaml");
  writeFileSync(config, `zone: z.example\nlisten: { dns: ["127.0.0.1:1"] }\n`);
  const isTold = async (...words: string[]) => {
    const { stdout } = await doctor(...words, "--resolver", address);
    assert.match(`${stdout}`, /^broken {2}zone z\.example\.: .*; expected the zone's own server$/m);
    return /--server ADDRESS --domain ZONE/.test(`${stdout}`);
  };
  assert.ok(await isTold("--domain", "z.example"));
  assert.ok(!(await isTold("--domain", "z.example", "--server", "127.0.0.1:1")));
  assert.ok(!(await isTold("--config", config, "--domain", "z.example")));
  const wrong = await doctor("--resolver", "ns1");
  assert.deepEqual([wrong.status, `${wrong.stdout}`], [1, ""]);
  assert.match(wrong.stderr, /^--resolver: "ns1" is not an address; expected 192\.0\.2\.1, /);
});

const NEVER = new AbortController().signal;
