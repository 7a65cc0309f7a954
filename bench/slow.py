"""Holds slow connections to a server open: each sends a byte now and then and is opened again when the
server gives it up. Usage: slow.py HOST PORT COUNT SECONDS, the key pair in the
environment; writes into the bucket of `hamster bench load`. Prints how many were given up.

A quarter each: the head comes byte by byte; the body of a signed PUT dawdles; the line of a chunk of a
signed PUT dawdles; nothing is sent at all (to a TLS port: a hello that never comes)."""

import datetime
import hashlib
import hmac
import os
import selectors
import socket
import sys
import time

HOST, PORT, COUNT, SECONDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
KEY, SECRET = os.environ["HAMSTER_ACCESS_KEY_ID"], os.environ["HAMSTER_SECRET_ACCESS_KEY"]
TRICKLE = [b"x", b"x", b"0", b""]
# No slower than a client that the server must take for a living one.
PAUSE = 1


def signed_put(payload, more):
    """The head of a PUT, signed (AWS Signature Version 4)."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/us-east-1/s3/aws4_request"
    headers = {"host": f"{HOST}:{PORT}", "x-amz-content-sha256": payload, "x-amz-date": now, **more}
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"PUT\n/hamster-bench/slow\n\n{lines}\n{names}\n{payload}"
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    authorization = f"AWS4-HMAC-SHA256 Credential={KEY}/{scope},SignedHeaders={names},Signature={signature}"
    sent = {**headers, "authorization": authorization}
    return "PUT /hamster-bench/slow HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in sent.items()) + "\r\n"


def beginning(kind):
    if kind == 0:
        return "PUT /hamster-bench/slow HTTP/1.1\r\n"
    if kind == 1:
        return signed_put("UNSIGNED-PAYLOAD", {"content-length": "1000000"})
    if kind == 2:
        coding = {"content-encoding": "aws-chunked", "content-length": "1000100"}
        trailer = {"x-amz-decoded-content-length": "1000000", "x-amz-trailer": "x-amz-checksum-crc32"}
        return signed_put("STREAMING-UNSIGNED-PAYLOAD-TRAILER", {**coding, **trailer})
    return ""


def opened(kind):
    connection = socket.create_connection((HOST, PORT), timeout=10)
    connection.sendall(beginning(kind).encode())
    connection.setblocking(False)
    return connection


selector = selectors.DefaultSelector()
slow, given_up, answers = {}, [0] * 4, {}
for number in range(COUNT):
    connection = opened(number % 4)
    slow[connection] = number % 4
    selector.register(connection, selectors.EVENT_READ)
print(f"{COUNT} slow connections are open", flush=True)

end, next_trickle = time.monotonic() + SECONDS, 0
while time.monotonic() < end:
    gone = set()
    for key, _ in selector.select(timeout=0.1):
        connection = key.fileobj
        try:
            answer = connection.recv(65536)
            if answer:
                line = answer.split(b"\r\n")[0].decode()
                answers[line] = answers.get(line, 0) + 1
            else:
                gone.add(connection)
        except BlockingIOError:
            pass
        except OSError:
            gone.add(connection)
    if time.monotonic() >= next_trickle:
        next_trickle = time.monotonic() + PAUSE
        for connection, kind in slow.items():
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
        given_up[kind] += 1
        again = opened(kind)
        slow[again] = kind
        selector.register(again, selectors.EVENT_READ)
print(f"given up and opened again, by kind: {given_up}; told: {answers}", flush=True)
