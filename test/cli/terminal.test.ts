/** Text of a device or a file does not control the terminal that shows it (ECMA-48 §5). */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { Name } from "../../src/dns/name.ts";
import { recordsOf } from "../../src/dns/record.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";
import { MAIN, temporaryFolder } from "../support/gateway.ts";
import { run } from "../support/process.ts";
import { Serving } from "../support/serving.ts";
import { skipWithout } from "../support/tool.ts";

const ZONE = "bonjour.example";
const ESC = "\u001b";
/** Red, a title for the window (BEL ends it), red by a C1 control, text turned round. */
const BAD = ["\\027[31m", "\\027]0\\;x\\007", "\\194\\155[31m", "\\226\\128\\174"].join("");
const HTML = "\\<img\\032src=x\\032onerror=alert\\(1\\)\\>";
const SERVICES = [BAD, HTML, "back\\\\027[31m"]
  .map(
    (label) => `_http._tcp PTR ${label}._http._tcp.paris
${label}._http._tcp.paris SRV 0 0 80 ${label}.paris
${label}._http._tcp.paris TXT "note=${label.replace("\\;", ";")}" "\\027[2J=1"
${label}.paris A 10.1.0.10
`,
  )
  .join("");

const cli = (...parameters: readonly string[]) => run([process.execPath, MAIN, ...parameters]);

/** No character that controls a terminal, but for line ends and the tabs of master files. */
function expectPlain(text: string): void {
  assert.doesNotMatch(text, /[^\P{C}\n\t]|[\u2028-\u202e\u2066-\u2069]/u);
}

suite("SEC-19: terminal escapes and HTML", { skip: skipWithout("dig") }, () => {
  test("SEC-19: in names and TXT records are printed as text by browse and zone", async () => {
    await using server = await Serving.start({ zone: `${ZONE}.`, readers: {} });
    const sets = parseMasterFile(
      `$TTL 10\n@ SOA ns h 1 1 1 1 1\n@ NS ns\n${SERVICES}_services._dns-sd._udp PTR _http._tcp\n_services._dns-sd._udp PTR _${BAD}._tcp\n`,
      { origin: Name.parse(`${ZONE}.`) },
    );
    await server.update(sets.filter(({ name }) => name.labels.length > 2).flatMap(recordsOf));
    const where = [...["--domain", ZONE], ...["--server", `127.0.0.1:${server.endpoint.port}`]];
    const commands = [["browse"], ["browse", "_http._tcp"], ["zone"]];
    for (const command of commands) {
      const { stdout, stderr, status } = await cli(...command, ...where);
      assert.deepEqual([status, stderr], [0, ""]);
      expectPlain(`${stdout}`);
      if (command.length > 1) {
        assert.match(`${stdout}`, /^<img src=x onerror=alert\(1\)> {2}\(paris/m);
        assert.match(`${stdout}`, /\\027\[31m\\027\]0;x\\007/);
      }
    }
  });

  test("SEC-19: in files are printed as text by check, run and browse", async () => {
    const folder = temporaryFolder();
    const write = (file: string, text: string) => {
      writeFileSync(join(folder, file), text);
      return join(folder, file);
    };
    const soa = "@ 60 SOA ns h 1 1 1 1 1\n@ 60 NS ns\n";
    const bad = `${ESC}[31m${ESC}]0;x\u0007\u009b31m\u202e`;
    const files = [
      write("a.zone", `${soa}x 60 ${bad} y\n`),
      write("b.zone", `${soa}x 60 A ${bad}\n`),
      write("c.zone", `${soa}x 60 SRV 0 0 80 "${bad}\n`),
      write("d.zone", `$${bad} x\n`),
      write("e.zone", `$INCLUDE ${bad}\n`),
      write("f.yaml", `zone: "${bad}..x"\n`),
      write("g.yaml", 'zone: "\\e[31m\\x9b\\u202e..x"\n'),
      write("h.yaml", '"\\e[31m": 1\n'),
      write("i.yaml", 'listen: { dns: ["\\e[31m"] }\nkeys: { "\\e[2J": { secret: "\\e[31m" } }\n'),
    ];
    for (const file of files) {
      const configured = file.endsWith(".yaml")
        ? [
            ["run", "-c", file],
            ["browse", "-c", file],
          ]
        : [];
      for (const command of [["check", file], ...configured]) {
        const { stdout, stderr, status } = await cli(...command);
        assert.deepEqual([status, `${stdout}`], [1, ""], file);
        assert.notEqual(stderr, "");
        expectPlain(stderr);
      }
    }
  });
});
