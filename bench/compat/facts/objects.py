"""Objects written and read whole: bytes, names, metadata, what is told of them."""

import datetime
import email.header
import hashlib
import http.client
import threading
import urllib.parse

from .scene import MIB, fact, pattern, refused, same, send, table


@table(
    ("empty", 0),
    ("one_byte", 1),
    ("a_chunk", 64 << 10),
    ("small_limit", 128 << 10),
    ("above_small", (128 << 10) + 1),
    ("three_stripes", 3 * MIB + 7),
)
def round_trip(s, length):
    body = pattern(length)
    bucket, answer = s.put(body)
    etag = f'"{hashlib.md5(body).hexdigest()}"'
    same(answer["ETag"], etag, "ETag")
    found = s.client.get_object(Bucket=bucket, Key="seed")
    assert found["Body"].read() == body, "the bytes differ"
    same((found["ContentLength"], found["ETag"], found["AcceptRanges"]), (length, etag, "bytes"))
    head = s.client.head_object(Bucket=bucket, Key="seed")
    same((head["ContentLength"], head["ETag"]), (length, etag))


@fact
def life(s):
    bucket, _ = s.put(b"first")
    same(s.read(bucket), b"first")
    s.client.put_object(Bucket=bucket, Key="seed", Body=b"second")
    same(s.read(bucket), b"second")
    same(
        s.client.delete_object(Bucket=bucket, Key="seed")["ResponseMetadata"]["HTTPStatusCode"], 204
    )
    refused(404, "NoSuchKey", s.client.get_object, Bucket=bucket, Key="seed")
    refused(404, None, s.client.head_object, Bucket=bucket, Key="seed")


@fact
def read_unknown(s):
    error = refused(404, "NoSuchKey", s.client.get_object, Bucket=s.bucket(), Key="nowhere")
    same(error["Error"]["Key"], "nowhere")


@fact
def read_from_removed_bucket(s):
    bucket = s.bucket()
    s.client.delete_bucket(Bucket=bucket)
    refused(404, "NoSuchBucket", s.client.get_object, Bucket=bucket, Key="k")
    refused(404, "NoSuchBucket", s.client.delete_object, Bucket=bucket, Key="k")


@fact
def request_id_is_in_both_places(s):
    answer = s.user.ask("GET", f"/{s.bucket()}/nowhere").wanted(404, "NoSuchKey")
    assert answer.element("RequestId")
    same(answer.headers["x-amz-request-id"], answer.element("RequestId"))
    assert answer.headers["x-amz-id-2"] == answer.element("HostId")


@fact
def head_of_unknown_has_no_body(s):
    same(s.user.ask("HEAD", f"/{s.bucket()}/nowhere").wanted(404).body, b"")


@table(
    ("space", " "),
    ("quote", '"'),
    ("dollar", "$"),
    ("percent", "%"),
    ("ampersand", "&"),
    ("apostrophe", "'"),
    ("less", "<"),
    ("greater", ">"),
    ("underscore", "_"),
    ("two_underscores", "__"),
    ("underscores_apart", "_ _"),
    ("plus", "a+b"),
    ("question_mark", "a?b=c"),
    ("number_sign", "a#b"),
    ("encoded_slash", "a%2Fb"),
    ("two_slashes", "a//b"),
    ("slash_first", "/a"),
    ("slash_last", "a/"),
    ("dots", "a/../b"),
    ("dot", "./a"),
    ("unicode", "Hämster/仓鼠/🐹"),
    ("tab", "a\tb"),
    ("long", "k" * 1024),
    ("long_segment", "s" * 300 + "/" + "t" * 300),
)
def key(s, key):
    bucket = s.bucket(key)
    same(s.read(bucket, key), key.encode())
    same([found["Key"] for found in s.client.list_objects_v2(Bucket=bucket)["Contents"]], [key])
    same(
        [
            found["Key"]
            for found in s.client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}]})[
                "Deleted"
            ]
        ],
        [key],
    )


@fact
def key_too_long(s):
    refused(
        400, "KeyTooLongError", s.client.put_object, Bucket=s.bucket(), Key="k" * 1025, Body=b""
    )


@fact
def key_not_utf8(s):
    """Bytes that are no letter in any key."""
    bucket = s.bucket()
    url = s.user.presign("GET", f"/{bucket}/k").replace("/k?", "/%AE%8A-?")
    answer = send(url, "GET", {}).wanted(400, "InvalidURI")
    same(answer.element("Message"), "Couldn't parse the specified URI.")


