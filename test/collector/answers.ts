/** A resolver for tests, whose answers are written as a master file. */
import { RecordSets } from "../../src/collector/recordsets.ts";
import { Rcode, Type } from "../../src/dns/constants.ts";
import { type Message, makeMessage } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { targetOf } from "../../src/dns/rdata.ts";
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

  /** Replaces the answers: a record a line, names absolute. */
  say(text: string): void {
    const sets = new RecordSets();
    for (const line of text.split("\n").map((each) => each.trim())) {
      if (line === "") continue;
      const owner = Name.parse(line.split(" ")[0]!);
      // A master file's origin has a SOA, and may not be an alias.
      const origin = line.includes(" CNAME ") ? owner.parent! : owner;
      for (const set of parseMasterFile(`$TTL 60\n${line}`, { origin, isPartial: true })) {
        sets.add(set);
      }
    }
    this.#sets = [...sets];
  }

  readonly resolve: Resolve = async (name, type): Promise<Message | undefined> => {
    this.asked.push(`${name} ${type}`);
    if (!this.isThere) return undefined;
    const alias = this.#find(name, Type.CNAME);
    const set = this.#find(alias === undefined ? name : targetOf(alias.rdatas[0]!)!, type);
    if (set === undefined) return makeMessage({ isResponse: true, rcode: Rcode.NXDOMAIN });
    const answers = [...(alias === undefined ? [] : recordsOf(alias)), ...recordsOf(set)];
    return makeMessage({ isResponse: true, answers });
  };

  #find(name: Name, type: number): RecordSet | undefined {
    return this.#sets.find((each) => each.type === type && each.name.equals(name));
  }
}
