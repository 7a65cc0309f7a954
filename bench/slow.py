"""Holds slow connections to a server open: each sends a byte now and then and is opened again when the
server gives it up. Usage: slow.py HOST PORT COUNT SECONDS. Prints how many were given up.

A quarter each: the head comes byte by byte; the head is whole and the body dawdles; a chunk's line
dawdles; nothing is sent at all (to a TLS port: a hello that never comes)."""

import selectors
import socket
import sys
import time

HOST, PORT, COUNT, SECONDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
PUT = b"PUT /slow/key HTTP/1.1\r\nhost: slow\r\n"
BEGINNINGS = [
    PUT,
    PUT + b"content-length: 1000000\r\n\r\n",
    PUT + b"transfer-encoding: chunked\r\n\r\n",
    b"",
]
TRICKLE = [b"x", b"x", b"0", b""]


def opened(kind):
    connection = socket.create_connection((HOST, PORT), timeout=10)
    connection.sendall(BEGINNINGS[kind])
    connection.setblocking(False)
    return connection


selector = selectors.DefaultSelector()
slow = {}
for number in range(COUNT):
    connection = opened(number % 4)
    slow[connection] = number % 4
    selector.register(connection, selectors.EVENT_READ)
print(f"{COUNT} slow connections are open", flush=True)

given_up, end = 0, time.monotonic() + SECONDS
while time.monotonic() < end:
    gone = set()
    for key, _ in selector.select(timeout=1):
        connection = key.fileobj
        try:
            if not connection.recv(65536):
                gone.add(connection)
        except BlockingIOError:
            pass
        except OSError:
            gone.add(connection)
    for connection, kind in list(slow.items()):
        if TRICKLE[kind] and connection not in gone:
            try:
                connection.send(TRICKLE[kind])
            except BlockingIOError:
                pass
            except OSError:
                gone.add(connection)
    for connection in gone:
        kind = slow.pop(connection)
        selector.unregister(connection)
        connection.close()
        given_up += 1
        again = opened(kind)
        slow[again] = kind
        selector.register(again, selectors.EVENT_READ)
print(f"{given_up} were given up and opened again", flush=True)
