"""boto3 over https, the authority of the certificate in AWS_CA_BUNDLE: bodies go in chunks with a
checksum behind them (STREAMING-UNSIGNED-PAYLOAD-TRAILER), from bytes, files and streams, in parts."""

import io

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from scene import BUCKET, ENDPOINT, FOLDER, MIB, check, content, refused, write

assert ENDPOINT.startswith("https://"), ENDPOINT
s3 = boto3.client("s3", endpoint_url=ENDPOINT, config=Config(s3={"addressing_style": "path"}))
modes = set()
EMPTY_SHA256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


def note(request, **_):
    mode = request.headers["x-amz-content-sha256"]
    modes.add(mode.decode() if isinstance(mode, bytes) else mode)


s3.create_bucket(Bucket=BUCKET)
s3.meta.events.register("before-send.s3.PutObject", note)


def read(key, **further):
    return s3.get_object(Bucket=BUCKET, Key=key, **further)["Body"].read()


for length in [0, 1, 1000, 65_536, MIB, 6 * MIB + 1]:
    body = content(length, length)
    put = s3.put_object(Bucket=BUCKET, Key="bytes", Body=body)
    check("ChecksumCRC32" in put, True, "the answer names the checksum that was verified")
    check(read("bytes"), body, f"{length} bytes")
    s3.put_object(Bucket=BUCKET, Key="stream", Body=io.BytesIO(body))
    check(read("stream"), body, f"a stream of {length} bytes")
check(modes, {"STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, "payload modes")
body = content(1, 100_000)
for algorithm in ["CRC32", "SHA1", "SHA256"]:
    s3.put_object(Bucket=BUCKET, Key=algorithm, Body=body, ChecksumAlgorithm=algorithm)
    head = s3.head_object(Bucket=BUCKET, Key=algorithm, ChecksumMode="ENABLED")
    check(f"Checksum{algorithm}" in head, True, f"{algorithm} is kept")
    check(read(algorithm), body, algorithm)
wrong = refused(ClientError, "a wrong checksum", lambda: s3.put_object(
    Bucket=BUCKET, Key="wrong", Body=body, ChecksumSHA256=EMPTY_SHA256))
check(wrong.response["Error"]["Code"] in ("BadDigest", "InvalidRequest"), True, str(wrong))

# s3transfer: in parts, several at once, in both directions.
write(FOLDER / "large", 2, 41 * MIB + 11)
transfer = TransferConfig(multipart_chunksize=5 * MIB, max_concurrency=4)
s3.upload_file(str(FOLDER / "large"), BUCKET, "large", Config=transfer)
s3.download_file(BUCKET, "large", str(FOLDER / "back"), Config=transfer)
check((FOLDER / "back").read_bytes(), content(2, 41 * MIB + 11), "in parts")
check(read("large", Range="bytes=9999990-10000009"), content(2, 41 * MIB + 11)[9_999_990:10_000_010],
      "a range")
s3.copy({"Bucket": BUCKET, "Key": "large"}, BUCKET, "copied", Config=transfer)
check(read("copied"), content(2, 41 * MIB + 11), "copied in parts")
refused(ClientError, "a second creation",
        lambda: s3.put_object(Bucket=BUCKET, Key="copied", Body=b"x", IfNoneMatch="*"))

keys = [f"many/{number:04}" for number in range(150)]
for key in keys:
    s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
paginator = s3.get_paginator("list_objects_v2")
pages = paginator.paginate(Bucket=BUCKET, Prefix="many/", PaginationConfig={"PageSize": 40})
check([entry["Key"] for page in pages for entry in page["Contents"]], keys, "a listing by pages")
gone = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in keys]})
check(len(gone["Deleted"]), 150, "deleted in bulk")
