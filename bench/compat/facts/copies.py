"""CopyObject: bytes and what goes with them from one name to another."""

from .scene import MIB, fact, pattern, refused, same, table


def source(bucket, key="seed"):
    return {"Bucket": bucket, "Key": key}


@table(("empty", 0), ("small", 3), ("one_mib", MIB), ("sixteen_mib", 16 * MIB))
def bytes_of(s, length):
    body = pattern(length)
    bucket, put = s.put(body)
    answer = s.client.copy_object(Bucket=bucket, Key="copy", CopySource=source(bucket))
    same(answer["CopyObjectResult"]["ETag"], put["ETag"])
    assert "LastModified" in answer["CopyObjectResult"]
    assert s.read(bucket, "copy") == body, "the bytes differ"
    assert s.read(bucket) == body, "the source has changed"


@fact
def to_another_bucket(s):
    bucket, _ = s.put()
    there = s.bucket()
    s.client.copy_object(Bucket=there, Key="copy", CopySource=source(bucket))
    same(s.read(there, "copy"), b"hamster")


@fact
def by_the_transfer_library(s):
    """As programs do: it asks for the head of the source first."""
    bucket, _ = s.put(ContentType="text/seed")
    s.client.copy(source(bucket), bucket, "copy")
    found = s.client.get_object(Bucket=bucket, Key="copy")
    same((found["Body"].read(), found["ContentType"]), (b"hamster", "text/seed"))


GIVEN = {
    "ContentType": "audio/ogg",
    "CacheControl": "private",
    "Metadata": {"one": "1", "two": "2"},
}


@table(("small", 3), ("one_mib", MIB))
def keeps(s, length):
    bucket, _ = s.put(pattern(length), **GIVEN)
    s.client.copy_object(Bucket=bucket, Key="copy", CopySource=source(bucket))
    head = s.client.head_object(Bucket=bucket, Key="copy")
    same({name: head.get(name) for name in GIVEN}, GIVEN)
    same(head["ContentLength"], length)


@table(("small", 3), ("one_mib", MIB))
def replaces(s, length):
    bucket, _ = s.put(pattern(length), **GIVEN)
    given = {
        "ContentType": "audio/flac",
        "Metadata": {"three": "3"},
        "MetadataDirective": "REPLACE",
    }
    s.client.copy_object(Bucket=bucket, Key="copy", CopySource=source(bucket), **given)
    head = s.client.head_object(Bucket=bucket, Key="copy")
    same(
        (head["ContentType"], head["Metadata"], head.get("CacheControl")),
        ("audio/flac", {"three": "3"}, None),
    )
    same(head["ContentLength"], length)


@fact
def ignores_metadata_unless_replacing(s):
    bucket, _ = s.put(**GIVEN)
    s.client.copy_object(
        Bucket=bucket,
        Key="copy",
        CopySource=source(bucket),
        Metadata={"three": "3"},
        MetadataDirective="COPY",
    )
    same(s.client.head_object(Bucket=bucket, Key="copy")["Metadata"], GIVEN["Metadata"])


@fact
def unknown_directive(s):
    bucket, _ = s.put()
    answer = s.user.ask(
        "PUT",
        f"/{bucket}/copy",
        headers={"x-amz-copy-source": f"/{bucket}/seed", "x-amz-metadata-directive": "MERGE"},
    )
    answer.wanted(400, "InvalidArgument")


@fact
def onto_itself(s):
    bucket, _ = s.put()
    refused(
        400,
        "InvalidRequest",
        s.client.copy_object,
        Bucket=bucket,
        Key="seed",
        CopySource=source(bucket),
    )


@fact
def onto_itself_with_new_metadata(s):
    bucket, _ = s.put(Metadata={"old": "1"})
    s.client.copy_object(
        Bucket=bucket,
        Key="seed",
        CopySource=source(bucket),
        Metadata={"new": "2"},
        MetadataDirective="REPLACE",
    )
    found = s.client.get_object(Bucket=bucket, Key="seed")
    same((found["Body"].read(), found["Metadata"]), (b"hamster", {"new": "2"}))


