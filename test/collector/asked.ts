/** A site that is asked on demand. */
import assert from "node:assert/strict";
import { OnDemand } from "../../src/collector/ondemand.ts";
import { Class, parseType, type Rcode, Type } from "../../src/dns/constants.ts";
import type { Question } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import type { Answer } from "../../src/zone/lookup/lookup.ts";
import { Device } from "./device.ts";
import { lines, ZONE } from "./fixture.ts";
import { Office, type OfficeOptions } from "./office.ts";

export interface Asked {
  /** The time to the answer, in milliseconds. */
  readonly after: number;
  readonly rcode: Rcode;
  readonly lines: readonly string[];
  readonly soa: number;
}

export class AskedOffice {
  readonly office: Office;
  readonly onDemand: OnDemand;
  readonly #life = new AbortController();
  readonly #running: Promise<void>;

  constructor(options: OfficeOptions = {}) {
    this.office = new Office({ ...options, changed: () => this.onDemand?.look() });
    const { zone, clock, collector } = this.office;
    this.onDemand = new OnDemand({
      ...{ zone, clock },
      sites: [ZONE.child("site1")!],
      siteAt: (domain) => collector.siteAt(domain),
    });
    this.#running = this.onDemand.run(this.#life.signal);
  }

  device(address: string, text: string, delay = 20): Device {
    return new Device(this.office.lans[0]!, address, text, { delay });
  }

  /** Records the questions on the link from now on; gives the times of one. */
  listen() {
    const host = this.office.lans[0]!.host("ear", "10.1.0.99").record();
    return (name: string, type: number): number[] =>
      host.heard
        .filter(({ message }) =>
          message.questions.some(
            (each) => each.type === type && each.name.toString() === `${name}.local.`,
          ),
        )
        .map(({ at }) => at);
  }

  start(text: string, client = "me", signal = new AbortController().signal): Promise<Asked> {
    const question = questionOf(text);
    assert.ok(this.onDemand.covers(question), text);
    const start = this.office.clock.now();
    return this.onDemand.answer(question, client, signal).then((answer) => ({
      after: this.office.clock.now() - start,
      ...seen(answer),
    }));
  }

  async ask(text: string): Promise<Asked> {
    const asked = this.start(text);
    let answer: Asked | undefined;
    void asked.then((found) => {
      answer = found;
    });
    await this.office.until(() => answer !== undefined, 10_000);
    return answer!;
  }

  async end(): Promise<void> {
    this.#life.abort();
    await this.#running;
    await this.office.end();
  }
}

/** The name is relative to the site if it has no dot at its end. */
export function questionOf(text: string): Question {
  const [owner, type] = text.split(" ") as [string, string];
  return { name: Name.parse(owner, ZONE.child("site1")!), type: parseType(type)!, class: Class.IN };
}

function seen({ rcode, answers, authorities }: Answer) {
  const soa = authorities.filter(({ type }) => type === Type.SOA).length;
  return { rcode, lines: lines(answers), soa };
}
