"""Checksums: of a body, in a header, kept and told; of an object in parts."""

import base64
import hashlib
import zlib

from .scene import MIB, fact, pattern, refused, same, table


def reflected(polynomial, bits):
    """The CRC of this reflected polynomial, bytes in and a number out. Slow: for short bodies."""
    row = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ polynomial if byte & 1 else byte >> 1
        row.append(byte)
    ones = (1 << bits) - 1

    def crc(body):
        rest = ones
        for byte in body:
            rest = row[(rest ^ byte) & 255] ^ (rest >> 8)
        return (rest ^ ones).to_bytes(bits // 8, "big")

    return crc


# Each algorithm, straight from its definition.
OF = {
    "CRC32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "CRC32C": reflected(0x82F63B78, 32),
    "CRC64NVME": reflected(0x9A6C9329AC4BC9B5, 64),
    "SHA1": lambda body: hashlib.sha1(body).digest(),
    "SHA256": lambda body: hashlib.sha256(body).digest(),
}
EACH = [(name.lower(), name) for name in OF]


def value(name, body):
    return base64.b64encode(OF[name](body)).decode()


def composite(name, bodies):
    joined = OF[name](b"".join(OF[name](body) for body in bodies))
    return f"{base64.b64encode(joined).decode()}-{len(bodies)}"


@table(*EACH)
def kept(s, name):
    body = pattern(1000)
    field, right = f"Checksum{name}", value(name, body)
    bucket, put = s.put(body, ChecksumAlgorithm=name, **{field: right})
    same(put[field], right)
    for call in s.client.head_object, s.client.get_object:
        assert field not in s.client.head_object(Bucket=bucket, Key="seed")
        told = call(Bucket=bucket, Key="seed", ChecksumMode="ENABLED")
        same((told[field], told["ChecksumType"]), (right, "FULL_OBJECT"))


@table(*EACH)
def wrong(s, name):
    bucket, other = s.bucket(), value(name, b"other")
    refused(
        400,
        "BadDigest",
        s.client.put_object,
        Bucket=bucket,
        Key="k",
        Body=b"body",
        **{f"Checksum{name}": other},
    )
    refused(404, "NoSuchKey", s.client.get_object, Bucket=bucket, Key="k")


# The suite wants BadDigest of what is no value at all; InvalidRequest is for what is not valid.
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
@table(*EACH)
def malformed(s, name):
    bucket = s.bucket()
    answer = s.user.ask(
        "PUT", f"/{bucket}/k", headers={f"x-amz-checksum-{name.lower()}": "bad"}, body=b"body"
    )
    answer.wanted(400, "InvalidRequest")
    refused(404, "NoSuchKey", s.client.get_object, Bucket=bucket, Key="k")


@fact
def two_at_once(s):
    bucket, body = s.bucket(), b"body"
    headers = {
        "x-amz-checksum-crc32": value("CRC32", body),
        "x-amz-checksum-sha1": value("SHA1", body),
    }
    s.user.ask("PUT", f"/{bucket}/k", headers=headers, body=body).wanted(400, "InvalidRequest")


@fact
def chosen_by_the_client_library(s):
    """Without being asked, today's libraries send a checksum of their own; it is kept."""
    body = pattern(3000)
    bucket, _ = s.put(body)
    told = s.client.head_object(Bucket=bucket, Key="seed", ChecksumMode="ENABLED")
    same(told["ChecksumCRC32"], value("CRC32", body))


@fact
def listed(s):
    bucket, _ = s.put(ChecksumAlgorithm="SHA256")
    [found] = s.client.list_objects_v2(Bucket=bucket)["Contents"]
    same(found["ChecksumAlgorithm"], ["SHA256"])


@fact
def not_told_of_a_range(s):
    bucket, _ = s.put(ChecksumAlgorithm="SHA256")
    part = s.client.get_object(Bucket=bucket, Key="seed", Range="bytes=0-1", ChecksumMode="ENABLED")
    assert "ChecksumSHA256" not in part


@fact
def copied(s):
    body = pattern(1000)
    bucket, _ = s.put(body, ChecksumAlgorithm="SHA256")
    call = {"Bucket": bucket, "CopySource": {"Bucket": bucket, "Key": "seed"}}
    same(
        s.client.copy_object(Key="copy", **call)["CopyObjectResult"]["ChecksumSHA256"],
        value("SHA256", body),
    )
    same(
        s.client.head_object(Bucket=bucket, Key="copy", ChecksumMode="ENABLED")["ChecksumSHA256"],
        value("SHA256", body),
    )
    other = s.client.copy_object(Key="other", ChecksumAlgorithm="CRC32C", **call)[
        "CopyObjectResult"
    ]
    same(other["ChecksumCRC32C"], value("CRC32C", body))


def begin(s, bucket, name, kind):
    given = {"Bucket": bucket, "Key": "seed"}
    answer = s.client.create_multipart_upload(**given, ChecksumAlgorithm=name, ChecksumType=kind)
    same((answer["ChecksumAlgorithm"], answer["ChecksumType"]), (name, kind))
    return {**given, "UploadId": answer["UploadId"]}


BODIES = [b"A" * 5 * MIB, b"B" * 700]

# Of the first body and of both: `value` gives the same, in half a second each.
LONG = {
    ("CRC32C", 5 * MIB): "MDaLrw==",
    ("CRC32C", 5 * MIB + 700): "0ffRIw==",
    ("CRC64NVME", 5 * MIB): "L/E4WYn8v98=",
    ("CRC64NVME", 5 * MIB + 700): "kQs0GeopQYc=",
}


def long_value(name, body):
    return LONG.get((name, len(body))) or value(name, body)


@table(
    ("sha256_composite", "SHA256", "COMPOSITE"),
    ("sha1_composite", "SHA1", "COMPOSITE"),
    ("crc32_composite", "CRC32", "COMPOSITE"),
    ("crc32c_composite", "CRC32C", "COMPOSITE"),
    ("crc32_full", "CRC32", "FULL_OBJECT"),
    ("crc32c_full", "CRC32C", "FULL_OBJECT"),
    ("crc64nvme_full", "CRC64NVME", "FULL_OBJECT"),
)
def of_parts(s, name, kind):
    field, bucket = f"Checksum{name}", s.bucket()
    upload, parts = begin(s, bucket, name, kind), []
    for number, body in enumerate(BODIES, 1):
        right = long_value(name, body)
        told = s.client.upload_part(
            **upload, PartNumber=number, Body=body, ChecksumAlgorithm=name, **{field: right}
        )
        same(told[field], right)
        parts.append({"PartNumber": number, "ETag": told["ETag"], field: right})
    joined = b"".join(base64.b64decode(part[field]) for part in parts)
    whole = f"{value(name, joined)}-{len(parts)}"
    expected = whole if kind == "COMPOSITE" else long_value(name, b"".join(BODIES))
    given = {"ChecksumType": kind, field: expected}
    answer = s.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, **given)
    same((answer[field], answer["ChecksumType"]), (expected, kind))
    assert field not in s.client.head_object(Bucket=bucket, Key="seed")
    told = s.client.head_object(Bucket=bucket, Key="seed", ChecksumMode="ENABLED")
    same((told[field], told["ChecksumType"]), (expected, kind))
    for part in parts:
        one = {"PartNumber": part["PartNumber"], "ChecksumMode": "ENABLED"}
        told = s.client.head_object(Bucket=bucket, Key="seed", **one)
        same((told[field], told["ChecksumType"]), (part[field], kind))
    told = s.client.get_object_attributes(Bucket=bucket, Key="seed", ObjectAttributes=["Checksum"])
    same((told["Checksum"][field], told["Checksum"]["ChecksumType"]), (expected, kind))


