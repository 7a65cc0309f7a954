"""Headers that any request may have, and what comes of those that are missing or make no sense."""

import base64
import email.utils
import hashlib

from .scene import fact, refused, same, table

BODY = b"body"


def md5(body):
    return base64.b64encode(hashlib.md5(body).digest()).decode()


@table(
    ("right", md5(BODY), 200, None),
    ("other", md5(b"other"), 400, "BadDigest"),
    ("short", base64.b64encode(b"seed").decode(), 400, "InvalidDigest"),
    ("empty", "", 400, "InvalidDigest"),
    ("no_base64", "AWS seed", 400, "InvalidDigest"),
)
def content_md5(s, value, status, code):
    bucket = s.bucket()
    s.user.ask("PUT", f"/{bucket}/k", headers={"Content-MD5": value}, body=BODY).wanted(
        status, code
    )
    same(s.client.list_objects_v2(Bucket=bucket)["KeyCount"], int(status == 200))


@fact
def content_md5_twice(s):
    # Another name to the client library, the same to HTTP.
    both = {"Content-MD5": md5(BODY), "content-md5": md5(b"other")}
    s.user.ask("PUT", f"/{s.bucket()}/k", body=BODY, after=both).wanted(400, "InvalidDigest")


# Of PUT and of CreateBucket, which needs no body and so no length.
@table(
    ("empty", {"Content-Length": ""}, 400),
    ("negative", {"Content-Length": "-1"}, 400),
    ("no_number", {"Content-Length": "four"}, 400),
)
def content_length(s, bent, status):
    bucket = s.bucket()
    s.user.ask("PUT", f"/{bucket}/k", body=BODY, after=bent).wanted(status)
    s.user.ask("PUT", f"/{s.name()}", after=bent).wanted(status)
    same(s.client.list_objects_v2(Bucket=bucket)["KeyCount"], 0)


@fact
def content_length_missing(s):
    bucket = s.bucket()
    s.user.ask("PUT", f"/{bucket}/k", without=["Content-Length"]).wanted(
        411, "MissingContentLength"
    )
    s.user.ask("PUT", f"/{s.name()}", without=["Content-Length"]).wanted(200)


@fact
def length_told_by_chunks(s):
    # Every PUT needs a Content-Length, or that of aws-chunked; the suite wants this done.
    # https://docs.aws.amazon.com/AmazonS3/latest/API/RESTCommonRequestHeaders.html
    bucket = s.bucket()
    request = s.user.ask(
        "PUT",
        f"/{bucket}/k",
        body=b"",
        after={"Transfer-Encoding": "chunked"},
        without=["Content-Length"],
    )
    assert request.status in (411, 501), f"got {request.status} {request.code}"


@table(
    ("a_number", {"Expect": "200"}),
    ("empty", {"Expect": ""}),
    ("content_type", {"Content-Type": "text/plain"}),
    ("content_type_empty", {"Content-Type": ""}),
    ("agent", {"User-Agent": "seed"}),
    ("agent_empty", {"User-Agent": ""}),
    ("unknown", {"x-unheard-of": "yes"}),
)
def header_that_changes_nothing(s, given):
    """Some of these make no sense, and S3 does what it is asked all the same."""
    bucket = s.bucket()
    s.user.ask("PUT", f"/{bucket}/k", body=BODY, after=given).wanted(200)
    same(s.read(bucket, "k"), BODY)
    s.user.ask("PUT", f"/{s.name()}", after=given).wanted(200)


@table(("missing", {}, ["Authorization"]), ("empty", {"Authorization": ""}, []))
def authorization(s, after, without):
    bucket = s.bucket()
    s.user.ask("PUT", f"/{bucket}/k", body=BODY, after=after, without=without).wanted(
        403, "AccessDenied"
    )
    s.user.ask("PUT", f"/{s.name()}", after=after, without=without).wanted(403, "AccessDenied")


# Version 2 is not there, whatever follows its name: as in every region since 2014.
# https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
@table(
    ("of_version_two", "AWS AKIDSEED:c2VlZHNlZWRzZWVkc2VlZHNlZWQ=", "InvalidRequest"),
    ("of_version_two_cut", "AWS seed", "InvalidRequest"),
    ("nonsense", "seed", "InvalidRequest"),
    ("cut_off", "AWS4-HMAC-SHA256 Credential=a", "AuthorizationHeaderMalformed"),
)
def authorization_bent(s, value, code):
    bucket = s.bucket()
    s.user.ask("PUT", f"/{bucket}/k", body=BODY, after={"Authorization": value}).wanted(400, code)
    s.user.ask("PUT", f"/{s.name()}", after={"Authorization": value}).wanted(400, code)


@table(
    ("missing", {}, ["X-Amz-Date"]),
    ("empty", {"X-Amz-Date": ""}, []),
    ("no_date", {"X-Amz-Date": "yesterday"}, []),
)
def date(s, after, without):
    bucket = s.bucket()
    s.user.ask("PUT", f"/{bucket}/k", body=BODY, after=after, without=without).wanted(
        403, "AccessDenied"
    )


@fact
def date_instead_of_amz_date(s):
    bucket = s.bucket()
    s.user.ask(
        "PUT", f"/{bucket}/k", headers={"Date": email.utils.formatdate(usegmt=True)}, body=BODY
    ).wanted(200)


@fact
def date_beside_amz_date(s):
    """The latter counts, so the former may be anything."""
    bucket = s.bucket()
    s.user.ask(
        "PUT", f"/{bucket}/k", body=BODY, after={"Date": "Tue, 07 Jul 2015 21:53:04 GMT"}
    ).wanted(200)


@fact
def content_sha256_missing(s):
    # https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
    answer = s.user.ask("GET", f"/{s.bucket()}", without=["X-Amz-Content-SHA256"])
    assert answer.status in (400, 403), f"got {answer.status}"


@table(("bucket", "/BUCKET"), ("object", "/BUCKET/k"))
def acl_that_is_none(s, path):
    bucket = s.bucket()
    s.user.ask(
        "PUT", path.replace("BUCKET", bucket), headers={"x-amz-acl": "publik"}, body=b""
    ).wanted(400, "InvalidArgument")


@fact
def answers_say_who_and_which(s):
    answer = s.user.ask("GET", f"/{s.bucket()}").wanted(200)
    for name in "x-amz-request-id", "x-amz-id-2", "date":
        assert answer.headers.get(name), f"no {name}"
    same(answer.headers["content-type"], "application/xml")


@table(("patch", "PATCH"), ("made_up", "SEED"))
def method_that_is_none(s, method):
    bucket = s.bucket("k")
    answer = s.user.ask(method, f"/{bucket}/k")
    assert answer.status in (400, 405, 501), f"got {answer.status}"


@fact
def operation_that_is_not_there(s):
    refused(501, "NotImplemented", s.client.get_bucket_website, Bucket=s.bucket())