@fact
def from_unknown_bucket(s):
    refused(
        404,
        "NoSuchBucket",
        s.client.copy_object,
        Bucket=s.bucket(),
        Key="copy",
        CopySource=source(s.name()),
    )


@fact
def from_unknown_key(s):
    bucket = s.bucket()
    refused(
        404, "NoSuchKey", s.client.copy_object, Bucket=bucket, Key="copy", CopySource=source(bucket)
    )


@fact
def to_unknown_bucket(s):
    bucket, _ = s.put()
    refused(
        404,
        "NoSuchBucket",
        s.client.copy_object,
        Bucket=s.name(),
        Key="copy",
        CopySource=source(bucket),
    )


@fact
def from_someone_else(s):
    bucket, _ = s.put()
    theirs = s.bucket(owner=s.other)
    refused(
        403,
        "AccessDenied",
        s.other.client.copy_object,
        Bucket=theirs,
        Key="copy",
        CopySource=source(bucket),
    )
    refused(404, "NoSuchKey", s.other.client.get_object, Bucket=theirs, Key="copy")


@fact
def to_someone_else(s):
    bucket, _ = s.put()
    theirs = s.bucket(owner=s.other)
    refused(
        403,
        "AccessDenied",
        s.client.copy_object,
        Bucket=theirs,
        Key="copy",
        CopySource=source(bucket),
    )


@table(
    ("plain", "{}/seed"),
    ("slash_first", "/{}/seed"),
    ("encoded", "{}%2Fseed"),
    ("encoded_slash_first", "%2F{}%2Fseed"),
)
def source_written(s, shape):
    bucket, _ = s.put()
    s.user.ask(
        "PUT", f"/{bucket}/copy", headers={"x-amz-copy-source": shape.format(bucket)}
    ).wanted(200)
    same(s.read(bucket, "copy"), b"hamster")


@table(
    ("question_mark", "a?b"),
    ("plus", "a+b"),
    ("space", "a b"),
    ("percent", "a%41b"),
    ("unicode", "ämster"),
    ("version_word", "a?versionId"),
    ("ampersand", "a&b"),
)
def source_key(s, key):
    bucket, _ = s.put(key=key)
    s.client.copy_object(Bucket=bucket, Key="copy&more", CopySource=source(bucket, key))
    same(s.read(bucket, "copy&more"), b"hamster")


@table(("no_key", "{}"), ("nothing", ""), ("no_bucket", "/"))
def source_malformed(s, shape):
    bucket = s.bucket()
    answer = s.user.ask(
        "PUT", f"/{bucket}/copy", headers={"x-amz-copy-source": shape.format(bucket)}
    )
    answer.wanted(400, "InvalidArgument")
    refused(404, "NoSuchKey", s.client.get_object, Bucket=bucket, Key="copy")


@fact
def of_an_object_in_parts(s):
    """The copy is an object of one piece."""
    bucket, given = s.bucket(), {"Key": "parts"}
    given["Bucket"] = bucket
    given["UploadId"] = s.client.create_multipart_upload(
        **given, Metadata={"kept": "yes"}, ContentType="text/x"
    )["UploadId"]
    bodies = [pattern(5 * MIB, 1), pattern(MIB, 2)]
    parts = [
        {
            "PartNumber": number,
            "ETag": s.client.upload_part(**given, PartNumber=number, Body=body)["ETag"],
        }
        for number, body in enumerate(bodies, 1)
    ]
    s.client.complete_multipart_upload(**given, MultipartUpload={"Parts": parts})
    s.client.copy_object(Bucket=bucket, Key="copy", CopySource=source(bucket, "parts"))
    found = s.client.get_object(Bucket=bucket, Key="copy")
    assert found["Body"].read() == b"".join(bodies), "the bytes differ"
    same((found["Metadata"], found["ContentType"]), ({"kept": "yes"}, "text/x"))
    assert "-" not in found["ETag"], found["ETag"]
