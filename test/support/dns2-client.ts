/**
 * dns2's clients, in a process of their own because the environment decides what they trust
 * (NODE_EXTRA_CA_CERTS). Asks the same by UDP, TCP, TLS and HTTPS, and prints each answer's data.
 */
import dns2 from "dns2";

const [dns = "", https = "", tls = "", name = "", type = "A"] = process.argv.slice(2);
const host = "127.0.0.1";
const clients = {
  udp: dns2.UDPClient({ dns: host, port: Number(dns) }),
  tcp: dns2.TCPClient({ dns: host, port: Number(dns) }),
  tls: dns2.TCPClient({ dns: host, port: Number(tls), protocol: "tls:" }),
  https: dns2.DOHClient({ dns: `https://${host}:${https}/dns-query` }),
  h2: dns2.DOHClient({ dns: `h2://${host}:${https}/dns-query` }),
};
for (const [transport, ask] of Object.entries(clients)) {
  const { answers } = await ask(name, type as "A");
  const data = answers.map((each) => (each as { address?: string }).address).sort();
  process.stdout.write(`${transport} ${data.join(" ")}\n`);
}
process.exit();
