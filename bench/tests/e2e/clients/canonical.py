"""Requests with odd paths, queries and headers, signed by botocore: canonical.py COUNT SEED

Each is one line of JSON: method, target, headers. Names and values are what botocore's callers may give it:
paths and queries are percent-encoded as they do it, header values are ASCII.
"""

import json
import random
import sys
from urllib.parse import quote, urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

count, seed = int(sys.argv[1]), int(sys.argv[2])
chance = random.Random(seed)
credentials = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
PIECES = list("aZ09-._~/+ *!'();:@&=$,?#[]\"<>\\^`{|}") + ["//", "..", "./", "%", "%2F", "  ", "\0", "\n", "é", "日本", "🐹"]
PRINTABLE = [chr(code) for code in range(0x20, 0x7F)] + [" ", "  ", "   "]
NAMES = ["x-amz-meta-a", "x-amz-meta-B", "X-Amz-Meta-Long-Name_1.2", "Range", "Content-Type", "x-amz-acl"]
TAKEN = {"acl", "cors", "uploads", "delete", "policy"}


def text(most, pieces=PIECES):
    return "".join(chance.choice(pieces) for _ in range(chance.randint(0, most)))


def query():
    pairs, bare = [], False
    for index in range(chance.randint(0, 4)):
        # S3SigV4QueryAuth keeps the first of two names only, and drops nothing else.
        name, value = f"{index}{text(3)}", text(4)
        bare = bare or not value
        pairs.append(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}")
    return "&".join(pairs), bare


def headers():
    return [(chance.choice(NAMES), text(8, PRINTABLE).strip()) for _ in range(chance.randint(0, 4))]


for _ in range(count):
    presign = chance.random() < 0.5
    (asked, bare), key = query(), "k" + text(8)
    method = chance.choice(["GET", "HEAD"] if bare else ["GET", "HEAD", "PUT", "DELETE"])
    url = f"http://hamster:9000/bucket/{quote(key, safe='/-_.~')}"
    url += f"?{asked}" if asked else ""
    request = AWSRequest(method=method, url=url)
    for name, value in headers():
        request.headers[name] = value
    if presign:
        S3SigV4QueryAuth(credentials, "s3", "us-east-1", expires=600).add_auth(request)
    else:
        S3SigV4Auth(credentials, "s3", "us-east-1").add_auth(request)
    parts = urlsplit(request.url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    print(json.dumps([method, target, list(request.headers.items())]))
