/** Names, record data, records and messages of every kind, for property tests. */
import { typeBitmap } from "../../src/dns/bitmap.ts";
import { Class, Type } from "../../src/dns/constants.ts";
import { type Field, isKnownShape, shapeOf, type Value } from "../../src/dns/fields.ts";
import { type Message, makeMessage, type Question } from "../../src/dns/message.ts";
import { Name } from "../../src/dns/name.ts";
import { Rdata } from "../../src/dns/rdata.ts";
import type { ResourceRecord } from "../../src/dns/record.ts";
import fc from "./fastcheck.ts";

/** Objects as the codec makes them, so that deep equality can be asked for. */
const literals = { noNullPrototype: true } as const;

/** 1 to 63 octets of any value. */
export const label: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("_ipp", "_tcp", "local", "LOCAL", "a").map(Buffer.from) },
  { weight: 3, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 12 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 50, maxLength: 63 }) },
);

/** Up to 255 octets; often a suffix of another. */
export const name: fc.Arbitrary<Name> = fc.array(label, { maxLength: 6 }).map((labels) => {
  const kept: Uint8Array[] = [];
  let length = 1;
  for (const each of labels) {
    length += each.length + 1;
    if (length <= 255) kept.push(each);
  }
  return Name.of(kept);
});

/** Text that other DNS libraries read as the same name: letters, digits, hyphens. */
export const plainName: fc.Arbitrary<Name> = fc
  .array(fc.stringMatching(/^[a-zA-Z0-9_]([a-zA-Z0-9-]{0,10}[a-zA-Z0-9])?$/), {
    minLength: 1,
    maxLength: 5,
  })
  .map((labels) => Name.parse(`${labels.join(".")}.`));

export const u16: fc.Arbitrary<number> = fc.integer({ min: 0, max: 0xffff });
export const u32: fc.Arbitrary<number> = fc.integer({ min: 0, max: 0xffffffff });
const octets = fc.uint8Array({ maxLength: 40 });
const string = fc.oneof(octets, fc.uint8Array({ minLength: 250, maxLength: 255 }));

const strings = fc
  .array(string, { minLength: 1, maxLength: 4 })
  .map((each) => Uint8Array.from(each.flatMap((bytes) => [bytes.length, ...bytes])));

const bitmap = fc
  .uniqueArray(fc.oneof(fc.integer({ min: 1, max: 300 }), u16), { maxLength: 12 })
  .map((types) => Uint8Array.from(typeBitmap(types)));

/** SvcParams whose values are right for their keys about half the time. */
const params = fc
  .uniqueArray(
    fc.oneof(
      fc.tuple(fc.integer({ min: 0, max: 8 }), fc.oneof(octets, strings)),
      fc.tuple(fc.constantFrom(4, 6), fc.uint8Array({ minLength: 32, maxLength: 32 })),
      fc.tuple(fc.constant(0), fc.constantFrom(Uint8Array.of(0, 1), Uint8Array.of(0, 1, 0, 3))),
      fc.tuple(u16, octets),
    ),
    { maxLength: 5, selector: ([key]) => key },
  )
  .map((all) =>
    Uint8Array.from(
      [...all]
        .sort(([a], [b]) => a - b)
        .flatMap(([key, value]) => [
          key >> 8,
          key & 0xff,
          value.length >> 8,
          value.length & 0xff,
          ...value,
        ]),
    ),
  );

const values: Readonly<Record<Field, (names: fc.Arbitrary<Name>) => fc.Arbitrary<Value>>> = {
  u8: () => fc.integer({ min: 0, max: 0xff }),
  u16: () => u16,
  u32: () => u32,
  u48: () => fc.integer({ min: 0, max: 0xffffffffffff }),
  seconds: () => u32,
  type: () => u16,
  time: () => u32,
  ipv4: () => fc.uint8Array({ minLength: 4, maxLength: 4 }),
  ipv6: () =>
    fc
      .array(fc.constantFrom(0, 0, 1, 0xab, 0xff), { minLength: 16, maxLength: 16 })
      .map((bytes) => Uint8Array.from(bytes)),
  name: (names) => names,
  string: () => string,
  tag: () =>
    fc.stringMatching(/^[a-zA-Z0-9]{1,20}$/).map((text) => Uint8Array.from(Buffer.from(text))),
  strings: () => strings,
  data16: () => octets,
  hex: () => octets,
  base64: () => octets,
  bitmap: () => bitmap,
  params: () => params,
  value: () => octets,
};

