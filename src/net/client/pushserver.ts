/**
 * Finds by DNS the servers that push a zone's changes (RFC 8765 §6.1), and opens sessions with them over
 * TLS, where a server must prove that it is the host that the zone names (RFC 8310 §8).
 */
import { Type } from "../../dns/constants.ts";
import { Name } from "../../dns/name.ts";
import { Frames, frame } from "../framing.ts";
import { connect, explain, type Server } from "./channel.ts";
import { apexOf, byPriority, MAX_SERVERS, servicesIn } from "./discovery.ts";
import { PushSession, type PushSessionOptions } from "./pushsession.ts";
import { addressesOf, type Resolve } from "./resolver.ts";

export interface PushServer extends Server {
  /** Its name in the zone's SRV record. */
  readonly host: Name;
}

export interface PushServersOptions {
  readonly resolve: Resolve;
  /** Looks for the host's address if `resolve` finds none. */
  readonly resolveElsewhere: Resolve;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly signal?: AbortSignal;
}

/** The servers that push changes at `name`, in the order in which to try them, or why there are none. */
export async function findPushServers(
  name: Name,
  { resolve, resolveElsewhere, random, signal }: PushServersOptions,
): Promise<readonly PushServer[] | string> {
  const apex = await apexOf(name, resolve, signal);
  if (apex === undefined) return `no server says which zone ${name} is in`;
  const service = Name.join(SERVICE.labels, apex.origin);
  const answer = service && (await resolve(service, Type.SRV, signal));
  const offered = byPriority(servicesIn(answer), random).slice(0, MAX_SERVERS);
  if (answer === undefined) return `no server answers for ${SERVICE} of ${apex.origin}`;
  if (offered.length === 0) return `${apex.origin} has no SRV record at ${SERVICE}`;
  const servers: PushServer[] = [];
  for (const { target: host, port } of offered) {
    let addresses = await addressesOf(host, resolve, signal);
    if (addresses.length === 0) addresses = await addressesOf(host, resolveElsewhere, signal);
    const tls = { serverName: `${host}`.replace(/\.$/, "") };
    servers.push(...addresses.map((address) => ({ address, port, host, tls })));
  }
  return servers.length > 0 ? servers : `no address is found for ${offered[0]!.target}`;
}

const SERVICE = Name.parse("_dns-push-tls._tcp");

/** Rejects with an ExchangeError. */
export async function openPushSession(
  server: Server,
  options: PushSessionOptions & { readonly signal: AbortSignal },
): Promise<PushSession> {
  const { clock, signal } = options;
  const { socket, tcp } = await connect(server, clock, signal);
  // A dead path gives no sign of itself, and the session's own keepalives may be an hour apart.
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
  socket.on("error", (error) => session.lost(`is disconnected: ${explain(server, error).message}`));
  for (const event of ["end", "close"])
    socket.on(event, () => session.lost("closed the connection"));
  return session;
}

/** Milliseconds of silence until TCP probes the peer; if it is gone, that shows soon after. */
const PROBED_AFTER = 30_000;
