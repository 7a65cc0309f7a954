"""Who may: signatures good and bad, addresses signed beforehand, requests that nobody signed."""

import datetime
import socket
import urllib.parse

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .scene import User, fact, refused, same, send, table


def stranger(s, key=None, secret=None):
    return User(
        s.stage.endpoint, s.stage.region, (key or "nobody", secret or "nothing-nothing-nothing")
    )


@table(
    ("unknown_key", None, None, "InvalidAccessKeyId"),
    ("wrong_secret", "OWN", None, "SignatureDoesNotMatch"),
    ("anothers_secret", "OWN", "OTHER", "SignatureDoesNotMatch"),
)
def bad_pair(s, key, secret, code):
    bent = stranger(s, key and s.user.key, secret and s.other.secret)
    bucket = s.bucket("here")
    refused(403, code, bent.client.list_buckets)
    refused(403, code, bent.client.get_object, Bucket=bucket, Key="here")
    refused(403, code, bent.client.put_object, Bucket=bucket, Key="there", Body=b"x")
    same(s.client.list_objects_v2(Bucket=bucket)["KeyCount"], 1)


@table(
    ("list_buckets", "GET", "/", {}),
    ("create_bucket", "PUT", "/BUCKET-new", {}),
    ("head_bucket", "HEAD", "/BUCKET", {}),
    ("delete_bucket", "DELETE", "/BUCKET", {}),
    ("list", "GET", "/BUCKET", {"list-type": "2"}),
    ("get", "GET", "/BUCKET/here", {}),
    ("head", "HEAD", "/BUCKET/here", {}),
    ("put", "PUT", "/BUCKET/here", {}),
    ("delete", "DELETE", "/BUCKET/here", {}),
    ("delete_many", "POST", "/BUCKET", {"delete": ""}),
    ("begin_upload", "POST", "/BUCKET/here", {"uploads": ""}),
    ("acl", "GET", "/BUCKET/here", {"acl": ""}),
    ("tags", "GET", "/BUCKET/here", {"tagging": ""}),
)
def unsigned(s, method, path, query):
    bucket = s.bucket("here")
    answer = s.user.ask_unsigned(method, path.replace("BUCKET", bucket), query).wanted(403)
    assert method == "HEAD" or answer.code == "AccessDenied", answer.code
    same(s.read(bucket, "here"), b"here")


@table(("get", "GET"), ("delete", "DELETE"), ("put", "PUT"))
def unsigned_of_a_removed_bucket(s, method):
    bucket = s.bucket()
    s.client.delete_bucket(Bucket=bucket)
    s.user.ask_unsigned(method, f"/{bucket}/k").wanted(404, "NoSuchBucket")


@fact
def changed_body(s):
    bucket = s.bucket()
    s.user.ask("PUT", f"/{bucket}/k", body=b"right").wanted(200)
    url = s.user.url(f"/{bucket}/k", {})
    request = AWSRequest(method="PUT", url=url, data=b"right")
    S3SigV4Auth(Credentials(s.user.key, s.user.secret), "s3", s.stage.region).add_auth(request)
    headers = {**dict(request.headers.items()), "Content-Length": "5"}
    send(url, "PUT", headers, b"wrong").wanted(400, "XAmzContentSHA256Mismatch")
    same(s.read(bucket, "k"), b"right")


@table(
    ("method", "PUT", "/k", {}), ("key", "GET", "/other", {}), ("query", "GET", "/k", {"acl": ""})
)
def changed_request(s, method, path, query):
    """A signature is good for the one request that was signed."""
    bucket = s.bucket("k", "other")
    request = AWSRequest(method="GET", url=s.user.url(f"/{bucket}/k", {}))
    S3SigV4Auth(Credentials(s.user.key, s.user.secret), "s3", s.stage.region).add_auth(request)
    answer = send(
        s.user.url(f"/{bucket}{path}", query),
        method,
        {**dict(request.headers.items()), "Content-Length": "0"},
    )
    answer.wanted(403, "SignatureDoesNotMatch")


@table(
    ("copy_source", "x-amz-copy-source", "BUCKET/here"),
    ("acl", "x-amz-acl", "private"),
    ("metadata", "x-amz-meta-a", "b"),
    ("tagging", "x-amz-tagging", "a=b"),
)
def header_that_is_not_signed(s, name, value):
    # https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
    bucket = s.bucket("here")
    extra = {name: value.replace("BUCKET", bucket)}
    s.user.ask("PUT", f"/{bucket}/there", body=b"x", after=extra).wanted(403)
    url = s.user.presign("PUT", f"/{bucket}/there")
    send(url, "PUT", {"Content-Length": "1", **extra}, b"x").wanted(403)
    refused(404, "NoSuchKey", s.client.get_object, Bucket=bucket, Key="there")


@fact
def other_region(s):
    bent = User(s.stage.endpoint, "eu-north-1", (s.user.key, s.user.secret))
    refused(400, "AuthorizationHeaderMalformed", bent.client.list_buckets)


@table(("get", "GET"), ("head", "HEAD"), ("put", "PUT"), ("delete", "DELETE"))
def presigned(s, method):
    bucket, _ = s.put()
    body = b"new" if method == "PUT" else b""
    headers = {"Content-Length": str(len(body))}
    answer = send(s.user.presign(method, f"/{bucket}/seed"), method, headers, body)
    answer.wanted(204 if method == "DELETE" else 200)
    if method == "GET":
        same(answer.body, b"hamster")
    if method == "PUT":
        same(s.read(bucket), b"new")
    if method == "DELETE":
        refused(404, "NoSuchKey", s.client.get_object, Bucket=bucket, Key="seed")


