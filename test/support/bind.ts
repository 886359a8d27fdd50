/** BIND's named as the primary of one zone. */
import { type Make, Primary, type PrimarySettings } from "./primary.ts";

/** Ended by `await using` or `stop()`. */
export function startBind(settings: PrimarySettings): Promise<Primary> {
  return Primary.start(bind, settings);
}

const bind: Make = {
  isServing: /\ball zones loaded\b.*\brunning\b/s,
  command: (folder) => ["named", "-g", "-c", `${folder}/server.conf`],
  configure: (
    { zone, keys, isTransferRefused, lines = "", statements = "", options = "" },
    folder,
    { address, port },
  ) => `
options {
  directory "${folder}";
  listen-on port ${port} { ${address}; };
  listen-on-v6 { none; };
  pid-file none;
  session-keyfile none;
  recursion no;
  dnssec-validation no;
  notify no;
  allow-transfer { none; };
  ${options}
};
controls { };
${statements}
${Object.entries(keys)
  .map(([name, secret]) => `key "${name}" { algorithm hmac-sha256; secret "${secret}"; };`)
  .join("\n")}
zone "${zone}" {
  type primary;
  file "zone";
  allow-update { ${listOf(keys)} };
  allow-transfer { ${isTransferRefused ? "none;" : listOf(keys)} };
  ${lines}
};
`,
};

function listOf(keys: PrimarySettings["keys"]): string {
  return Object.keys(keys)
    .map((name) => `key "${name}";`)
    .join(" ");
}
