import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { copyFileSync, writeFileSync } from "node:fs";
import { suite, test } from "node:test";
import {
  type Credentials,
  CredentialsError,
  readCredentials,
} from "../../src/config/credentials.ts";
import { followCredentials } from "../../src/gateway/credentials.ts";
import { makeCertificate } from "../support/certificate.ts";
import { FakeClock } from "../support/clock.ts";
import { silentLog } from "../support/log.ts";
import { skipWithout } from "../support/tool.ts";

/** Milliseconds within which a change of the files is noticed. */
const SOON = 5000;

suite("certificate and key", { skip: skipWithout("openssl") }, () => {
  const mistake = (paths: { certificate: string; privateKey: string }): string => {
    try {
      readCredentials(paths);
    } catch (error) {
      assert.ok(error instanceof CredentialsError);
      return error.message;
    }
    assert.fail("no mistake was found");
  };

  test("are read, with their time of expiry", () => {
    const { paths, certificate, privateKey } = makeCertificate();
    const read = readCredentials(paths);
    assert.deepEqual([read.certificate, read.privateKey], [certificate, privateKey]);
    const days = (read.expires - Date.now()) / 86_400_000;
    assert.ok(days > 1 && days <= 2);
  });

  test("have each mistake reported in one line", () => {
    const { paths, folder } = makeCertificate();
    const other = makeCertificate("ns2.example.com");
    const { certificate, privateKey } = paths;
    const missing = `${folder}/none.pem`;
    const empty = `${folder}/empty.pem`;
    writeFileSync(empty, "");
    const aCertificate = "expected a certificate in PEM, followed by those that issued it";
    const aKey = "expected the certificate's private key in PEM, without a passphrase";
    assert.deepEqual(
      [
        mistake({ certificate: missing, privateKey }),
        mistake({ certificate: empty, privateKey }),
        mistake({ certificate: privateKey, privateKey }),
        mistake({ certificate, privateKey: missing }),
        mistake({ certificate, privateKey: certificate }),
        mistake({ certificate, privateKey: other.paths.privateKey }),
      ],
      [
        `${missing}: no such file; ${aCertificate}`,
        `${empty}: no certificate in PEM; ${aCertificate}`,
        `${privateKey}: no certificate in PEM; ${aCertificate}`,
        `${missing}: no such file; ${aKey}`,
        `${certificate}: no key that can be read; ${aKey}`,
        `${other.paths.privateKey}: not the key of ${certificate}; ${aKey}`,
      ],
    );
  });

  test("are refused if TLS cannot use them, issuers included", () => {
    const { paths, certificate } = makeCertificate();
    writeFileSync(paths.certificate, certificate + certificate.slice(0, certificate.length / 2));
    assert.match(mistake(paths), /cert\.pem: bad end line; expected a certificate in PEM/);
    const weak = makeCertificate("ns1.example.com", undefined, undefined, ["rsa:512"]);
    assert.match(mistake(weak.paths), /cert\.pem: ee key too small; expected/);
  });
});

