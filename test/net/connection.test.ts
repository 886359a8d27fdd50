import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { frame } from "../../src/net/framing.ts";
import { Connection } from "../../src/net/server/connection.ts";
import { Places } from "../../src/net/server/places.ts";
import { Rounds } from "../../src/net/server/rounds.ts";
import type { Peer } from "../../src/net/server/session.ts";
import { FakeClock } from "../support/clock.ts";
import { keepalive } from "../support/pushclient.ts";
import { waitFor } from "../support/wait.ts";

test("a session is not told that its peer has taken what the peer has not", async () => {
  const clock = new FakeClock();
  const source = { address: "192.0.2.1", port: 4000 };
  const written: (() => void)[] = [];
  const stream = new Duplex({
    read: () => {},
    write: (_octets, _encoding, done) => void written.push(done),
  });
  const peers: Peer[] = [];
  const openSession = (peer: Peer) => {
    peers.push(peer);
    const [isEstablished, isActive] = [true, true];
    const nothing = () => {};
    return {
      isEstablished,
      isActive,
      receive: nothing,
      touch: nothing,
      retire: nothing,
      abort: nothing,
    };
  };
  const connection = new Connection(stream, {
    ...{ transport: "tls", source, clock, edge: () => [] },
    place: new Places().enter(stream, source.address)!,
    rounds: new Rounds(clock),
    stateful: { openSession, reset: () => void stream.destroy() },
  });
  stream.push(frame(keepalive(1, 15_000, 15_000)));
  const peer = await waitFor("a session", () => peers[0]);
  let taken = 0;
  for (let i = 0; i < 3; i++) peer.send(Buffer.alloc(12), () => taken++);
  written[0]!();
  await waitFor("the first to be taken", () => taken === 1);
  peer.abort();
  peer.send(Buffer.alloc(12), () => taken++);
  await connection.closed;
  peer.send(Buffer.alloc(12), () => taken++);
  assert.equal(taken, 1);
});
