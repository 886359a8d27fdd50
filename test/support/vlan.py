"""A VLAN's interface, for a kernel that can make none: the frames on the cable have real 802.1Q tags.

The parameters are the interface with the cable, the new one's name, and the VLAN's number. What a
program sends on the new one goes out by the cable with a tag, and what comes in with that tag is
heard on it alone. It has the address (MAC) of the cable's, as Linux has it, and is there until this
program ends or somebody deletes it.
"""

import fcntl
import json
import os
import select
import socket
import struct
import sys

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
SIOCGIFHWADDR, SIOCSIFHWADDR = 0x8927, 0x8924
ETH_P_ALL, ETH_P_8021Q = 0x0003, 0x8100
SOL_PACKET, PACKET_AUXDATA, PACKET_OUTGOING = 263, 8, 4
AUXDATA = struct.Struct("=IIIHHHH")  # status, len, snaplen, mac, net, vlan_tci, vlan_tpid
HAS_TAG = 1 << 4  # TP_STATUS_VLAN_VALID
ADDRESSES, LONGEST, NUMBER = 12, 1 << 16, 0x0FFF

cable, name, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
tag = struct.pack("!HH", ETH_P_8021Q, number)

tap = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
wire.bind((cable, ETH_P_ALL))
hardware = fcntl.ioctl(wire, SIOCGIFHWADDR, struct.pack("16s24x", cable.encode()))
fcntl.ioctl(wire, SIOCSIFHWADDR, struct.pack("16s24s", name.encode(), hardware[16:]))


def is_ours(ancillary, kind):
    """The kernel takes the tag out of a frame and tells it beside."""
    if kind == PACKET_OUTGOING:
        return False
    for level, what, data in ancillary:
        if (level, what) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tci, _ = AUXDATA.unpack(data[: AUXDATA.size])
            return bool(status & HAS_TAG) and tci & NUMBER == number
    return False


print(json.dumps({"event": "there"}), flush=True)
while True:
    for ready in select.select([tap, wire], [], [])[0]:
        try:
            if ready is wire:
                frame, ancillary, _, (_, _, kind, _, _) = wire.recvmsg(LONGEST, 1024)
                if is_ours(ancillary, kind):
                    os.write(tap, frame)
            else:
                frame = os.read(tap, LONGEST)
                wire.send(frame[:ADDRESSES] + tag + frame[ADDRESSES:])
        except OSError as error:
            # One of the two is down for a moment, or the new one is gone.
            if not os.path.exists(f"/sys/class/net/{name}"):
                sys.exit(f"{name} is gone: {error}")
