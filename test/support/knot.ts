/** Knot DNS's knotd as the primary of one zone. */
import { type Make, Primary, type PrimarySettings } from "./primary.ts";

/** Ended by `await using` or `stop()`. */
export function startKnot(settings: PrimarySettings): Promise<Primary> {
  return Primary.start(knot, settings);
}

const knot: Make = {
  isServing: /\bloaded, serial\b.*\bserver started\b/s,
  command: (folder) => ["knotd", "-c", `${folder}/server.conf`],
  configure: ({ zone, keys, isTransferRefused, lines = "" }, folder, { address, port }) => `
server:
  rundir: ${folder}
  listen: ${address}@${port}
  tcp-workers: 1
  udp-workers: 1
  background-workers: 1
log:
  - target: stderr
    any: info
database:
  storage: ${folder}/database
control:
  listen: ${folder}/knot.sock
key:
${Object.entries(keys)
  .map(([name, secret]) => `  - id: ${name}\n    algorithm: hmac-sha256\n    secret: ${secret}`)
  .join("\n")}
acl:
  - id: collectors
    key: [${Object.keys(keys).join(", ")}]
    action: [update${isTransferRefused ? "" : ", transfer"}]
zone:
  - domain: ${zone}
    storage: ${folder}
    file: zone
    acl: collectors
    ${lines}
`,
};
