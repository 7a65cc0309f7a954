"""CORS: a bucket's rules, a browser's question before a request, and what its answer tells.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

from .scene import fact, refused, same, send, table

RULES = [
    {"AllowedMethods": ["GET"], "AllowedOrigins": ["*end"]},
    {"AllowedMethods": ["GET"], "AllowedOrigins": ["from*to"]},
    {"AllowedMethods": ["GET"], "AllowedOrigins": ["start*"]},
    {"AllowedMethods": ["PUT"], "AllowedOrigins": ["*.put"]},
]


def ruled(s, rules=RULES):
    bucket = s.bucket("here")
    s.client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    return bucket


def told(answer):
    return answer.headers.get("access-control-allow-origin"), answer.headers.get(
        "access-control-allow-methods"
    )


NOTHING = (None, None)


@fact
def rules_come_and_go(s):
    bucket = s.bucket()
    refused(404, "NoSuchCORSConfiguration", s.client.get_bucket_cors, Bucket=bucket)
    rules = [
        {
            "AllowedMethods": ["GET", "PUT"],
            "AllowedOrigins": ["*.get", "*.put"],
            "AllowedHeaders": ["x-*"],
            "ExposeHeaders": ["ETag"],
            "MaxAgeSeconds": 30,
        }
    ]
    s.client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    same(s.client.get_bucket_cors(Bucket=bucket)["CORSRules"], rules)
    same(s.client.delete_bucket_cors(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"], 204)
    refused(404, "NoSuchCORSConfiguration", s.client.get_bucket_cors, Bucket=bucket)


@table(
    ("method", [{"AllowedMethods": ["PATCH"], "AllowedOrigins": ["*"]}], "InvalidRequest"),
    ("two_stars", [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*a*"]}], "InvalidRequest"),
    ("too_many", [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}] * 101, None),
    ("nothing", [], "MalformedXML"),
    (
        "id_too_long",
        [{"ID": "i" * 256, "AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}],
        None,
    ),
    (
        "id_twice",
        [{"ID": "one", "AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}] * 2,
        "InvalidRequest",
    ),
)
def bad_rules(s, rules, code):
    bucket = s.bucket()
    refused(
        400, code, s.client.put_bucket_cors, Bucket=bucket, CORSConfiguration={"CORSRules": rules}
    )
    refused(404, "NoSuchCORSConfiguration", s.client.get_bucket_cors, Bucket=bucket)


ORIGINS = [
    ("suffix", "the.end", True),
    ("suffix_inside", "the.end.it", False),
    ("other", "nobody", False),
    ("middle_empty", "fromto", True),
    ("middle", "from1to", True),
    ("middle_longer", "from12to", True),
    ("middle_preceded", "0from12to", False),
    ("prefix", "start", True),
    ("prefix_longer", "start.it", True),
    ("prefix_preceded", "a.start", False),
    ("of_another_method", "the.put", False),
]


@table(*ORIGINS)
def answer_to_get(s, origin, allowed):
    answer = s.user.ask("GET", f"/{ruled(s)}", headers={"Origin": origin}).wanted(200)
    same(told(answer), (origin, "GET") if allowed else NOTHING)


@table(*ORIGINS)
def preflight(s, origin, allowed):
    asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    answer = s.user.ask_unsigned("OPTIONS", f"/{ruled(s)}/here", headers=asked)
    answer.wanted(200 if allowed else 403, None if allowed else "AccessForbidden")
    same(told(answer), (origin, "GET") if allowed else NOTHING)


@fact
def preflight_of_put(s):
    asked = {"Origin": "the.put", "Access-Control-Request-Method": "PUT"}
    answer = s.user.ask_unsigned("OPTIONS", f"/{ruled(s)}", headers=asked).wanted(200)
    same(told(answer), ("the.put", "PUT"))


@table(
    ("nothing", {}),
    ("no_method", {"Origin": "the.end"}),
    ("no_origin", {"Access-Control-Request-Method": "GET"}),
)
def preflight_that_lacks(s, asked):
    same(told(s.user.ask_unsigned("OPTIONS", f"/{ruled(s)}", headers=asked).wanted(400)), NOTHING)


@fact
def preflight_without_rules(s):
    asked = {"Origin": "the.end", "Access-Control-Request-Method": "GET"}
    s.user.ask_unsigned("OPTIONS", f"/{s.bucket()}/k", headers=asked).wanted(403, "AccessForbidden")


@fact
def without_an_origin(s):
    same(told(s.user.ask("GET", f"/{ruled(s)}").wanted(200)), NOTHING)


@fact
def refusals_tell_it_too(s):
    bucket, end = ruled(s), {"Origin": "the.end"}
    same(told(s.user.ask("GET", f"/{bucket}/nowhere", headers=end).wanted(404)), ("the.end", "GET"))
    same(
        told(s.user.ask_unsigned("GET", f"/{bucket}/here", headers=end).wanted(403)),
        ("the.end", "GET"),
    )
    same(
        told(
            s.user.ask_unsigned("PUT", f"/{bucket}/here", headers={"Origin": "the.put"}).wanted(403)
        ),
        ("the.put", "PUT"),
    )
    same(told(s.user.ask_unsigned("PUT", f"/{bucket}/here", headers=end).wanted(403)), NOTHING)


@table(("get", "GET"), ("put", "PUT"), ("delete", "DELETE"))
def only_a_preflight_names_a_method(s, named):
    # The page above: it is the request's own method, or the named one of a preflight. The suite
    # wants the named one of any request.
    asked = {"Origin": "the.put", "Access-Control-Request-Method": named}
    answer = s.user.ask_unsigned("PUT", f"/{ruled(s)}/here", headers=asked).wanted(403)
    same(told(answer), ("the.put", "PUT"))


@fact
def any_origin(s):
    bucket = ruled(s, [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}])
    same(told(s.user.ask("GET", f"/{bucket}").wanted(200)), NOTHING)
    same(
        told(s.user.ask("GET", f"/{bucket}", headers={"Origin": "any.one"}).wanted(200)),
        ("*", "GET"),
    )


@table(
    ("none_allowed", [], "x-amz-meta-other", False),
    ("other_allowed", ["x-amz-meta-one"], "x-amz-meta-other", False),
    ("one_of_two", ["x-amz-meta-one"], "x-amz-meta-one, x-b", False),
    ("same", ["x-amz-meta-one"], "X-Amz-Meta-One", True),
    ("pattern", ["x-amz-*"], "x-amz-date,x-amz-meta-two", True),
    ("any", ["*"], "authorization", True),
)
def preflight_of_headers(s, allowed, asked, well):
    rule = {
        "AllowedMethods": ["GET"],
        "AllowedOrigins": ["*"],
        "ExposeHeaders": ["x-amz-meta-one"],
        "MaxAgeSeconds": 77,
    }
    bucket = ruled(s, [{**rule, "AllowedHeaders": allowed} if allowed else rule])
    headers = {
        "Origin": "any.one",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": asked,
    }
    answer = s.user.ask_unsigned("OPTIONS", f"/{bucket}/k", headers=headers).wanted(
        200 if well else 403
    )
    same(told(answer), ("*", "GET") if well else NOTHING)
    if well:
        listed = answer.headers["access-control-allow-headers"].lower().replace(" ", "").split(",")
        same(listed, asked.lower().replace(" ", "").split(","))
        same(answer.headers["access-control-max-age"], "77")
        same(answer.headers["access-control-expose-headers"], "x-amz-meta-one")


@fact
def preflight_of_headers_on_two_lines(s):
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "AllowedHeaders": ["x-amz-*"]}
    path = f"/{ruled(s, [rule])}/k"
    asked = {
        "Origin": "any.one",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "x-amz-date",
    }
    for second, status in ("x-amz-meta-one", 200), ("authorization", 403):
        # Another name to the client library, the same to HTTP.
        both = {**asked, "access-control-request-headers": second}
        s.user.ask_unsigned("OPTIONS", path, headers=both).wanted(status)


@table(("get", "GET"), ("put", "PUT"), ("put_with_acl", "PUT", {"x-amz-acl": "private"}))
def preflight_of_a_presigned(s, method, headers=None):
    """The signature in the address is that of another request, and is not looked at."""
    bucket = s.bucket("here")
    url = s.user.presign(method, f"/{bucket}/here", headers=headers)
    send(url, "OPTIONS", {}).wanted(400)
    s.client.put_bucket_cors(
        Bucket=bucket,
        CORSConfiguration={
            "CORSRules": [{"AllowedMethods": [method], "AllowedOrigins": ["example"]}]
        },
    )
    asked = {"Origin": "example", "Access-Control-Request-Method": method}
    same(told(send(url, "OPTIONS", asked).wanted(200)), ("example", method))


@fact
def of_someone_else(s):
    bucket = ruled(s)
    refused(403, "AccessDenied", s.other.client.get_bucket_cors, Bucket=bucket)
    refused(403, "AccessDenied", s.other.client.delete_bucket_cors, Bucket=bucket)
    same(len(s.client.get_bucket_cors(Bucket=bucket)["CORSRules"]), len(RULES))
