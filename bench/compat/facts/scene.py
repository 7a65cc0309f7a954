"""What every fact has at hand: two users, buckets of its own, requests signed or bent by hand.

A fact is a function of a `Scene`, registered by `fact` or, once for each row, by `table`.
"""

import functools
import http.client
import itertools
import ssl
import sys
import threading
import urllib.parse
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

KIB, MIB = 1 << 10, 1 << 20
SESSION, LOCK = boto3.session.Session(), threading.Lock()

# Name to function, in the order of the files.
FACTS = {}


def fact(function):
    """Registers a fact as `file.function`."""
    register(function.__module__, function.__name__, function)
    return function


def table(*rows):
    """Registers a fact for each row: its name, then what the function is given beside the scene."""

    def each(function):
        for row, *given in rows:
            asked = lambda scene, given=given: function(scene, *given)
            register(function.__module__, f"{function.__name__}_{row}", asked)
        return function

    return each


def register(module, name, function):
    name = f"{module.rpartition('.')[2]}.{name}"
    assert name not in FACTS, f"two facts are named {name}"
    FACTS[name] = function


class Refused(Exception):
    """The server refused what it should have done."""


class Answer:
    """An answer as it came: status, headers by lower-case name, bytes."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def code(self):
        """The code of an error document, or nothing."""
        found = self.element("Code")
        return found or ""

    def element(self, name):
        """The text of the first element of this name, whatever its namespace."""
        try:
            elements = ElementTree.fromstring(self.body).iter()
        except ElementTree.ParseError:
            return None
        found = [one.text or "" for one in elements if one.tag.rpartition("}")[2] == name]
        return found[0] if found else None

    def wanted(self, status, code=None):
        """Itself, if that is how it ended."""
        said = f"{self.status} {self.code} {self.element('Message') or ''}"
        assert self.status == status, f"wanted {status} {code or ''}, got {said}"
        assert code is None or self.code == code, f"wanted {status} {code}, got {said}"
        return self


class User:
    """Someone with a pair of keys: a client of boto3, and requests signed by hand."""

    def __init__(self, endpoint, region, pair):
        self.endpoint, self.region = urllib.parse.urlsplit(endpoint), region
        self.key, self.secret = pair

    @functools.cached_property
    def client(self):
        return self.client_that_sends_checksums("when_supported")

    @functools.cached_property
    def plain(self):
        """Sends no checksum of its own accord."""
        return self.client_that_sends_checksums("when_required")

    def client_that_sends_checksums(self, when):
        config = Config(
            s3={"addressing_style": "path"},
            signature_version="s3v4",
            retries={"total_max_attempts": 1},
            max_pool_connections=64,
            request_checksum_calculation=when,
        )
        # Why a lock: sessions are for one thread at a time, clients for many.
        with LOCK:
            return SESSION.client(
                "s3",
                endpoint_url=self.endpoint.geturl(),
                region_name=self.region,
                aws_access_key_id=self.key,
                aws_secret_access_key=self.secret,
                config=config,
            )

    def url(self, path, query):
        """`path` and the names of `query` are percent-encoded here; bytes stay what they are."""
        words = [
            urllib.parse.quote(name, safe="-_.~") + "=" + urllib.parse.quote(value, safe="-_.~")
            for name, value in query.items()
        ]
        target = urllib.parse.quote(path, safe="/-_.~") + ("?" if words else "") + "&".join(words)
        return f"{self.endpoint.scheme}://{self.endpoint.netloc}{target}"

    def ask(self, method, path, query=None, headers=None, body=b"", after=None, without=()):
        """Signs and sends. `after` are headers put there, `without` those taken away, when it was
        signed."""
        request = AWSRequest(
            method=method, url=self.url(path, query or {}), data=body, headers=headers or {}
        )
        S3SigV4Auth(Credentials(self.key, self.secret), "s3", self.region).add_auth(request)
        sent = {"Content-Length": str(len(body)), **dict(request.headers.items()), **(after or {})}
        for name in without:
            for found in [kept for kept in sent if kept.lower() == name.lower()]:
                del sent[found]
        return send(request.url, method, sent, body)

    def ask_unsigned(self, method, path, query=None, headers=None, body=b""):
        sent = {"Content-Length": str(len(body)), **(headers or {})}
        return send(self.url(path, query or {}), method, sent, body)

    def presign(self, method, path, query=None, headers=None, seconds=600):
        """An address that needs no header but those of `headers`."""
        request = AWSRequest(method=method, url=self.url(path, query or {}), headers=headers or {})
        pair = Credentials(self.key, self.secret)
        S3SigV4QueryAuth(pair, "s3", self.region, expires=seconds).add_auth(request)
        return request.url


def send(url, method, headers, body=b""):
    """Sends exactly these headers and `Host`."""
    address = urllib.parse.urlsplit(url)
    if address.scheme == "https":
        link = http.client.HTTPSConnection(
            address.netloc, timeout=30, context=ssl._create_unverified_context()
        )
    else:
        link = http.client.HTTPConnection(address.netloc, timeout=30)
    try:
        target = address.path + ("?" + address.query if address.query else "")
        link.putrequest(method, target, skip_host="Host" in headers, skip_accept_encoding=True)
        for name, value in headers.items():
            link.putheader(name, value.encode())
        link.endheaders(body or None)
        answer = link.getresponse()
        found = {}
        for name, value in answer.getheaders():
            found[name.lower()] = value
        return Answer(answer.status, found, answer.read())
    finally:
        link.close()


class Stage:
    """The server, the users and the prefix of every bucket, shared by all scenes."""

    def __init__(self, endpoint, region, prefix, pairs):
        self.endpoint, self.region, self.prefix = endpoint, region, prefix
        self.users = [User(endpoint, region, pair) for pair in pairs]
        self.numbers = itertools.count(1)
        self.lock = threading.Lock()

    def name(self):
        with self.lock:
            return f"{self.prefix}{next(self.numbers)}"

    def clear(self):
        """Removes every bucket that begins with the prefix."""
        for user in self.users:
            found = [bucket["Name"] for bucket in user.client.list_buckets()["Buckets"]]
            ours = [name for name in found if name.startswith(self.prefix)]
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda name: remove(user.client, name), ours))


# Why printed whole: facts end in many threads.
def say(line):
    with LOCK:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def remove(client, bucket):
    """A bucket with everything in it."""
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        keys = [{"Key": found["Key"]} for found in page.get("Contents", [])]
        if keys:
            client.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
    for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", []):
            client.abort_multipart_upload(
                Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
            )
    client.delete_bucket(Bucket=bucket)


class Scene:
    """One fact's view of the stage."""

    def __init__(self, stage):
        self.stage = stage
        self.user, self.other = stage.users
        self.client = self.user.client

    def name(self):
        """A bucket's name that nobody has."""
        return self.stage.name()

    def bucket(self, *keys, owner=None):
        """A fresh bucket with these keys, each object holding its own key."""
        name = self.name()
        client = (owner or self.user).client
        client.create_bucket(Bucket=name)
        for key in keys:
            client.put_object(Bucket=name, Key=key, Body=key.encode())
        return name

    def put(self, body=b"hamster", key="seed", **given):
        """A fresh bucket with one object; the bucket, and what the server said."""
        bucket = self.bucket()
        return bucket, self.client.put_object(Bucket=bucket, Key=key, Body=body, **given)

    def read(self, bucket, key="seed", **given):
        return self.client.get_object(Bucket=bucket, Key=key, **given)["Body"].read()


def refused(status, code, call, /, **given):
    """The error, if the call is refused in this way. Without a code any will do."""
    try:
        call(**given)
    except ClientError as error:
        found = (
            error.response["ResponseMetadata"]["HTTPStatusCode"],
            error.response["Error"]["Code"],
        )
        assert found[0] == status and code in (
            None,
            found[1],
        ), f"wanted {status} {code}, got {error}"
        return error.response
    raise Refused(f"wanted {status} {code}, and it was done")


def same(found, expected, what=""):
    assert found == expected, f"{what} wanted {short(expected)}, got {short(found)}"


def short(value):
    text = repr(value)
    return text if len(text) < 200 else f"{text[:197]}..."


def pattern(length, seed=1):
    """Bytes that repeat nowhere a range could be mistaken for another."""
    block = bytes((index * 31 + seed * 17 + (index >> 8)) % 251 for index in range(65_521))
    return (block * (length // len(block) + 1))[:length]
