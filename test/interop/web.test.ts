/** The page in a browser: it follows what comes and goes by itself, and runs nothing of it. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { Browser, CHROMIUM } from "../support/browser.ts";
import { freePort } from "../support/freeport.ts";
import { MAIN, STARTED, temporaryFolder } from "../support/gateway.ts";
import { Running, succeed } from "../support/process.ts";
import { skipWithout } from "../support/tool.ts";
import { waitFor } from "../support/wait.ts";

const ZONE = "bonjour.example.com";
const SECRET = Buffer.from("the operator's own secret").toString("base64");
/** A name that a device may have. */
const EVIL = '<img src=x onerror="window.evil=1"><b>';

suite("the page", { skip: skipWithout(CHROMIUM, "nsupdate") }, () => {
  test("SEC-19: shows services that come and go, as text, whatever their names", async () => {
    const folder = temporaryFolder();
    const [port, web] = [await freePort(), await freePort()];
    const file = join(folder, "gateway.yaml");
    writeFileSync(
      file,
      JSON.stringify({
        ...{ zone: ZONE, links: [], data: folder, listen: { dns: [`127.0.0.1:${port}`] } },
        ...{ keys: { operator: { secret: SECRET } }, web: `127.0.0.1:${web}` },
      }),
    );
    const program = new Running([process.execPath, MAIN, "run", "--config", file]);
    await program.line(STARTED);
    const update = (...lines: string[]) =>
      succeed(["nsupdate", "-y", `hmac-sha256:operator:${SECRET}`], {
        input: [`server 127.0.0.1 ${port}`, `zone ${ZONE}`, ...lines, "send", ""].join("\n"),
      });
    const add = (label: string) => {
      const name = `${label.replace(/[^a-z0-9]/gi, (c) => `\\${`${c.charCodeAt(0)}`.padStart(3, "0")}`)}._http._tcp.paris.${ZONE}.`;
      return [
        `add _services._dns-sd._udp.${ZONE}. 10 PTR _http._tcp.${ZONE}.`,
        `add _http._tcp.${ZONE}. 10 PTR ${name}`,
        `add ${name} 10 SRV 0 0 8080 nas.paris.${ZONE}.`,
        `add ${name} 10 TXT "path=/"`,
        `add nas.paris.${ZONE}. 10 A 10.1.0.20`,
      ];
    };

    await using page = await Browser.open(`http://127.0.0.1:${web}/`);
    const text = () => page.evaluate<string>("document.body?.innerText ?? ''");
    await waitFor("the empty page", async () => /\b0 services\b/.test(await text()));
    await page.evaluate("window.isThePage = true");
    await update(...add("NAS"));
    await waitFor("a service", async () => /\bNAS\b.*10\.1\.0\.20/s.test(await text()));
    const [link, style] = await page.evaluate<string[]>(
      "[document.querySelector('td a').href, getComputedStyle(document.querySelector('table')).borderCollapse]",
    );
    assert.equal(link, `http://nas.paris.${ZONE}:8080/`);
    assert.equal(style, "collapse", "its style sheet is let through");

    await update(...add(EVIL));
    await waitFor("another", async () => (await text()).includes(EVIL));
    assert.deepEqual(
      await page.evaluate("[typeof window.evil, document.images.length, window.isThePage]"),
      ["undefined", 0, true],
    );
    await using again = await Browser.open(`http://127.0.0.1:${web}/`);
    await waitFor("it in a page that is loaded with it", async () =>
      (await again.evaluate<string>("document.body?.innerText ?? ''")).includes(EVIL),
    );
    assert.deepEqual(await again.evaluate("[typeof window.evil, document.images.length]"), [
      "undefined",
      0,
    ]);
    await update(`delete _http._tcp.${ZONE}. PTR`);
    await waitFor("it to go", async () => /\b0 services\b/.test(await text()));
    assert.equal(await page.evaluate("window.isThePage"), true, "it was never loaded again");
    await program.stop();
  });
});
