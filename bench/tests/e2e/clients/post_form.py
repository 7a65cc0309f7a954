"""Uploads by boto3's presigned POST, sent by a plain HTTP client: post_form.py ENDPOINT BUCKET"""

import os
import sys

import boto3
import urllib3
from botocore.config import Config

endpoint, bucket = sys.argv[1:]
http = urllib3.PoolManager()
s3 = boto3.client("s3", endpoint_url=endpoint)


def post(ticket, file, filename="f.bin", **more):
    fields = {**ticket["fields"], **more, "file": (filename, file, "application/octet-stream")}
    return http.request("POST", ticket["url"], fields=fields, redirect=False)


for version in ["s3v4", "s3"]:
    signer = boto3.client("s3", endpoint_url=endpoint, config=Config(signature_version=version))
    for length in [0, 5, 100_000, 20 << 20]:
        body = os.urandom(length)
        ticket = signer.generate_presigned_post(bucket, f"{version}/{length}/${{filename}}")
        answer = post(ticket, body)
        assert answer.status == 204, (version, length, answer.status, answer.data)
        stored = s3.get_object(Bucket=bucket, Key=f"{version}/{length}/f.bin")
        assert stored["Body"].read() == body, (version, length)
        assert stored["ETag"] == answer.headers["ETag"]

    fields = {"acl": "private", "Content-Type": "text/plain", "x-amz-meta-colour": "grey", "success_action_status": "201"}
    conditions = [{name: value} for name, value in fields.items()] + [["content-length-range", 1, 10]]
    ticket = signer.generate_presigned_post(bucket, "fields", Fields=fields, Conditions=conditions)
    answer = post(ticket, b"hello")
    assert answer.status == 201 and b"<Key>fields</Key>" in answer.data, answer.data
    head = s3.head_object(Bucket=bucket, Key="fields")
    assert head["ContentType"] == "text/plain" and head["Metadata"] == {"colour": "grey"}, head

    # What the ticket does not say: more bytes, another field, another key, another secret, later.
    for answer, status, code in [
        (post(ticket, b"hello world"), 400, b"EntityTooLarge"),
        (post(ticket, b""), 400, b"EntityTooSmall"),
        (post(ticket, b"hello", **{"x-amz-meta-more": "x"}), 403, b"Extra input fields: x-amz-meta-more"),
        (post(ticket, b"hello", key="other"), 403, b"Policy Condition failed"),
        (post(ticket, b"hello", policy=ticket["fields"]["policy"][:-4]), 403, b"SignatureDoesNotMatch"),
        (post(signer.generate_presigned_post(bucket, "late", ExpiresIn=-1), b"hello"), 403, b"Policy expired"),
    ]:
        assert answer.status == status and code in answer.data, (status, code, answer.status, answer.data)

listed = s3.list_objects_v2(Bucket=bucket)
keys = [entry["Key"] for entry in listed["Contents"]]
expected = ["fields"] + [f"{version}/{length}/f.bin" for version in ["s3", "s3v4"] for length in [0, 100_000, 20 << 20, 5]]
assert keys == expected, keys
