"""A chat user of serverless messaging (XEP-0174), published by this host's avahi-daemon.

The parameters are the user's name ("anna@laptop"), the port, and the picture's octets in hex. The
picture is a NULL record at the instance's name, which avahi-publish cannot add and Avahi's D-Bus
interface can. A line of JSON on standard input, {"status": …, "msg": …}, is a new presence. Who
connects to the port and opens a stream is greeted. With standard input's end the user is gone.
"""

import hashlib
import json
import socketserver
import sys
import threading
import time

import dbus

TYPE = "_presence._tcp"
EVERYWHERE = dbus.Int32(-1)  # AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC
UNIQUE = dbus.UInt32(1)  # AVAHI_PUBLISH_UNIQUE
CLASS_IN, TYPE_NULL, TTL = dbus.UInt16(1), dbus.UInt16(10), dbus.UInt32(120)

user, port, picture = sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3])


def tell(event, **fields):
    print(json.dumps({"event": event, **fields}, separators=(",", ":")), flush=True)


def octets(data):
    return dbus.Array(data, signature="y")


def presence(status, msg):
    strings = {
        "txtvers": "1",
        "port.p2pj": port,
        "status": status,
        "msg": msg,
        "phsh": hashlib.sha1(picture).hexdigest(),
    }
    texts = [f"{key}={value}".encode() for key, value in strings.items()]
    return dbus.Array([octets(text) for text in texts], signature="ay")


class Conversation(socketserver.StreamRequestHandler):
    def handle(self):
        self.rfile.readline()
        self.wfile.write(f"<stream:stream from='{user}' version='1.0'>\n".encode())


class Conversations(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


threading.Thread(target=Conversations(("", port), Conversation).serve_forever, daemon=True).start()

bus = dbus.SystemBus()
avahi = "org.freedesktop.Avahi"
server = dbus.Interface(bus.get_object(avahi, "/"), f"{avahi}.Server")
group = dbus.Interface(bus.get_object(avahi, server.EntryGroupNew()), f"{avahi}.EntryGroup")
place = (EVERYWHERE, EVERYWHERE)
group.AddService(
    *place, dbus.UInt32(0), user, TYPE, "local", "", dbus.UInt16(port), presence("avail", "Here")
)
name = user.replace("\\", "\\\\").replace(".", "\\.")
group.AddRecord(
    *place, UNIQUE, f"{name}.{TYPE}.local", CLASS_IN, TYPE_NULL, TTL, octets(picture)
)
group.Commit()
while group.GetState() != 2:  # AVAHI_ENTRY_GROUP_ESTABLISHED; registering takes about a second
    if group.GetState() > 2:
        sys.exit(f"{user}: Avahi refuses: state {group.GetState()}")
    time.sleep(0.02)
tell("published")

for line in sys.stdin:
    said = json.loads(line)
    at = time.time() * 1000
    group.UpdateServiceTxt(
        *place, dbus.UInt32(0), user, TYPE, "local", presence(said["status"], said["msg"])
    )
    tell("said", at=at, **said)
