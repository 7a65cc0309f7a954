"""Tags of objects and of buckets."""

from .scene import fact, refused, same, table


def tags(count, key="{}", value="{}"):
    return {"TagSet": [{"Key": key.format(n), "Value": value.format(n)} for n in range(count)]}


def found(s, bucket, key="seed"):
    return sorted(
        s.client.get_object_tagging(Bucket=bucket, Key=key)["TagSet"], key=lambda tag: tag["Key"]
    )


@table(
    ("one", tags(1)),
    ("two", tags(2)),
    ("ten", tags(10)),
    ("of_the_longest", tags(10, "{}" + "k" * 127, "{}" + "v" * 255)),
    ("with_signs", {"TagSet": [{"Key": "a+b = c-d_e:f/g@h.i", "Value": "ä + / = ."}]}),
    ("without_value", {"TagSet": [{"Key": "empty", "Value": ""}]}),
)
def put(s, given):
    bucket, _ = s.put()
    s.client.put_object_tagging(Bucket=bucket, Key="seed", Tagging=given)
    same(found(s, bucket), sorted(given["TagSet"], key=lambda tag: tag["Key"]))
    headers = s.client.head_object(Bucket=bucket, Key="seed")["ResponseMetadata"]["HTTPHeaders"]
    same(headers["x-amz-tagging-count"], str(len(given["TagSet"])))


@table(
    ("eleven", tags(11), "InvalidTag"),
    ("of_a_long_key", tags(1, "k" * 129), "InvalidTag"),
    ("of_a_long_value", tags(1, "k", "v" * 257), "InvalidTag"),
    ("twice_the_same", tags(2, "k"), "InvalidTag"),
    ("with_a_strange_sign", tags(1, "a#b"), "InvalidTag"),
    ("of_the_system", tags(1, "aws:mine"), "InvalidTag"),
)
def refuse(s, given, code):
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectTagging.html
    bucket, _ = s.put()
    refused(400, code, s.client.put_object_tagging, Bucket=bucket, Key="seed", Tagging=given)
    same(found(s, bucket), [])


@fact
def replaced(s):
    bucket, _ = s.put()
    s.client.put_object_tagging(Bucket=bucket, Key="seed", Tagging=tags(2))
    s.client.put_object_tagging(Bucket=bucket, Key="seed", Tagging=tags(1, "new"))
    same(found(s, bucket), [{"Key": "new", "Value": "0"}])


@fact
def removed(s):
    bucket, _ = s.put()
    s.client.put_object_tagging(Bucket=bucket, Key="seed", Tagging=tags(2))
    answer = s.client.delete_object_tagging(Bucket=bucket, Key="seed")
    same((answer["ResponseMetadata"]["HTTPStatusCode"], found(s, bucket)), (204, []))
    assert (
        "x-amz-tagging-count"
        not in s.client.head_object(Bucket=bucket, Key="seed")["ResponseMetadata"]["HTTPHeaders"]
    )


@fact
def nothing_else_changes(s):
    bucket, put = s.put()
    before = s.client.head_object(Bucket=bucket, Key="seed")
    s.client.put_object_tagging(Bucket=bucket, Key="seed", Tagging=tags(2))
    after = s.client.head_object(Bucket=bucket, Key="seed")
    same((after["ETag"], after["LastModified"]), (put["ETag"], before["LastModified"]))


@fact
def of_an_untagged_object(s):
    bucket, _ = s.put()
    same(found(s, bucket), [])


@table(
    ("get", "get_object_tagging", {}),
    ("put", "put_object_tagging", {"Tagging": tags(1)}),
    ("delete", "delete_object_tagging", {}),
)
def of_an_unknown_object(s, operation, given):
    refused(
        404, "NoSuchKey", getattr(s.client, operation), Bucket=s.bucket(), Key="nowhere", **given
    )


@fact
def in_a_header_of_put(s):
    bucket, _ = s.put(Tagging="one=1&empty&with%20space=a%2Bb")
    same(
        found(s, bucket),
        [
            {"Key": "empty", "Value": ""},
            {"Key": "one", "Value": "1"},
            {"Key": "with space", "Value": "a+b"},
        ],
    )


