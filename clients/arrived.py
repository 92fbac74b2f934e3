"""Whether a server has read what was sent to it, or has let go of a connection, as the kernel tells it.

Source: `/proc/net/tcp`, proc_pid_net(5): a line has, in hexadecimal, the local address, the remote one, the state and `sent and
not acknowledged:received and not read`. Both ends of a connection on one machine have a line. Invariant: what is waited for here
stays true, because the caller sends nothing meanwhile.
"""

import socket
import struct
import time

PATIENCE_SECS = 90
GONE = {"06", "07"}
"""TIME_WAIT and CLOSE: nobody holds the end any more."""


def in_hex(address):
    """An address as the table has it: the four bytes as one number of the machine's own order."""
    (number,) = struct.unpack("=I", socket.inet_aton(address[0]))
    return f"{number:08X}:{address[1]:04X}"


def line_of(local, remote):
    """(state, sent and not acknowledged, received and not read) of one end of a connection, None if there is none."""
    ends = [in_hex(local), in_hex(remote)]
    with open("/proc/net/tcp") as table:
        for words in map(str.split, table):
            if words[1:3] == ends:
                sent, received = (int(queue, 16) for queue in words[4].split(":"))
                return words[3], sent, received
    return None


def await_read(*connections):
    """Waits until the server has read everything that was sent over these connections."""
    for connection in connections:
        client, server = connection.getsockname(), connection.getpeername()
        # First all has arrived, then all is read.
        wait_for(lambda: (line := line_of(client, server)) and line[1] == 0, "what was sent does not arrive")
        wait_for(lambda: (line := line_of(server, client)) and line[2] == 0, "the server does not read")


def await_let_go(server, client):
    """Waits until the server has closed its end of a connection that the client has left."""
    wait_for(lambda: (line := line_of(server, client)) is None or line[0] in GONE, "the server holds on to it")


def wait_for(is_so, otherwise):
    deadline = time.monotonic() + PATIENCE_SECS
    while not is_so():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.005)
