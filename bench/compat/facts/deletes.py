"""DeleteObject and DeleteObjects."""

import base64
import hashlib
import zlib
from concurrent.futures import ThreadPoolExecutor

from .listing import VERSIONS, keys
from .scene import fact, refused, same, table

THREE = ["one", "two", "three"]


def named(*names):
    return {"Objects": [{"Key": name} for name in names]}


@fact
def unknown_key(s):
    answer = s.client.delete_object(Bucket=s.bucket(), Key="nowhere")
    same(answer["ResponseMetadata"]["HTTPStatusCode"], 204)


@fact
def from_unknown_bucket(s):
    refused(404, "NoSuchBucket", s.client.delete_object, Bucket=s.name(), Key="k")
    refused(404, "NoSuchBucket", s.client.delete_objects, Bucket=s.name(), Delete=named("k"))


@table(*VERSIONS.items())
def many(s, listed):
    """Gone is gone; to delete again what is gone is done as well."""
    bucket = s.bucket(*THREE, "kept")
    for _ in range(2):
        answer = s.client.delete_objects(Bucket=bucket, Delete=named(*THREE))
        same(sorted(found["Key"] for found in answer["Deleted"]), sorted(THREE))
        assert "Errors" not in answer
        same(keys(listed(s.client, bucket)), ["kept"])


@fact
def many_quietly(s):
    bucket = s.bucket(*THREE)
    answer = s.client.delete_objects(Bucket=bucket, Delete={**named(*THREE), "Quiet": True})
    same((answer.get("Deleted"), answer.get("Errors")), (None, None))
    same(s.client.list_objects_v2(Bucket=bucket)["KeyCount"], 0)


@table(*VERSIONS.items())
def over_a_thousand(s, listed):
    bucket = s.bucket("kept")
    names = [f"key-{number}" for number in range(1001)]
    refused(400, "MalformedXML", s.client.delete_objects, Bucket=bucket, Delete=named(*names))
    same(keys(listed(s.client, bucket)), ["kept"])


@fact
def a_thousand_over_two_pages(s):
    bucket, names = s.bucket(), sorted(f"key-{number}" for number in range(1001))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: s.client.put_object(Bucket=bucket, Key=key), names))
    for operation in "list_objects", "list_objects_v2":
        pages = [keys(page) for page in s.client.get_paginator(operation).paginate(Bucket=bucket)]
        same([len(page) for page in pages], [1000, 1])
        same(sum(pages, []), names)
    answer = s.client.delete_objects(Bucket=bucket, Delete=named(*names[:1000]))
    same(len(answer["Deleted"]), 1000)
    same(keys(s.client.list_objects_v2(Bucket=bucket)), names[1000:])


BODY = b"<Delete><Object><Key>one</Key></Object></Delete>"


def by_hand(s, bucket, body, **headers):
    return s.user.ask(
        "POST",
        f"/{bucket}",
        {"delete": ""},
        {name.replace("_", "-"): value for name, value in headers.items()},
        body,
    )


@fact
def without_a_checksum(s):
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
    by_hand(s, s.bucket("one"), BODY).wanted(400, "InvalidRequest")


@table(
    ("md5", "Content-MD5", base64.b64encode(hashlib.md5(BODY).digest()).decode()),
    (
        "crc32",
        "x-amz-checksum-crc32",
        base64.b64encode(zlib.crc32(BODY).to_bytes(4, "big")).decode(),
    ),
    ("sha256", "x-amz-checksum-sha256", base64.b64encode(hashlib.sha256(BODY).digest()).decode()),
)
def with_checksum(s, name, value):
    bucket = s.bucket("one")
    by_hand(s, bucket, BODY, **{name: value}).wanted(200)
    same(s.client.list_objects_v2(Bucket=bucket)["KeyCount"], 0)


@fact
def with_a_wrong_md5(s):
    bucket = s.bucket("one")
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    by_hand(s, bucket, BODY, Content_MD5=wrong).wanted(400, "BadDigest")
    same(s.read(bucket, "one"), b"one")


@table(
    ("cut_off", b"<Delete><Object><Key>one</Key>"),
    ("nothing_named", b"<Delete></Delete>"),
    ("no_xml", b"one"),
    ("no_key", b"<Delete><Object/></Delete>"),
)
def broken_xml(s, body):
    bucket = s.bucket("one")
    md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
    by_hand(s, bucket, body, Content_MD5=md5).wanted(400, "MalformedXML")
    same(s.read(bucket, "one"), b"one")


@fact
def of_someone_else(s):
    """Refused whole, or key by key; in either case nothing is gone."""
    bucket = s.bucket("one")
    try:
        answer = s.other.client.delete_objects(Bucket=bucket, Delete=named("one"))
        same([error["Code"] for error in answer["Errors"]], ["AccessDenied"])
    except s.client.exceptions.ClientError as error:
        same(error.response["Error"]["Code"], "AccessDenied")
    same(s.read(bucket, "one"), b"one")
