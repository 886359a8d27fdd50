/** Pushes changes of the zones, as each client's view has them, and has links asked for what is watched. */
import type { Clock } from "../clock.ts";
import type { Collector } from "../collector/collector.ts";
import type { OnDemand } from "../collector/ondemand.ts";
import { networkOf } from "../dnsserver/limits.ts";
import { Push } from "../dnsserver/push/push.ts";
import { StatefulSession } from "../dnsserver/push/session.ts";
import type { OpenSession } from "../net/server/session.ts";
import type { Views } from "./views.ts";

export interface PushingOptions {
  readonly views: Pick<Views, "clientOf" | "whole">;
  readonly clock: Clock;
  readonly onDemand: OnDemand | undefined;
  readonly reconfirm: Collector["reconfirm"];
}

export function openPush({ views, clock, onDemand, reconfirm }: PushingOptions) {
  const viewOf = (address: string) => views.clientOf(address).view;
  const push = new Push({
    ...{ clock, viewOf, reconfirm },
    // As with questions, only for those who see everything.
    asked: (question, address) => {
      const client = `network ${networkOf(address)}`;
      return viewOf(address) === views.whole ? onDemand?.watch(question, client) : undefined;
    },
  });
  const openSession: OpenSession = (peer) => new StatefulSession(peer, { push, clock });
  return { push, openSession };
}