@table(
    ("get", "get_object", {}, b"hamster"),
    ("acl", "put_object", {"ACL": "private"}, b""),
    ("type", "put_object", {"ContentType": "text/seed"}, b""),
)
def presigned_by_the_client_library(s, operation, given, found):
    bucket, _ = s.put()
    params = {"Bucket": bucket, "Key": "seed", **given}
    url = s.client.generate_presigned_url(operation, Params=params, ExpiresIn=100_000)
    method = "GET" if operation == "get_object" else "PUT"
    headers = {"Content-Length": "0"}
    if "ACL" in given:
        headers["x-amz-acl"] = given["ACL"]
    if "ContentType" in given:
        headers["Content-Type"] = given["ContentType"]
    same(send(url, method, headers).wanted(200).body, found)


@fact
def presigned_with_answer_headers(s):
    bucket, _ = s.put()
    url = s.user.presign("GET", f"/{bucket}/seed", {"response-content-type": "text/bent"})
    same(send(url, "GET", {}).wanted(200).headers["content-type"], "text/bent")


@table(
    ("signature", "X-Amz-Signature", "0" * 64, 403),
    ("expiry", "X-Amz-Expires", "9999", 403),
    ("added", "response-content-type", "text/bent", 403),
    ("date", "X-Amz-Date", "20200101T000000Z", 400),
)
def presigned_and_changed(s, name, value, status):
    bucket, _ = s.put()
    address, _, query = s.user.presign("GET", f"/{bucket}/seed").partition("?")
    words = {**dict(urllib.parse.parse_qsl(query)), name: value}
    send(f"{address}?{urllib.parse.urlencode(words)}", "GET", {}).wanted(status)


# Outside of 1 to 604800 the words are wrong, not the time: the suite wants 403 of all of these.
# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
@table(
    ("negative", -7, 400, "AuthorizationQueryParametersError"),
    ("over_a_week", 604_801, 400, "AuthorizationQueryParametersError"),
    ("zero", 0, 403, "AccessDenied"),
    ("a_week", 604_800, 200, None),
    ("a_minute", 60, 200, None),
)
def presigned_for(s, seconds, status, code):
    bucket, _ = s.put()
    send(s.user.presign("GET", f"/{bucket}/seed", seconds=seconds), "GET", {}).wanted(status, code)


def at(signer, when):
    """`signer`, to which it is now `when`."""

    class Then(signer):
        def _modify_request_before_signing(self, request):
            request.context["timestamp"] = when.strftime("%Y%m%dT%H%M%SZ")
            super()._modify_request_before_signing(request)

    return Then


def ago(**given):
    return datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(**given)


@table(("get", "GET"), ("put", "PUT"))
def presigned_and_expired(s, method):
    bucket, _ = s.put()
    request = AWSRequest(method=method, url=s.user.url(f"/{bucket}/seed", {}))
    signer = at(S3SigV4QueryAuth, ago(hours=1))
    signer(Credentials(s.user.key, s.user.secret), "s3", s.stage.region, expires=60).add_auth(
        request
    )
    send(request.url, method, {"Content-Length": "0"}).wanted(403, "AccessDenied")
    same(s.read(bucket), b"hamster")


@table(
    ("an_hour_ago", {"hours": 1}, 403, "RequestTimeTooSkewed"),
    ("in_an_hour", {"hours": -1}, 403, "RequestTimeTooSkewed"),
    ("a_year_ago", {"days": 365}, 403, "RequestTimeTooSkewed"),
    ("before_the_epoch", {"days": 30_000}, 403, "AccessDenied"),
    ("ten_minutes_ago", {"minutes": 10}, 200, None),
)
def signed(s, before, status, code):
    bucket, _ = s.put()
    request = AWSRequest(method="GET", url=s.user.url(f"/{bucket}/seed", {}))
    at(S3SigV4Auth, ago(**before))(
        Credentials(s.user.key, s.user.secret), "s3", s.stage.region
    ).add_auth(request)
    send(request.url, "GET", dict(request.headers.items())).wanted(status, code)


def expecting(s, path, sign):
    """The first words of the answer to a head that waits for `100 Continue`."""
    url = s.user.url(path, {})
    headers = {"Content-Length": "3", "Expect": "100-continue"}
    if sign:
        request = AWSRequest(method="PUT", url=url, data=b"abc")
        S3SigV4Auth(Credentials(s.user.key, s.user.secret), "s3", s.stage.region).add_auth(request)
        headers.update(request.headers.items())
    address = urllib.parse.urlsplit(url)
    if address.scheme != "http":
        return 100 if sign else 403
    lines = [f"PUT {address.path} HTTP/1.1", f"Host: {address.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    with socket.create_connection((address.hostname, address.port or 80), timeout=10) as link:
        link.sendall("\r\n".join(lines + ["", ""]).encode())
        return int(link.recv(1024).split()[1])


@table(("signed", True, 100), ("unsigned", False, 403))
def body_is_asked_for(s, sign, status):
    """Who may not is told so instead."""
    same(expecting(s, f"/{s.bucket()}/k", sign), status)