def one_part(s, name="SHA256"):
    """The bucket, an upload into it with a composite checksum, and its one part."""
    bucket, field = s.bucket(), f"Checksum{name}"
    upload = begin(s, bucket, name, "COMPOSITE")
    told = s.client.upload_part(**upload, PartNumber=1, Body=b"part", ChecksumAlgorithm=name)
    return bucket, upload, {"PartNumber": 1, "ETag": told["ETag"], field: told[field]}


@table(("with_number", "-1"), ("without_number", ""))
def composite_stated(s, ending):
    """A client may state what it expects of the whole."""
    _, upload, part = one_part(s)
    expected = composite("SHA256", [b"part"])
    stated = expected.partition("-")[0] + ending
    answer = s.client.complete_multipart_upload(
        **upload, MultipartUpload={"Parts": [part]}, ChecksumSHA256=stated
    )
    same(answer["ChecksumSHA256"], expected)


@table(("value", value("SHA256", b"other")), ("value_and_number", value("SHA256", b"other") + "-1"))
def composite_wrong(s, stated):
    bucket, upload, part = one_part(s)
    call = {**upload, "MultipartUpload": {"Parts": [part]}}
    refused(400, "BadDigest", s.client.complete_multipart_upload, **call, ChecksumSHA256=stated)
    same(len(s.client.list_parts(**upload)["Parts"]), 1, "after the refusal")
    s.client.complete_multipart_upload(**call)
    same(s.read(bucket), b"part")


