/**
 * The registrar of the configuration: where devices register, from where, and what is published of what they
 * register. The policy judges it as it judges what is heard on a link.
 */
import { mapAddress } from "../collector/projection/addressmap.ts";
import { among, SitePolicy } from "../collector/projection/policy.ts";
import {
  hasControls,
  hasUnderscore,
  isSteeringHost,
  publishableData,
} from "../collector/projection/publishable.ts";
import { isOn } from "../collector/subnets.ts";
import type { Config } from "../config.ts";
import { formatAddress } from "../dns/address.ts";
import type { Name } from "../dns/name.ts";
import { addressOf, type Rdata } from "../dns/rdata.ts";
import { LOCAL, parseInstance } from "../dns/service.ts";
import { type RegistrarOptions, registrar } from "../dnsserver/registrar/registrar.ts";
import type {
  RegisteredService,
  Registration,
  Unfit,
} from "../dnsserver/registrar/registration.ts";
import { Networks } from "../net/networks.ts";
import type { Layer } from "../net/server/handler.ts";
import { isReserved } from "../zone/update/principal.ts";

export interface RegisteringOptions
  extends Pick<RegistrarOptions, "zone" | "reverse" | "complaints" | "clock"> {
  readonly config: Pick<Config, "registrar" | "policy">;
}

/** Goes round the handler of updates; undefined where devices do not register. */
export function registering({ config, ...options }: RegisteringOptions): Layer | undefined {
  const { zone, complaints } = options;
  const { registrar: fields } = config;
  const site = fields && zone.origin.child(fields.site);
  if (site === undefined) return undefined;
  const isByUdp = fields!.udp;
  const networks = new Networks(fields!.networks);
  const isAllowed = (address: string) => networks.includes(address);
  const policy = new SitePolicy(config.policy, site);
  const withhold = ({ name }: RegisteredService, reason: Unfit) =>
    complaints.tell(undefined, `a service that registers is withheld: ${reason}`, () => ({ name }));
  const admit = (said: Registration) => admitted(said, { site, policy, isAllowed, withhold });
  const isReversed = (address: Uint8Array) =>
    networks.includes(formatAddress(address)) || isOn(policy.addresses.targets, address);
  return registrar({ ...options, site, isByUdp, isAllowed, isReversed, admit });
}

interface Admission {
  readonly site: Name;
  readonly policy: SitePolicy;
  readonly isAllowed: (address: string) => boolean;
  readonly withhold: (service: RegisteredService, reason: Unfit) => void;
}

/** What a policy hides is left out without an error, so its device need not retry, and keeps its name. */
function admitted(said: Registration, admission: Admission): Registration | Unfit {
  const { site, policy, isAllowed, withhold } = admission;
  // A policy is about names as links have them.
  const heard = (name: Name) => name.replaceSuffix(site, LOCAL)!;
  const host = heard(said.host);
  const objection = hostObjection(host, policy);
  if (objection !== undefined) return objection;
  const isBelieved = (rdata: Rdata) =>
    publishableData(rdata) !== undefined &&
    (isAllowed(addressOf(rdata)!) || policy.believes(octetsOf(rdata), []));
  const believed = said.addresses.filter(isBelieved);
  if (believed.length === 0) return "no address of its host may be published";
  const [hosts, isIn] = [() => [host], among(believed.map(octetsOf))];
  const denial = policy.hostObjection(hosts, isIn);
  if (denial !== undefined) return denial;
  const services: RegisteredService[] = [];
  for (const service of said.services) {
    const name = heard(service.name);
    const { type, instance } = parseInstance(name)!;
    if (hasControls(instance)) return "a service's name has control characters";
    if (isReserved(name.labels)) return "a service's name is reserved";
    const denied = service.srv && policy.objection(type.key, name, hosts, isIn);
    if (denied !== undefined) withhold(service, denied);
    const texts = service.texts.map((text) => policy.text(name, publishableData(text)!));
    services.push(denied ? { ...service, ...NOTHING } : { ...service, texts });
  }
  return {
    ...said,
    addresses: believed.map((each) => mapAddress(each, policy.addresses.mapped)),
    services,
  };
}

function hostObjection(host: Name, policy: SitePolicy): Unfit | undefined {
  if (!host.parent!.equals(LOCAL)) return "its host's name is not one label";
  if (hasUnderscore(host) || isReserved(host.labels)) return "its host's name is reserved";
  return isSteeringHost(host) && !policy.isExempt(host)
    ? "its host's name steers clients"
    : undefined;
}

/** The data of a service that is left out. */
const NOTHING = { lists: [], srv: undefined, texts: [] };

function octetsOf({ values }: Rdata): Uint8Array {
  return values[0] as Uint8Array;
}
