"""Conditions: requests that are only done if the object is, or is not, what the client thinks."""

import datetime
from concurrent.futures import ThreadPoolExecutor

from .scene import fact, refused, same, table

LONG_AGO = "Tue, 15 Nov 1994 12:45:26 GMT"
FAR_AHEAD = "Tue, 15 Nov 2095 12:45:26 GMT"
OTHER = '"00000000000000000000000000000000"'


@table(
    ("if_match", {"If-Match": "ETAG"}, 200),
    ("if_match_without_quotes", {"If-Match": "BARE"}, 200),
    ("if_match_any", {"If-Match": "*"}, 200),
    ("if_match_one_of_two", {"If-Match": f"{OTHER}, ETAG"}, 200),
    ("if_match_other", {"If-Match": OTHER}, 412),
    ("if_match_nonsense", {"If-Match": '"nonsense"'}, 412),
    ("if_none_match", {"If-None-Match": "ETAG"}, 304),
    ("if_none_match_any", {"If-None-Match": "*"}, 304),
    ("if_none_match_other", {"If-None-Match": OTHER}, 200),
    ("if_none_match_nonsense", {"If-None-Match": "nonsense"}, 200),
    ("if_modified_long_ago", {"If-Modified-Since": LONG_AGO}, 200),
    ("if_modified_since_then", {"If-Modified-Since": "TIME"}, 304),
    ("if_unmodified_long_ago", {"If-Unmodified-Since": LONG_AGO}, 412),
    ("if_unmodified_since_then", {"If-Unmodified-Since": "TIME"}, 200),
    ("if_unmodified_far_ahead", {"If-Unmodified-Since": FAR_AHEAD}, 200),
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    ("an_etag_outranks_a_date", {"If-Match": "ETAG", "If-Unmodified-Since": LONG_AGO}, 200),
    (
        "an_etag_outranks_a_date_for_none",
        {"If-None-Match": "ETAG", "If-Modified-Since": LONG_AGO},
        304,
    ),
)
def read(s, given, status):
    bucket, put = s.put()
    modified = s.client.head_object(Bucket=bucket, Key="seed")["LastModified"]
    words = {
        "ETAG": put["ETag"],
        "BARE": put["ETag"].strip('"'),
        "TIME": modified.strftime("%a, %d %b %Y %H:%M:%S GMT"),
    }
    asked = {}
    for name, value in given.items():
        for word, meant in words.items():
            value = value.replace(word, meant)
        asked[name] = value
    for method in "GET", "HEAD":
        answer = s.user.ask(method, f"/{bucket}/seed", headers=asked)
        answer.wanted(status, "PreconditionFailed" if (status, method) == (412, "GET") else None)
        if status == 304:
            same((answer.body, answer.headers["etag"]), (b"", put["ETag"]), "what a 304 carries")


