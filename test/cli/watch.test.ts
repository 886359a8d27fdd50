/** `browse --watch` as a command, with a gateway that pushes changes, goes away and comes back. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { Name } from "../../src/dns/name.ts";
import { recordsOf } from "../../src/dns/record.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { makeCertificate } from "../support/certificate.ts";
import { MAIN } from "../support/gateway.ts";
import { Running } from "../support/process.ts";
import { Serving } from "../support/serving.ts";
import { skipWithout } from "../support/tool.ts";
import { waitFor } from "../support/wait.ts";

const ZONE = "z.example.";
const PUSH = "ns.z.example";
/** Red, and text turned round. */
const BAD = "\\027[31m\\226\\128\\174";

/** With TTL 0, so that a client that asks again does so soon. */
function device(label: string, number: number): string {
  return `
_ipp._tcp 0 PTR ${label}._ipp._tcp.paris
${label}._ipp._tcp.paris 0 SRV 0 0 631 ${label}.paris
${label}._ipp._tcp.paris 0 TXT "rp=${label}"
${label}.paris 0 A 10.1.0.${number}
`;
}

function listed(label: string, number: number, sign = "") {
  const title = `${label}  (paris.${ZONE})`;
  return [
    sign === "" ? title : `12:03:11  ${sign} ${title}`,
    ...[`${label}.paris.${ZONE}:631`, `10.1.0.${number}`, `rp=${label}`].map(
      (each) => `    ${each}`,
    ),
  ];
}

suite("browse --watch", { skip: skipWithout("openssl") }, () => {
  test("prints what comes, pushed or asked for, across a restart, until it is ended", async (t) => {
    const certificate = makeCertificate(PUSH);
    await using server = await Serving.start({
      ...{ zone: ZONE, readers: {}, certificate, push: PUSH },
    });
    const add = async (text: string) => {
      const origin = Name.parse(ZONE);
      const sets = parseMasterFile(text, { origin, isPartial: true });
      await server.update(sets.flatMap(recordsOf));
    };
    const types = "_services._dns-sd._udp 0 PTR _ipp._tcp\n";
    await add(`${types}ns 10 A 127.0.0.1\n${device("a1", 1)}${device(BAD, 9)}`);
    const where = ["--domain", ZONE, "--server", `127.0.0.1:${server.endpoint.port}`];
    const command = [process.execPath, MAIN, "browse", "--watch", ...where];
    const trusting = { env: { NODE_EXTRA_CA_CERTS: certificate.paths.certificate } };
    const pushed = new Running([...command, "_ipp._tcp"], trusting);
    const asking = new Running([...command, "_ipp._tcp"]);
    const counting = new Running(command, trusting);
    t.after(() => {
      for (const watcher of [pushed, asking, counting]) watcher.kill();
    });
    const bad = listed("\\027[31m\\226\\128\\174", 9);
    const linesOf = ({ lines }: Running) =>
      lines.map((line) => line.replace(/^\d\d:\d\d:\d\d /, "12:03:11 "));
    const shows = async (watcher: Running, expected: readonly string[]) => {
      await waitFor(`${expected.at(-1)} from ${watcher.command}`, () => {
        if (!watcher.isRunning) throw new Error(`it has ended: ${watcher.stderr}`);
        return watcher.lines.length >= expected.length;
      });
      assert.deepEqual(linesOf(watcher), expected);
    };
    const says = (watcher: Running, what: RegExp) =>
      waitFor(`${what}`, () => watcher.errorLines.find((line) => what.test(line)));

    const ends = async (watcher: Running) => {
      assert.equal(await watcher.stop("SIGINT"), 0);
      assert.doesNotMatch(`${watcher.lines}${watcher.stderr}`, /[^\P{C}\n]|[\u2028-\u202e]/u);
    };

    const list = [...listed("a1", 1), ...bad];
    await shows(pushed, list);
    await shows(asking, list);
    await shows(counting, ["     2  _ipp._tcp"]);
    const isPushed = /^changes are pushed by ns\.z\.example\. \(127\.0\.0\.1:\d+\)$/;
    await Promise.all([pushed, counting].map((each) => says(each, isPushed)));
    await says(
      asking,
      /^asking again as answers expire: ns\.z\.example\. .*NODE_EXTRA_CA_CERTS\?$/,
    );

    await add(device("b2", 2));
    list.push(...listed("b2", 2, "+"));
    await shows(pushed, list);
    const counts = ["     2  _ipp._tcp", "12:03:11  ~      3  _ipp._tcp"];
    await shows(counting, counts);
    await add(device("c3", 3));
    list.push(...listed("c3", 3, "+"));
    await shows(pushed, list);
    counts.push("12:03:11  ~      4  _ipp._tcp");
    await shows(counting, counts);
    // Together or one after the other, but in this order.
    await shows(asking, list);
    await ends(asking);

    await server.stop("SIGKILL");
    const file = `ns 10 A 127.0.0.1\n${device("d4", 4)}`;
    writeFileSync(join(server.folder, "zones", "z.example.zone"), `$ORIGIN ${ZONE}\n${file}`);
    await server.start();
    list.push(...listed("d4", 4, "+"));
    await shows(pushed, list);
    await shows(counting, [...counts, "12:03:11  ~      5  _ipp._tcp"]);
    const twice = () => pushed.errorLines.filter((line) => isPushed.test(line)).length > 1;
    await waitFor("changes to be pushed again", twice);

    await ends(pushed);
    // The reader goes away.
    await new Promise((resolve) => counting.child.stdout!.once("close", resolve).destroy());
    await add(device("e5", 5));
    assert.equal(await counting.ended, 0);
  });
});

test("browse --watch ends when it is stopped, even if its reader stands still", async (t) => {
  await using server = await Serving.start({ zone: ZONE, readers: {} });
  const text = Array.from({ length: 4 }, (_, i) => `"key${i}=${"x".repeat(240)}"`).join(" ");
  // More than pipes hold.
  const devices = Array.from({ length: 400 }, (_, i) =>
    device(`d${i}`, i % 250).replace(/"rp=.*"/, text),
  );
  const origin = Name.parse(ZONE);
  const sets = parseMasterFile(devices.join(""), { origin, isPartial: true });
  for (let i = 0; i < sets.length; i += 40) {
    await server.update(sets.slice(i, i + 40).flatMap(recordsOf));
  }
  const where = ["--domain", ZONE, "--server", `127.0.0.1:${server.endpoint.port}`];
  const watcher = new Running([process.execPath, MAIN, "browse", "--watch", ...where, "_ipp._tcp"]);
  t.after(() => watcher.kill());
  watcher.child.stdout!.pause();
  await waitFor("the list to be printed", () => watcher.stderr.includes("asking again"));
  const { child } = watcher;
  const exits = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGINT");
  assert.equal(await exits, 0);
  await watcher.ended;
  const { length } = Buffer.concat(watcher.stdout);
  assert.ok(length < devices.length * text.length, `${length} octets are less than the list`);
});