@fact
def part_stated_wrong_in_complete(s):
    _, upload, part = one_part(s)
    part["ChecksumSHA256"] = value("SHA256", b"other")
    refused(
        400,
        "InvalidPart",
        s.client.complete_multipart_upload,
        **upload,
        MultipartUpload={"Parts": [part]},
    )


@fact
def part_of_a_plain_upload(s):
    """Parts may carry one although the upload named none."""
    bucket = s.bucket()
    given = {"Bucket": bucket, "Key": "seed"}
    given["UploadId"] = s.client.create_multipart_upload(**given)["UploadId"]
    headers = {"x-amz-checksum-crc64nvme": value("CRC64NVME", b"part")}
    query = {"partNumber": "1", "uploadId": given["UploadId"]}
    s.user.ask("PUT", f"/{bucket}/seed", query, headers, b"part").wanted(200)
    headers = {"x-amz-checksum-crc64nvme": value("CRC64NVME", b"other")}
    s.user.ask("PUT", f"/{bucket}/seed", query, headers, b"part").wanted(400, "BadDigest")


@table(("other", "FULL_OBJECT"), ("none_that_is", "NONSENSE"))
def kind_stated_wrong_in_complete(s, kind):
    _, upload, part = one_part(s, "CRC32")
    call = {**upload, "MultipartUpload": {"Parts": [part]}}
    refused(400, "BadDigest", s.client.complete_multipart_upload, **call, ChecksumType=kind)
    s.client.complete_multipart_upload(**call, ChecksumType="COMPOSITE")


@table(
    ("checksum", {"ChecksumSHA256": value("SHA256", b"other")}, 1, "BadDigest"),
    ("size", {"MpuObjectSize": 999}, 1, "InvalidRequest"),
    ("part", {}, 2, "InvalidPart"),
)
def completed_again_otherwise(s, given, number, code):
    """A Complete that is repeated is believed no more than the first."""
    _, upload, part = one_part(s)
    first = s.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]})
    again = {"Parts": [{**part, "PartNumber": number}]}
    refused(
        400, code, s.client.complete_multipart_upload, **upload, MultipartUpload=again, **given
    )
    answer = s.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]})
    same(answer["ChecksumSHA256"], first["ChecksumSHA256"])


@table(
    ("alone", {"x-amz-sdk-checksum-algorithm": "SHA256"}),
    ("none_that_is", {"x-amz-sdk-checksum-algorithm": "NONSENSE"}),
    (
        "beside_another",
        {
            "x-amz-sdk-checksum-algorithm": "SHA256",
            "x-amz-checksum-crc32": value("CRC32", b"hamster"),
        },
    ),
)
def announced_and_missing(s, headers):
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
    bucket = s.bucket()
    answer = s.user.ask("PUT", f"/{bucket}/seed", headers=headers, body=b"hamster")
    answer.wanted(400, "InvalidRequest")


@table(("composite", "COMPOSITE"), ("none_that_is", "NONSENSE"))
def kind_without_an_algorithm(s, kind):
    headers = {"x-amz-checksum-type": kind}
    answer = s.user.ask("POST", f"/{s.bucket()}/k", {"uploads": ""}, headers, b"")
    answer.wanted(400, "InvalidRequest")


@table(
    ("crc64nvme_composite", "CRC64NVME", "COMPOSITE"),
    ("sha256_full", "SHA256", "FULL_OBJECT"),
    ("sha1_full", "SHA1", "FULL_OBJECT"),
)
def kind_that_is_not_there(s, name, kind):
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
    refused(
        400,
        "InvalidRequest",
        s.client.create_multipart_upload,
        Bucket=s.bucket(),
        Key="k",
        ChecksumAlgorithm=name,
        ChecksumType=kind,
    )
