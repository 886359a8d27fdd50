/**
 * Where changes of a zone are pushed, as DNS tells it (RFC 8765 §6.1), and the way there: TLS to the host
 * that the zone names, which has to prove that it is this one (RFC 8310 §8).
 */
import { Type } from "../../dns/constants.ts";
import { Name } from "../../dns/name.ts";
import { Frames, frame } from "../framing.ts";
import { connect, explain, type Server } from "./channel.ts";
import { apexOf, byPriority, MAX_SERVERS, servicesIn } from "./discovery.ts";
import { PushSession, type PushSessionOptions } from "./pushsession.ts";
import { addressesOf, type Resolve } from "./resolver.ts";

export interface PushServer extends Server {
  /** By which the zone calls it. */
  readonly host: Name;
}

export interface PushServersOptions {
  readonly resolve: Resolve;
  /** Of the host's address, where `resolve` finds none. */
  readonly resolveElsewhere: Resolve;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly signal?: AbortSignal;
}

/** In the order in which to try them, for who wants to be told of `name`; else why there are none. */
export async function findPushServers(
  name: Name,
  { resolve, resolveElsewhere, random, signal }: PushServersOptions,
): Promise<readonly PushServer[] | string> {
  const apex = await apexOf(name, resolve, signal);
  if (apex === undefined) return `nobody tells which zone ${name} is in`;
  const service = Name.join(SERVICE.labels, apex.origin);
  const answer = service && (await resolve(service, Type.SRV, signal));
  const offered = byPriority(servicesIn(answer), random).slice(0, MAX_SERVERS);
  if (answer === undefined) return `nobody answers for ${SERVICE} of ${apex.origin}`;
  if (offered.length === 0) return `${apex.origin} has no SRV record at ${SERVICE}`;
  const servers: PushServer[] = [];
  for (const { target: host, port } of offered) {
    let addresses = await addressesOf(host, resolve, signal);
    if (addresses.length === 0) addresses = await addressesOf(host, resolveElsewhere, signal);
    const tls = { serverName: `${host}`.replace(/\.$/, "") };
    servers.push(...addresses.map((address) => ({ address, port, host, tls })));
  }
  return servers.length > 0 ? servers : `no address of ${offered[0]!.target} is found`;
}

const SERVICE = Name.parse("_dns-push-tls._tcp");

/** Rejects with an ExchangeError. */
export async function openPushSession(
  server: Server,
  options: PushSessionOptions & { readonly signal: AbortSignal },
): Promise<PushSession> {
  const { clock, signal } = options;
  const { socket, tcp } = await connect(server, clock, signal);
  // Nothing is heard of a path that has died, and the server need not be asked for an hour.
  tcp.setKeepAlive(true, PROBED_AFTER);
  const wire = {
    send: (message: Buffer) => void socket.write(frame(message)),
    close: () => socket.destroySoon(),
    abort: () => {
      tcp.resetAndDestroy();
      socket.destroy();
    },
  };
  const session = new PushSession(wire, options);
  const frames = new Frames();
  socket.on("data", (piece) => {
    frames.push(piece);
    for (let next = frames.next(); next !== undefined; next = frames.next()) session.receive(next);
  });
  socket.on("error", (error) => session.lost(`is lost: ${explain(server, error).message}`));
  for (const event of ["end", "close"]) socket.on(event, () => session.lost("is gone"));
  return session;
}

/** Milliseconds until the system asks whether the other end is there; soon after it is clear if not. */
const PROBED_AFTER = 30_000;
