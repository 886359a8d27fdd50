import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { project } from "../../src/collector/projection/project.ts";
import { Site } from "../../src/collector/projection/site.ts";
import { Irregularities } from "../../src/collector/report/irregularities.ts";
import { FakeClock } from "../support/clock.ts";
import { cacheOf, OPEN, service, ZONE } from "./fixture.ts";

/** What is logged as a site publishes one state after another. */
function watch() {
  const clock = new FakeClock();
  const said: string[] = [];
  const note = (level: string) => (fields: object, fact: string) =>
    void said.push(`${level} ${JSON.stringify(fields)} ${fact}`);
  const log = {
    debug: note("debug"),
    info: note("info"),
    warn: note("warn"),
    error: note("error"),
  };
  const irregularities = new Irregularities(clock, log);
  return {
    clock,
    /** The new lines. */
    publish(...services: readonly string[]): string[] {
      const site = new Site(ZONE.child("paris")!, OPEN);
      site.caches.add(cacheOf(services.join("\n")));
      irregularities.update(project([site], ZONE, 5000));
      return said.splice(0);
    },
  };
}

const textOf = (octets: number) =>
  Array.from({ length: Math.ceil(octets / 100) }, (_, i) => {
    return `"${"x".repeat(Math.min(100, octets - 100 * i) - 1)}"`;
  }).join(" ");
const large = (instance: string, octets: number) =>
  service(instance, "_ipp._tcp", "h", "10.0.0.1").replace('"txtvers=1"', textOf(octets));

suite("irregularities", () => {
  test("SD-13: a TXT record over 1300 octets is reported once while it exists", () => {
    const { publish, clock } = watch();
    assert.deepEqual(publish(large("A", 1300)), []);
    const line =
      'warn {"service":"\\\\194\\\\15531mRed._ipp._tcp.paris.z.example.","octets":1301}' +
      " its TXT record is too large for a packet of 1500 octets";
    const red = large("\u009b31mRed", 1301);
    assert.deepEqual(publish(red), [line]);
    assert.deepEqual(publish(red), []);
    publish();
    assert.deepEqual(publish(red), []);
    clock.advance(60_000);
    assert.deepEqual(publish(red), [line]);
    clock.advance(60_000);
    const second = `${large("Two", 10)}\n!Two._ipp._tcp 4500 TXT ${textOf(1302)}`;
    assert.match(publish(second)[0]!, /"octets":1302/, "the largest of several");
  });

  test("SD-13: there are few lines a minute, however many services are odd, and none is forgotten", () => {
    const { publish, clock } = watch();
    const many = Array.from({ length: 50 }, (_, i) => large(`p${i}`, 2000));
    const lines = publish(...many);
    assert.equal(lines.length, 21);
    assert.equal(lines[20], 'warn {"count":30} more irregularities were found');
    const late = large("late", 2000);
    assert.deepEqual(publish(...many, late), []);
    clock.advance(60_000);
    assert.equal(publish(...many, late).length, 1);
  });

  test("a type with more instances than BIND takes is reported, whatever their sites", () => {
    const { publish } = watch();
    const cameras = Array.from({ length: 101 }, (_, i) =>
      service(`c${i}`, i % 2 ? "_rtsp._tcp" : "_RTSP._tcp", "h", "10.0.0.1"),
    );
    assert.deepEqual(publish(...cameras.slice(1)), []);
    const line =
      'warn {"type":"_rtsp._tcp","instances":101}' +
      " a type has more instances than BIND accepts in a set (max-records-per-type)";
    assert.deepEqual(publish(...cameras), [line]);
    assert.deepEqual(publish(...cameras), []);
  });

  test("SD-07: types that are not service names are reported, each once", () => {
    const { publish } = watch();
    const types = ["_one-of-16-octets", "_nvstream_dbd", "_123", "_a--b", "_-a", "_a-"];
    const odd = types.flatMap((type) =>
      ["a", "b"].map((name) => service(name, `${type}._tcp`, "h", "10.0.0.1")),
    );
    const fine = ["_ipp", "_HTTP", "_3d-printer", "_spotify-connect"].map((type) =>
      service("a", `${type}._tcp`, "h", "10.0.0.1"),
    );
    const lines = publish(...odd, ...fine);
    assert.deepEqual(
      lines.map((line) => JSON.parse(/\{.*\}/.exec(line)![0]).type),
      types,
    );
    for (const line of lines) assert.match(line, /^info .* its type is not a valid service name$/);
  });
});