@fact
def if_modified_a_second_later(s):
    """A second behind the object's time is not behind it for a moment in between."""
    bucket, put = s.put()
    modified = s.client.head_object(Bucket=bucket, Key="seed")["LastModified"]
    before = (modified - datetime.timedelta(seconds=1)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    s.user.ask("GET", f"/{bucket}/seed", headers={"If-Modified-Since": before}).wanted(200)
    s.user.ask("GET", f"/{bucket}/seed", headers={"If-Unmodified-Since": before}).wanted(
        412, "PreconditionFailed"
    )


# An object that is there. https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
@table(
    ("if_match", {"IfMatch": "ETAG"}, None, None),
    ("if_match_without_quotes", {"IfMatch": "BARE"}, None, None),
    ("if_match_other", {"IfMatch": OTHER}, 412, "PreconditionFailed"),
    ("if_none_match_any", {"IfNoneMatch": "*"}, 412, "PreconditionFailed"),
    # Only `*` is documented for If-None-Match: the suite wants ETags compared.
    ("if_none_match_an_etag", {"IfNoneMatch": OTHER}, 501, "NotImplemented"),
)
def write(s, given, status, code):
    bucket, put = s.put(b"old")
    words = {"ETAG": put["ETag"], "BARE": put["ETag"].strip('"')}
    asked = {name: words.get(value, value) for name, value in given.items()}
    if status is None:
        s.client.put_object(Bucket=bucket, Key="seed", Body=b"new", **asked)
    else:
        refused(status, code, s.client.put_object, Bucket=bucket, Key="seed", Body=b"new", **asked)
    same(s.read(bucket), b"old" if status else b"new")


# One that is not. The suite wants 412 of If-Match; AWS documents 404:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
@table(
    ("if_match", {"IfMatch": OTHER}, 404, "NoSuchKey"),
    ("if_none_match_any", {"IfNoneMatch": "*"}, None, None),
)
def write_first(s, given, status, code):
    bucket = s.bucket()
    if status is None:
        s.client.put_object(Bucket=bucket, Key="seed", Body=b"new", **given)
        same(s.read(bucket), b"new")
    else:
        refused(status, code, s.client.put_object, Bucket=bucket, Key="seed", Body=b"new", **given)
        refused(404, "NoSuchKey", s.client.get_object, Bucket=bucket, Key="seed")


@fact
def write_after_a_delete(s):
    bucket, put = s.put(b"old")
    s.client.delete_object(Bucket=bucket, Key="seed")
    refused(
        404,
        "NoSuchKey",
        s.client.put_object,
        Bucket=bucket,
        Key="seed",
        Body=b"new",
        IfMatch=put["ETag"],
    )
    s.client.put_object(Bucket=bucket, Key="seed", Body=b"new", IfNoneMatch="*")


def race(s, bucket, count, **given):
    """What each of `count` writers was told: 200 or the code of a refusal."""

    def one(number):
        body = f"writer {number}".encode()
        answer = s.user.ask("PUT", f"/{bucket}/seed", headers=given["headers"], body=body)
        return answer.code or answer.status

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@fact
def one_of_many_creators(s):
    told = race(s, s.bucket(), 12, headers={"If-None-Match": "*"})
    same(told.count(200), 1, f"{told}: winners")
    assert set(told) <= {200, "PreconditionFailed", "ConditionalRequestConflict"}, told


@fact
def one_of_many_replacers(s):
    bucket, put = s.put()
    told = race(s, bucket, 12, headers={"If-Match": put["ETag"]})
    same(told.count(200), 1, f"{told}: winners")
    assert set(told) <= {200, "PreconditionFailed", "ConditionalRequestConflict"}, told


def upload(s, bucket, body=b"part"):
    given = {"Bucket": bucket, "Key": "seed"}
    given["UploadId"] = s.client.create_multipart_upload(**given)["UploadId"]
    etag = s.client.upload_part(**given, PartNumber=1, Body=body)["ETag"]
    return {**given, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": etag}]}}


@table(
    ("if_none_match_any", {"IfNoneMatch": "*"}, True, 412, "PreconditionFailed"),
    ("if_none_match_any_first", {"IfNoneMatch": "*"}, False, None, None),
    ("if_match", {"IfMatch": "ETAG"}, True, None, None),
    ("if_match_other", {"IfMatch": OTHER}, True, 412, "PreconditionFailed"),
    ("if_match_first", {"IfMatch": OTHER}, False, 404, "NoSuchKey"),
)
def complete(s, given, there, status, code):
    bucket, etag = s.bucket(), ""
    if there:
        etag = s.client.put_object(Bucket=bucket, Key="seed", Body=b"old")["ETag"]
    asked = {name: value.replace("ETAG", etag) for name, value in given.items()}
    call = upload(s, bucket)
    if status is None:
        s.client.complete_multipart_upload(**call, **asked)
        same(s.read(bucket), b"part")
    else:
        refused(status, code, s.client.complete_multipart_upload, **call, **asked)
        same(
            [found["Key"] for found in s.client.list_objects_v2(Bucket=bucket).get("Contents", [])],
            ["seed"] * there,
        )


# https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
@table(("if_match", "ETAG", None), ("if_match_any", "*", None), ("if_match_other", OTHER, 412))
def delete(s, asked, status):
    bucket, put = s.put()
    asked = asked.replace("ETAG", put["ETag"])
    if status:
        refused(
            status,
            "PreconditionFailed",
            s.client.delete_object,
            Bucket=bucket,
            Key="seed",
            IfMatch=asked,
        )
        same(s.read(bucket), b"hamster")
    else:
        s.client.delete_object(Bucket=bucket, Key="seed", IfMatch=asked)
        refused(404, "NoSuchKey", s.client.get_object, Bucket=bucket, Key="seed")


@table(
    ("if_match", {"CopySourceIfMatch": "ETAG"}, True),
    ("if_match_other", {"CopySourceIfMatch": OTHER}, False),
    ("if_none_match", {"CopySourceIfNoneMatch": "ETAG"}, False),
    ("if_none_match_other", {"CopySourceIfNoneMatch": OTHER}, True),
    ("if_modified_long_ago", {"CopySourceIfModifiedSince": LONG_AGO}, True),
    ("if_unmodified_long_ago", {"CopySourceIfUnmodifiedSince": LONG_AGO}, False),
    ("if_unmodified_far_ahead", {"CopySourceIfUnmodifiedSince": FAR_AHEAD}, True),
)
def copy_source(s, given, done):
    bucket, put = s.put()
    asked = {name: value.replace("ETAG", put["ETag"]) for name, value in given.items()}
    call = {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/seed", **asked}
    if done:
        s.client.copy_object(**call)
        same(s.read(bucket, "copy"), b"hamster")
    else:
        refused(412, "PreconditionFailed", s.client.copy_object, **call)
        refused(404, "NoSuchKey", s.client.get_object, Bucket=bucket, Key="copy")


@table(("if_none_match_any", {"IfNoneMatch": "*"}), ("if_match_other", {"IfMatch": OTHER}))
def copy_destination(s, given):
    bucket = s.bucket("seed", "copy")
    call = {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/seed", **given}
    refused(412, "PreconditionFailed", s.client.copy_object, **call)
    same(s.read(bucket, "copy"), b"copy")
