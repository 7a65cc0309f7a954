"""Copies a tree into a bucket and back with boto3's defaults: round_trip.py ENDPOINT BUCKET FROM TO"""

import pathlib
import sys

import boto3

endpoint, bucket, source, target = sys.argv[1:]
source, target = pathlib.Path(source), pathlib.Path(target)
s3 = boto3.client("s3", endpoint_url=endpoint)

files = sorted(path for path in source.rglob("*") if path.is_file())
for path in files:
    s3.upload_file(str(path), bucket, path.relative_to(source).as_posix())

pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 100})
keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
assert len(keys) == len(files), f"{len(keys)} keys listed, {len(files)} files uploaded"
assert keys == sorted(keys, key=lambda key: key.encode()), "keys are in byte order"

for key in keys:
    path = target / key
    path.parent.mkdir(parents=True, exist_ok=True)
    s3.download_file(bucket, key, str(path))

# The plain calls too, with user metadata, a range, and a batch of deletes.
s3.put_object(Bucket=bucket, Key="meta", Body=b"0123456789", Metadata={"colour": "grey"})
assert s3.head_object(Bucket=bucket, Key="meta")["Metadata"] == {"colour": "grey"}
assert s3.get_object(Bucket=bucket, Key="meta", Range="bytes=2-4")["Body"].read() == b"234"
s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "meta"})
assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"0123456789"
for start in range(0, len(keys), 1000):
    batch = [{"Key": key} for key in keys[start : start + 1000]]
    assert not s3.delete_objects(Bucket=bucket, Delete={"Objects": batch}).get("Errors")
left = s3.list_objects_v2(Bucket=bucket)
assert [entry["Key"] for entry in left["Contents"]] == ["copy", "meta"], left