@table(
    ("cache_control", {"CacheControl": "public, max-age=14400"}),
    ("content_disposition", {"ContentDisposition": 'attachment; filename="seed.txt"'}),
    ("content_encoding", {"ContentEncoding": "gzip"}),
    ("content_language", {"ContentLanguage": "de-DE"}),
    ("content_type", {"ContentType": "text/x-seed"}),
    ("metadata", {"Metadata": {"colour": "gold"}}),
    ("metadata_empty", {"Metadata": {"colour": ""}}),
    ("metadata_two", {"Metadata": {"one": "1", "two": "2"}}),
)
def kept(s, given):
    bucket, _ = s.put(**given)
    for call in s.client.get_object, s.client.head_object:
        answer = call(Bucket=bucket, Key="seed")
        same({name: answer.get(name) for name in given}, given)


@fact
def kept_expires(s):
    when = datetime.datetime(2031, 5, 6, 7, 8, 9, tzinfo=datetime.timezone.utc)
    bucket, _ = s.put(Expires=when)
    head = s.client.head_object(Bucket=bucket, Key="seed")
    same(head["ResponseMetadata"]["HTTPHeaders"]["expires"], "Tue, 06 May 2031 07:08:09 GMT")


@fact
def type_by_default(s):
    bucket = s.bucket()
    s.user.ask("PUT", f"/{bucket}/plain", body=b"x").wanted(200)
    same(s.client.head_object(Bucket=bucket, Key="plain")["ContentType"], "binary/octet-stream")


@fact
def aws_chunked_is_not_kept(s):
    bucket = s.bucket()
    s.client.put_object(Bucket=bucket, Key="seed", Body=b"x", ContentEncoding="aws-chunked,gzip")
    same(s.client.head_object(Bucket=bucket, Key="seed")["ContentEncoding"], "gzip")


@table(
    ("emptied", {"Metadata": {"colour": ""}}, {"colour": ""}),
    ("left_out", {}, {}),
    ("changed", {"Metadata": {"size": "s"}}, {"size": "s"}),
)
def metadata_of_an_overwrite(s, given, found):
    bucket, _ = s.put(Metadata={"colour": "gold"})
    s.client.put_object(Bucket=bucket, Key="seed", Body=b"again", **given)
    same(s.client.head_object(Bucket=bucket, Key="seed")["Metadata"], found)


@fact
def metadata_not_ascii(s):
    """Comes back in the words of RFC 2047.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html"""
    bucket, told = s.bucket(), "größte Hamster"
    s.user.ask("PUT", f"/{bucket}/seed", headers={"x-amz-meta-said": told}, body=b"x").wanted(200)
    found = s.client.head_object(Bucket=bucket, Key="seed")["Metadata"]["said"]
    assert found.isascii(), f"got {found!r}"
    same(str(email.header.make_header(email.header.decode_header(found))), told)


@fact
def metadata_too_large(s):
    refused(
        400,
        "MetadataTooLarge",
        s.client.put_object,
        Bucket=s.bucket(),
        Key="k",
        Body=b"",
        Metadata={"big": "x" * 2049},
    )


@fact
def answer_headers_on_request(s):
    bucket, _ = s.put(ContentType="text/plain", CacheControl="private")
    asked = {
        "ResponseCacheControl": "no-cache",
        "ResponseContentDisposition": "inline",
        "ResponseContentEncoding": "zstd",
        "ResponseContentLanguage": "eo",
        "ResponseContentType": "text/bent",
        "ResponseExpires": datetime.datetime(2030, 1, 2, tzinfo=datetime.timezone.utc),
    }
    answer = s.client.get_object(Bucket=bucket, Key="seed", **asked)["ResponseMetadata"][
        "HTTPHeaders"
    ]
    names = [
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-type",
    ]
    same([answer[name] for name in names], ["no-cache", "inline", "zstd", "eo", "text/bent"])
    assert "2030" in answer["expires"]


@fact
def answer_headers_unsigned(s):
    # They are for those who sign.
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    bucket, _ = s.put()
    answer = s.user.ask_unsigned("GET", f"/{bucket}/seed", {"response-content-type": "text/bent"})
    assert answer.status in (400, 403), f"got {answer.status}"