@fact
def in_a_bad_header_of_put(s):
    bucket = s.bucket()
    many = "&".join(f"k{number}=v" for number in range(11))
    answer = s.user.ask(
        "PUT", f"/{bucket}/seed", headers={"x-amz-tagging": many}, body=b"x"
    ).wanted(400)
    assert answer.code in ("BadRequest", "InvalidTag"), answer.code
    s.user.ask("PUT", f"/{bucket}/seed", headers={"x-amz-tagging": "k=1&k=2"}, body=b"x").wanted(
        400
    )
    refused(404, "NoSuchKey", s.client.get_object, Bucket=bucket, Key="seed")


@fact
def of_an_overwritten_object(s):
    bucket, _ = s.put(Tagging="one=1")
    s.client.put_object(Bucket=bucket, Key="seed", Body=b"again")
    same(found(s, bucket), [])


@fact
def of_an_object_in_parts(s):
    bucket = s.bucket()
    upload = {"Bucket": bucket, "Key": "seed"}
    upload["UploadId"] = s.client.create_multipart_upload(
        **upload, Tagging="hello=world&more=less"
    )["UploadId"]
    part = s.client.upload_part(**upload, PartNumber=1, Body=b"part")
    s.client.complete_multipart_upload(
        **upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    )
    same(found(s, bucket), [{"Key": "hello", "Value": "world"}, {"Key": "more", "Value": "less"}])
    same(
        s.client.delete_object_tagging(Bucket=bucket, Key="seed")["ResponseMetadata"][
            "HTTPStatusCode"
        ],
        204,
    )
    same(found(s, bucket), [])


@table(
    ("kept", {}, [{"Key": "one", "Value": "1"}]),
    (
        "replaced",
        {"TaggingDirective": "REPLACE", "Tagging": "two=2"},
        [{"Key": "two", "Value": "2"}],
    ),
    ("dropped", {"TaggingDirective": "REPLACE"}, []),
)
def of_a_copy(s, given, expected):
    bucket, _ = s.put(Tagging="one=1")
    s.client.copy_object(
        Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "seed"}, **given
    )
    same(found(s, bucket, "copy"), expected)


@fact
def of_a_bucket(s):
    bucket = s.bucket()
    refused(404, "NoSuchTagSet", s.client.get_bucket_tagging, Bucket=bucket)
    s.client.put_bucket_tagging(Bucket=bucket, Tagging=tags(1, "hello", "world"))
    same(s.client.get_bucket_tagging(Bucket=bucket)["TagSet"], [{"Key": "hello", "Value": "world"}])
    same(s.client.delete_bucket_tagging(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"], 204)
    refused(404, "NoSuchTagSet", s.client.get_bucket_tagging, Bucket=bucket)


@fact
def of_a_bucket_up_to_fifty(s):
    bucket = s.bucket()
    s.client.put_bucket_tagging(Bucket=bucket, Tagging=tags(50))
    same(len(s.client.get_bucket_tagging(Bucket=bucket)["TagSet"]), 50)
    refused(400, None, s.client.put_bucket_tagging, Bucket=bucket, Tagging=tags(51))


@fact
def broken_xml(s):
    bucket, _ = s.put()
    s.user.ask("PUT", f"/{bucket}/seed", {"tagging": ""}, body=b"<Tagging><TagSet>").wanted(
        400, "MalformedXML"
    )


@fact
def of_someone_else(s):
    bucket, _ = s.put()
    refused(403, "AccessDenied", s.other.client.get_object_tagging, Bucket=bucket, Key="seed")
    refused(
        403,
        "AccessDenied",
        s.other.client.put_object_tagging,
        Bucket=bucket,
        Key="seed",
        Tagging=tags(1),
    )
    refused(403, "AccessDenied", s.other.client.put_bucket_tagging, Bucket=bucket, Tagging=tags(1))
