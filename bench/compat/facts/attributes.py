"""GetObjectAttributes: what is told of an object without its bytes."""

from .scene import MIB, fact, pattern, refused, same, table
from .uploads import LEAST, whole

ALL = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]


def told(s, bucket, names=ALL, **given):
    return s.client.get_object_attributes(
        Bucket=bucket, Key="seed", ObjectAttributes=list(names), **given
    )


def bare(answer):
    return answer["ETag"].strip('"')


@fact
def of_a_plain_object(s):
    bucket, put = s.put(b"foo")
    answer = told(s, bucket)
    same((answer["ETag"], answer["ObjectSize"], answer["StorageClass"]), (bare(put), 3, "STANDARD"))
    for name in "ObjectParts", "VersionId", "DeleteMarker":
        assert name not in answer, name
    same(answer["LastModified"], s.client.head_object(Bucket=bucket, Key="seed")["LastModified"])


@table(*[(name.lower(), name) for name in ALL])
def alone(s, name):
    bucket, _ = s.put(b"foo")
    answer = told(s, bucket, [name])
    same({found for found in ALL if found in answer}, {name} - {"ObjectParts"})


@fact
def with_a_checksum(s):
    bucket, put = s.put(pattern(1000), ChecksumAlgorithm="SHA256")
    answer = told(s, bucket)
    same(answer["Checksum"]["ChecksumSHA256"], put["ChecksumSHA256"])
    assert "ObjectParts" not in answer


PARTS = [pattern(LEAST, 1), pattern(LEAST, 2), pattern(MIB, 3)]


@table(
    ("three_parts", PARTS, True),
    ("one_part", PARTS[:1], True),
    ("parts_without_checksums", PARTS, False),
)
def of_an_object_in(s, bodies, checksums):
    """Of parts without checksums AWS tells only how many they are; the suite wants the parts.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html"""
    bucket, _, _, made = whole(s, bodies, client=s.client if checksums else s.user.plain)
    answer = told(s, bucket)
    same((answer["ETag"], answer["StorageClass"]), (bare(made), "STANDARD"))
    same(answer["ObjectSize"], sum(map(len, bodies)))
    same(answer["ObjectParts"]["TotalPartsCount"], len(bodies))
    lengths = [part["Size"] for part in answer["ObjectParts"].get("Parts", [])]
    same(lengths, list(map(len, bodies)) if checksums else [])


@table(
    ("over_the_limit", "70000", 200),
    ("negative", "-1", 400),
    ("no_number", "many", 400),
)
def by_a_page(s, size, status):
    bucket, _, _, _ = whole(s, PARTS[2:])
    headers = {"x-amz-object-attributes": "ObjectParts", "x-amz-max-parts": size}
    answer = s.user.ask("GET", f"/{bucket}/seed", {"attributes": ""}, headers).wanted(status)
    same(answer.element("MaxParts"), "1000" if status == 200 else None)


@fact
def of_parts_with_checksums(s):
    bucket = s.bucket()
    upload = {"Bucket": bucket, "Key": "seed"}
    upload["UploadId"] = s.client.create_multipart_upload(**upload, ChecksumAlgorithm="SHA256")[
        "UploadId"
    ]
    parts = []
    for number, body in enumerate(PARTS, 1):
        sent = s.client.upload_part(
            **upload, PartNumber=number, Body=body, ChecksumAlgorithm="SHA256"
        )
        parts.append(
            {"PartNumber": number, "ETag": sent["ETag"], "ChecksumSHA256": sent["ChecksumSHA256"]}
        )
    made = s.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    answer = told(s, bucket)
    same(
        (answer["Checksum"]["ChecksumSHA256"], answer["ETag"]), (made["ChecksumSHA256"], bare(made))
    )
    found = answer["ObjectParts"]
    same((found["TotalPartsCount"], found["IsTruncated"]), (3, False))
    listed = [(part["PartNumber"], part["Size"], part["ChecksumSHA256"]) for part in found["Parts"]]
    same(
        listed,
        [
            (part["PartNumber"], len(body), part["ChecksumSHA256"])
            for part, body in zip(parts, PARTS)
        ],
    )
    page = told(s, bucket, MaxParts=1, PartNumberMarker=1)["ObjectParts"]
    same(
        (
            page["MaxParts"],
            page["PartNumberMarker"],
            page["IsTruncated"],
            page["NextPartNumberMarker"],
        ),
        (1, 1, True, 2),
    )
    same([part["PartNumber"] for part in page["Parts"]], [2])
    rest = told(s, bucket, MaxParts=10, PartNumberMarker=2)["ObjectParts"]
    same((rest["IsTruncated"], [part["PartNumber"] for part in rest["Parts"]]), (False, [3]))


@fact
def of_nothing(s):
    refused(404, "NoSuchKey", told, s=s, bucket=s.bucket())
    refused(404, "NoSuchBucket", told, s=s, bucket=s.name())


@table(("none", {}), ("unknown", {"x-amz-object-attributes": "Colour"}))
def asked_for(s, headers):
    bucket, _ = s.put()
    s.user.ask("GET", f"/{bucket}/seed", {"attributes": ""}, headers).wanted(400, "InvalidArgument")


@fact
def of_someone_else(s):
    bucket, _ = s.put()
    refused(
        403,
        "AccessDenied",
        s.other.client.get_object_attributes,
        Bucket=bucket,
        Key="seed",
        ObjectAttributes=["ETag"],
    )