export const knownTypes: readonly number[] = Object.values(Type).filter(isKnownShape);

/** Record data of `type`, never empty. */
export function rdataOf(type: number, names: fc.Arbitrary<Name> = name): fc.Arbitrary<Rdata> {
  if (!isKnownShape(type)) {
    return fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => new Rdata(type, [bytes]));
  }
  return fc
    .tuple(...shapeOf(type).map((field) => values[field](names)))
    .map((all) => new Rdata(type, all))
    .filter((rdata) => rdata.toWire().length > 0);
}

/** Any type that can stand in a record; OPT cannot, it is part of the message. */
export const type: fc.Arbitrary<number> = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...knownTypes) },
  { weight: 1, arbitrary: fc.constantFrom(Type.NULL, 65280) },
  { weight: 1, arbitrary: u16.filter((value) => value !== Type.OPT) },
);

export const rdata: fc.Arbitrary<Rdata> = type.chain((each) => rdataOf(each));

export function recordOf(
  data: fc.Arbitrary<Rdata>,
  names: fc.Arbitrary<Name> = name,
): fc.Arbitrary<ResourceRecord> {
  return fc
    .record({
      name: names,
      class: fc.constantFrom<number>(Class.IN, 0x8001, Class.CH),
      ttl: fc.oneof(fc.constantFrom(0, 10, 0x7fffffff), fc.integer({ min: 0, max: 0x7fffffff })),
      rdata: data,
    })
    .map(({ name: owner, class: klass, ttl, rdata: each }) => ({
      name: owner,
      type: each.type,
      class: klass,
      ttl,
      rdata: each,
    }));
}

export const record: fc.Arbitrary<ResourceRecord> = recordOf(rdata);

/** What only UPDATE uses: no data, class ANY or NONE (RFC 2136 §2.4, §2.5). */
const deletion: fc.Arbitrary<ResourceRecord> = fc
  .record({
    name,
    type,
    class: fc.constantFrom<number>(Class.ANY, Class.NONE),
    ttl: fc.constant(0),
  })
  .map((fields) => ({ ...fields, rdata: new Rdata(fields.type, []) }));

export const question: fc.Arbitrary<Question> = fc.record(
  { name, type: u16, class: u16 },
  literals,
);

const edns = fc.record(
  {
    udpSize: u16,
    version: fc.integer({ min: 0, max: 255 }),
    dnssecOk: fc.boolean(),
    options: fc.array(fc.record({ code: u16, data: octets }, literals), { maxLength: 3 }),
  },
  literals,
);

const records = fc.array(
  fc.oneof({ weight: 6, arbitrary: record }, { weight: 1, arbitrary: deletion }),
  {
    maxLength: 5,
  },
);

export const message: fc.Arbitrary<Message> = fc
  .record({
    id: u16,
    isResponse: fc.boolean(),
    opcode: fc.integer({ min: 0, max: 15 }),
    isAuthoritative: fc.boolean(),
    isTruncated: fc.boolean(),
    recursionDesired: fc.boolean(),
    recursionAvailable: fc.boolean(),
    authenticData: fc.boolean(),
    checkingDisabled: fc.boolean(),
    rcode: fc.integer({ min: 0, max: 4095 }),
    questions: fc.array(question, { maxLength: 3 }),
    answers: records,
    authorities: records,
    additionals: records,
    edns: fc.option(edns, { nil: undefined }),
  })
  .map((fields) =>
    makeMessage({ ...fields, rcode: fields.edns === undefined ? fields.rcode & 15 : fields.rcode }),
  );
