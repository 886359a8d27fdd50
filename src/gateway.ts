/**
 * The composition root: makes the parts, connects them, hands each its lifetime, and does nothing
 * else. Data flows one way: links → collector → zone → authority → handler → listeners.
 */
import type { Clock } from "./clock.ts";
import { Collector } from "./collector/collector.ts";
import { type Address, type Config, ConfigError } from "./config.ts";
import { Type } from "./dns/constants.ts";
import { FormatError } from "./dns/format.ts";
import { Name, type NameKey } from "./dns/name.ts";
import { rdata, soaOf } from "./dns/rdata.ts";
import type { RecordSet } from "./dns/record.ts";
import { Catalog } from "./dnsserver/catalog.ts";
import { answers } from "./dnsserver/layers.ts";
import { ReadyAnswers } from "./dnsserver/ready.ts";
import { transfers } from "./dnsserver/transfer.ts";
import type { Log } from "./log.ts";
import type { Link, LinkWatch } from "./net/link.ts";
import { multicastLinks } from "./net/multicast.ts";
import { listenTcp } from "./net/stream.ts";
import { listenUdp } from "./net/udp.ts";
import { apexRecords, enumerationRecords } from "./zone/apex.ts";
import { ZoneAuthority } from "./zone/authority.ts";
import { readZoneFolder, type ZoneFile } from "./zone/folder.ts";
import { collectorPrincipal, gatewayPrincipal } from "./zone/principal.ts";
import { Zone } from "./zone/zone.ts";
