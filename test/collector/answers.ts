/** Resolvers of a test: what they answer, written as a master file. */
import { RecordSets } from "../../src/collector/recordsets.ts";
import { Rcode } from "../../src/dns/constants.ts";
import { type Message, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { type RecordSet, recordsOf } from "../../src/dns/record.ts";
import type { Resolve } from "../../src/net/client/resolver.ts";
import { parseMasterFile } from "../../src/zone/masterfile/masterfile.ts";

export class Answers {
  /** "name TYPE" of each question, in turn. */
  readonly asked: string[] = [];
  /** False: nobody answers. */
  isThere = true;
  #sets: readonly RecordSet[] = [];

  constructor(text = "") {
    this.say(text);
  }

  /** From now on: a record a line, names absolute. */
  say(text: string): void {
    const sets = new RecordSets();
    for (const line of text.split("\n").map((each) => each.trim())) {
      if (line === "") continue;
      const origin = Name.parse(line.split(" ")[0]!);
      for (const set of parseMasterFile(`$TTL 60\n${line}`, { origin, isPartial: true })) {
        sets.add(set);
      }
    }
    this.#sets = [...sets];
  }

  readonly resolve: Resolve = async (name, type): Promise<Message | undefined> => {
    this.asked.push(`${name} ${type}`);
    if (!this.isThere) return undefined;
    const set = this.#sets.find((each) => each.type === type && each.name.equals(name));
    if (set === undefined) return makeMessage({ isResponse: true, rcode: Rcode.NXDOMAIN });
    return makeMessage({ isResponse: true, answers: recordsOf(set) });
  };
}
