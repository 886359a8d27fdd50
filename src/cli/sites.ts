/** The sites to which the policy of a configuration applies. */
import type { Config } from "../config.ts";

/** Their labels; undefined where one does not come from the configuration. */
export function judgedSites({ links, publish, registrar }: Config): string[] | undefined {
  const heard = links?.map(
    (link) => link.site ?? (publish === undefined ? link.interface : undefined),
  );
  if (heard === undefined || heard.includes(undefined)) return undefined;
  return [...(heard as string[]), ...(registrar === undefined ? [] : [registrar.site])];
}
