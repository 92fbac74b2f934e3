"""Ports for servers that have to be told theirs before they start.

Out: ports that nobody listens at. Invariant: they lie below those that the kernel gives to connections and to whoever asks for
any port (`ip_local_port_range` begins at 32768), so that between here and the server's start no other test comes by one by
chance; and all are held until all are chosen, so that they differ.
"""

import random
import socket

FIRST, LAST = 10_000, 32_767
TRIES = 1_000


def free_ports(count, beyond=0):
    """So many ports; a server that also listens at each one plus some number finds that one free, too."""
    held, ports = [], []
    try:
        for _ in range(TRIES):
            if len(ports) == count:
                return ports
            port = random.randint(FIRST, LAST - beyond)
            taken = [socket.socket() for _ in {port, port + beyond}]
            held += taken
            try:
                for probe, number in zip(taken, sorted({port, port + beyond}), strict=True):
                    probe.bind(("127.0.0.1", number))
            except OSError:
                continue
            ports.append(port)
    finally:
        for probe in held:
            probe.close()
    raise OSError(f"no {count} free ports between {FIRST} and {LAST}")