@fact
def acl_is_the_owners(s):
    bucket, _ = s.put()
    answer = s.client.get_object_acl(Bucket=bucket, Key="seed")
    [grant] = answer["Grants"]
    same(grant["Permission"], "FULL_CONTROL")
    same(grant["Grantee"]["ID"], answer["Owner"]["ID"])
    same(answer["Owner"]["ID"], s.client.list_buckets()["Owner"]["ID"])


@fact
def storage_class_standard(s):
    bucket, _ = s.put(StorageClass="STANDARD")
    same(s.client.list_objects_v2(Bucket=bucket)["Contents"][0]["StorageClass"], "STANDARD")
    refused(
        400,
        "InvalidStorageClass",
        s.client.put_object,
        Bucket=bucket,
        Key="k",
        Body=b"",
        StorageClass="ATTIC",
    )


@fact
def time_is_told_in_whole_seconds(s):
    bucket, _ = s.put()
    told = s.client.head_object(Bucket=bucket, Key="seed")["LastModified"]
    same(
        (
            told.microsecond,
            abs((datetime.datetime.now(datetime.timezone.utc) - told).total_seconds()) < 60,
        ),
        (0, True),
    )


@table(("small", 64 << 10), ("large", 4 * MIB))
def reader_sees_what_it_began_with(s, length):
    """An overwrite does not reach a body that is being read."""
    bucket, _ = s.put(b"A" * length)
    body = s.client.get_object(Bucket=bucket, Key="seed")["Body"]
    start = body.read(1000)
    s.client.put_object(Bucket=bucket, Key="seed", Body=b"B" * length)
    assert start + body.read() == b"A" * length, "an old and a new body were mixed"
    assert s.read(bucket) == b"B" * length


class Slow:
    """A body that calls once, when all but its last bytes are sent."""

    def __init__(self, body, call):
        self.body, self.call, self.at = body, call, 0

    def __iter__(self):
        yield self.body[:-1000]
        self.call()
        yield self.body[-1000:]


def put_slowly(s, bucket, body, call):
    """By hand: clients read a body more than once."""
    url = urllib.parse.urlsplit(s.user.presign("PUT", f"/{bucket}/seed"))
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    link = kind(url.netloc, timeout=30)
    try:
        link.request(
            "PUT",
            f"{url.path}?{url.query}",
            body=iter(Slow(body, call)),
            headers={"Content-Length": str(len(body))},
        )
        return link.getresponse().status
    finally:
        link.close()


@table(("small", 64 << 10), ("large", 4 * MIB))
def writer_is_unseen_until_done(s, length):
    bucket, _ = s.put(b"A" * length)
    during = []
    same(put_slowly(s, bucket, b"B" * length, lambda: during.append(s.read(bucket))), 200)
    assert during == [b"A" * length], "a half-written body was seen"
    assert s.read(bucket) == b"B" * length


@table(("small", 64 << 10), ("large", 4 * MIB))
def last_to_end_wins(s, length):
    bucket = s.bucket()
    between = lambda: s.client.put_object(Bucket=bucket, Key="seed", Body=b"A" * length)
    same(put_slowly(s, bucket, b"B" * length, between), 200)
    assert s.read(bucket) == b"B" * length


@fact
def bucket_removed_during_a_write(s):
    bucket = s.bucket()
    same(put_slowly(s, bucket, b"B" * MIB, lambda: s.client.delete_bucket(Bucket=bucket)), 404)


@fact
def one_of_many_writers(s):
    bucket, bodies = s.bucket(), [pattern(300_000, seed) for seed in range(6)]
    threads = [
        threading.Thread(
            target=s.client.put_object, kwargs={"Bucket": bucket, "Key": "seed", "Body": body}
        )
        for body in bodies
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert s.read(bucket) in bodies, "bodies were mixed"


@fact
def of_someone_else(s):
    bucket, _ = s.put()
    them = s.other.client
    refused(403, "AccessDenied", them.get_object, Bucket=bucket, Key="seed")
    refused(403, "AccessDenied", them.put_object, Bucket=bucket, Key="seed", Body=b"theirs")
    refused(403, "AccessDenied", them.delete_object, Bucket=bucket, Key="seed")
    same(s.read(bucket), b"hamster")


@fact
def torrent_is_not_there(s):
    """AWS serves none any more; here it is said."""
    bucket, _ = s.put()
    answer = s.user.ask("GET", f"/{bucket}/seed", {"torrent": ""})
    assert answer.status in (404, 405, 501) and answer.body != b"hamster", f"got {answer.status}"