suite("certificates that change", { skip: skipWithout("openssl") }, () => {
  function follow({ epoch = Date.now() } = {}) {
    const made = makeCertificate();
    const { paths } = made;
    const clock = new FakeClock({ epoch });
    const presented: Credentials[] = [];
    const warnings: string[] = [];
    const facts: string[] = [];
    const life = new AbortController();
    const look = followCredentials({
      ...{ paths, shown: readCredentials(paths), clock, signal: life.signal },
      present: (credentials) => presented.push(credentials),
      log: {
        ...silentLog,
        info: (_, fact) => facts.push(fact),
        warn: (fields, fact) => warnings.push(`${fact} ${JSON.stringify(fields)}`),
      },
    });
    const { signal } = life;
    return {
      ...{ made, paths, clock, presented, warnings, facts, look, signal },
      end: () => life.abort(),
    };
  }
  const replace = (paths: { certificate: string; privateKey: string }, host: string) => {
    const next = makeCertificate(host);
    copyFileSync(next.paths.certificate, paths.certificate);
    copyFileSync(next.paths.privateKey, paths.privateKey);
    return next;
  };

  test("are presented once after a reload", () => {
    const { paths, presented, facts, look } = follow();
    look();
    assert.equal(presented.length, 0);
    const next = replace(paths, "ns2.example.com");
    look();
    look();
    assert.deepEqual(
      presented.map(({ certificate }) => certificate),
      [next.certificate],
    );
    assert.deepEqual(facts, ["certificate in use", "certificate in use"]);
  });

  test("SEC-23: are noticed soon without a reload", async () => {
    const { paths, presented, clock } = follow();
    for (const host of ["ns2.example.com", "ns3.example.com"]) {
      const next = replace(paths, host);
      await clock.elapse(SOON);
      assert.equal(presented.at(-1)?.certificate, next.certificate);
    }
  });

  test("are presented again each day even if unchanged, for new ticket keys, without a warning", async () => {
    const epoch = Date.now() - 3600 * 1000;
    const { made, paths, presented, warnings, clock } = follow({ epoch });
    clock.advance(24 * 3600 * 1000 - SOON);
    assert.equal(presented.length, 0);
    writeFileSync(paths.certificate, "nothing");
    clock.advance(SOON);
    assert.deepEqual(
      presented.map(({ certificate }) => certificate),
      [made.certificate],
    );
    writeFileSync(paths.certificate, made.certificate);
    clock.advance(24 * 3600 * 1000);
    assert.deepEqual([presented.length, warnings.length], [2, 0]);
  });

  test("are reported once if bad, and the old ones stay", async () => {
    const { paths, presented, warnings, clock, look } = follow();
    writeFileSync(paths.certificate, "nothing");
    look();
    look();
    await clock.elapse(3 * SOON);
    assert.equal(presented.length, 0);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /the old one stays .*cert\.pem: no certificate in PEM/);
    const next = replace(paths, "ns2.example.com");
    look();
    assert.equal(presented[0]?.certificate, next.certificate);
    writeFileSync(paths.certificate, "nothing");
    look();
    assert.equal(warnings.length, 2, "and told of again when that is wrong again");
  });

  test("cause no warning if one file changes shortly after the other", async () => {
    const { paths, presented, warnings, clock } = follow();
    for (const host of ["ns2.example.com", "ns3.example.com"]) {
      const next = makeCertificate(host);
      copyFileSync(next.paths.certificate, paths.certificate);
      await clock.elapse(SOON);
      copyFileSync(next.paths.privateKey, paths.privateKey);
      await clock.elapse(SOON);
      assert.deepEqual(warnings, []);
      assert.equal(presented.at(-1)?.privateKey, next.privateKey);
    }
  });

  test("cause a warning if only one file changes", async () => {
    const next = makeCertificate("ns2.example.com");
    for (const half of ["certificate", "privateKey"] as const) {
      const { paths, warnings, clock } = follow();
      copyFileSync(next.paths[half], paths[half]);
      await clock.elapse(4 * SOON);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0]!, /key\.pem: not the key of/);
    }
  });

  test("are presented even if expired, with a warning", () => {
    const inThreeDays = Date.now() + 3 * 86_400_000;
    const { warnings, paths, look, presented } = follow({ epoch: inThreeDays });
    replace(paths, "ns2.example.com");
    look();
    assert.equal(presented.length, 1);
    assert.match(warnings[0]!, /the certificate has expired/);
  });

  test("are reported once when they expire, and again if their successors have expired", () => {
    const { paths, clock, warnings, look } = follow();
    const expires = readCredentials(paths).expires;
    clock.advance(expires - clock.wall() - SOON);
    assert.deepEqual(warnings, []);
    clock.advance(3 * SOON);
    const warning = (time: number) =>
      `the certificate has expired {"expires":"${new Date(time).toISOString()}"}`;
    assert.deepEqual(warnings, [warning(expires)]);
    replace(paths, "ns2.example.com");
    clock.advance(2 * 86_400_000);
    look();
    assert.deepEqual(warnings.slice(1), [warning(readCredentials(paths).expires)]);
  });

  test("are not looked at after the signal", () => {
    const { clock, signal, end } = follow();
    clock.advance(10 * SOON);
    assert.notEqual(clock.next, undefined);
    assert.equal(getEventListeners(signal, "abort").length, 1, "looks leave nothing behind");
    end();
    assert.equal(clock.next, undefined);
  });
});
