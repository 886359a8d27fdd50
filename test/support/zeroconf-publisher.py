"""Publishes services with python-zeroconf until standard input ends; then says goodbye.

The first parameter is a JSON list of objects: name, type ("_http._tcp"), port, host (without one a
service is its own), addresses, properties (name to text), ttl (seconds). The second is the address of the interface.
"""

import json
import sys

from zeroconf import IPVersion, ServiceInfo, Zeroconf

zeroconf = Zeroconf(interfaces=[sys.argv[2]], ip_version=IPVersion.V4Only)
services = [
    ServiceInfo(
        f"{one['type']}.local.",
        f"{one['name']}.{one['type']}.local.",
        port=one["port"],
        server=f"{one['host']}.local." if "host" in one else None,
        parsed_addresses=one["addresses"],
        properties=one.get("properties", {}),
        **({"host_ttl": one["ttl"], "other_ttl": one["ttl"]} if "ttl" in one else {}),
    )
    for one in json.loads(sys.argv[1])
]
for service in services:
    zeroconf.register_service(service)
print("published", flush=True)
sys.stdin.read()
for service in services:
    zeroconf.unregister_service(service)
zeroconf.close()
