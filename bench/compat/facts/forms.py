"""Forms: what a browser sends by POST, with a policy that says what it may.

Each fact of a policy is asked with signatures of version 4 (made by the client library) and 2.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

import base64
import datetime
import hashlib
import hmac
import json

from botocore.auth import S3SigV4PostAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .scene import MIB, Answer, fact, pattern, refused, same, table

BOUNDARY = "seed-seed-seed"


class Form:
    """A good form; facts bend it before it is signed (`bend`) or after (`spoil`)."""

    def __init__(self, scene, bucket):
        self.scene, self.bucket = scene, bucket
        self.fields = {"key": "seed.txt", "acl": "private", "Content-Type": "text/plain"}
        self.conditions = [
            {"bucket": bucket},
            ["starts-with", "$key", "seed"],
            {"acl": "private"},
            ["starts-with", "$Content-Type", "text/"],
            ["content-length-range", 0, 10 * MIB],
        ]
        self.policy = {"expiration": later(600), "conditions": self.conditions}
        self.file, self.filename = b"hamster", "from-here.txt"
        self.target = bucket

    def sign(self, version):
        user = self.scene.user
        if version == "v4":
            request = AWSRequest(method="POST", url=user.url(f"/{self.bucket}", {}))
            fields = {}
            request.context["s3-presign-post-fields"] = fields
            request.context["s3-presign-post-policy"] = self.policy
            S3SigV4PostAuth(Credentials(user.key, user.secret), "s3", user.region).add_auth(request)
            self.fields.update(fields)
        else:
            policy = base64.b64encode(json.dumps(self.policy).encode())
            sum = hmac.new(user.secret.encode(), policy, hashlib.sha1).digest()
            self.fields.update(
                {
                    "AWSAccessKeyId": user.key,
                    "policy": policy.decode(),
                    "signature": base64.b64encode(sum).decode(),
                }
            )
        return self

    def post(self) -> Answer:
        body = b"".join(part(name, value.encode()) for name, value in self.fields.items())
        if self.file is not None:
            more = f'; filename="{self.filename}"\r\nContent-Type: text/html'
            body += part("file", self.file, more)
        body += f"--{BOUNDARY}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        return self.scene.user.ask_unsigned("POST", f"/{self.target}", headers=headers, body=body)


def part(name, value, more=""):
    head = f'Content-Disposition: form-data; name="{name}"{more}'
    return f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + value + b"\r\n"


def later(seconds):
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return when.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def both(*rows):
    each = [(name, given, version) for name, *given in rows for version in ("v4", "v2")]
    return table(
        *[(f"{name}_{version}".lstrip("_"), version, *given) for name, given, version in each]
    )


@both(("small", 7), ("empty", 0), ("two_mib", 2 * MIB), ("over_four_mib", 4 * MIB + 200))
def upload(s, version, length):
    form = Form(s, s.bucket())
    form.file = pattern(length)
    answer = form.sign(version).post().wanted(204)
    same((answer.body, answer.headers["etag"]), (b"", f'"{hashlib.md5(form.file).hexdigest()}"'))
    found = s.client.get_object(Bucket=form.bucket, Key="seed.txt")
    assert found["Body"].read() == form.file, "the bytes differ"
    same(found["ContentType"], "text/plain")


def field(name, value, *conditions):
    """Adds a field and conditions."""

    def bend(form):
        form.fields[name] = value
        form.conditions.extend(conditions)

    return bend


def without(*names):
    def bend(form):
        for name in names:
            del form.fields[name]

    return bend


def condition(index, *instead):
    """Puts others in the place of one of the policy's conditions."""

    def bend(form):
        form.conditions[index : index + 1] = instead

    return bend


def member(name, value):
    """Sets a member of the policy, or removes it."""

    def bend(form):
        form.policy.pop(name.lower())
        if value is not None:
            form.policy[name] = value(form) if callable(value) else value

    return bend


def recased(form):
    form.fields = {"kEy": "seed.txt", "aCl": "private", "content-type": "text/plain"}
    form.conditions[:4] = [
        {"bUcKeT": form.bucket},
        ["StArTs-WiTh", "$KeY", "seed"],
        {"AcL": "private"},
        ["StArTs-WiTh", "$cOnTeNt-TyPe", "text/"],
    ]


def backslash(form):
    form.fields["key"] = "\\$seed.txt"
    form.conditions[1] = ["starts-with", "$key", "\\$seed"]


def elsewhere(form):
    form.target = form.scene.bucket()


# Before it is signed: the policy lets it pass, or does not.
@both(
    (
        "content_type_left_out",
        lambda form: (without("Content-Type")(form), form.conditions.pop(3)),
        204,
        None,
    ),
    ("names_in_any_case", recased, 204, None),
    ("backslash", backslash, 204, None),
    ("ignored_field", field("x-ignore-seed", "yes"), 204, None),
    (
        "metadata",
        field("x-amz-meta-colour", "gold", ["starts-with", "$x-amz-meta-colour", "go"]),
        204,
        None,
    ),
    (
        "metadata_as_an_object",
        field("x-amz-meta-colour", "gold", {"x-amz-meta-colour": "gold"}),
        204,
        None,
    ),
    (
        "any_value",
        field("x-amz-meta-colour", "gold", ["starts-with", "$x-amz-meta-colour", ""]),
        204,
        None,
    ),
    ("bucket_field", lambda form: field("bucket", form.bucket)(form), 204, None),
    ("equal_key", condition(1, ["eq", "$key", "seed.txt"]), 204, None),
    ("other_key", condition(1, ["eq", "$key", "other.txt"]), 403, "AccessDenied"),
    ("other_start_of_key", condition(1, ["starts-with", "$key", "other"]), 403, "AccessDenied"),
    (
        "metadata_differs",
        field("x-amz-meta-colour", "gold", ["eq", "$x-amz-meta-colour", ""]),
        403,
        "AccessDenied",
    ),
    (
        "metadata_wanted_and_missing",
        lambda form: form.conditions.append(["starts-with", "$x-amz-meta-colour", "go"]),
        403,
        "AccessDenied",
    ),
    ("field_without_condition", field("x-amz-meta-colour", "gold"), 403, "AccessDenied"),
    ("bucket_without_condition", condition(0), 403, "AccessDenied"),
    ("bucket_of_the_policy_differs", elsewhere, 403, "AccessDenied"),
    ("expired", member("expiration", lambda form: later(-600)), 403, "AccessDenied"),
    (
        "key_left_out",
        lambda form: (without("key")(form), form.conditions.pop(1)),
        400,
        "InvalidArgument",
    ),
    ("too_large", condition(4, ["content-length-range", 0, 3]), 400, "EntityTooLarge"),
    ("nothing_allowed", condition(4, ["content-length-range", 0, 0]), 400, "EntityTooLarge"),
    ("too_small", condition(4, ["content-length-range", 512, 1000]), 400, "EntityTooSmall"),
    ("range_of_one", condition(4, ["content-length-range", 0]), 400, "InvalidPolicyDocument"),
    (
        "range_negative",
        condition(4, ["content-length-range", -1, 100]),
        400,
        "InvalidPolicyDocument",
    ),
    ("unknown_condition", condition(4, ["ends-with", "$key", "txt"]), 400, "InvalidPolicyDocument"),
    ("condition_of_nothing", member("conditions", [{}]), 400, "InvalidPolicyDocument"),
    ("no_conditions", member("conditions", None), 400, "InvalidPolicyDocument"),
    (
        "conditions_in_capitals",
        member("CONDITIONS", lambda form: form.conditions),
        400,
        "InvalidPolicyDocument",
    ),
    ("no_expiration", member("expiration", None), 400, "InvalidPolicyDocument"),
    ("expiration_in_capitals", member("EXPIRATION", later(600)), 400, "InvalidPolicyDocument"),
    (
        "expiration_in_other_words",
        member("expiration", "2095-05-06 07:08:09.123456+00:00"),
        400,
        "InvalidPolicyDocument",
    ),
)
def policy(s, version, bend, status, code):
    form = Form(s, s.bucket())
    bend(form)
    form_signed = sign_bent(form, version)
    form_signed.post().wanted(status, code)
    key = form.fields.get("key", form.fields.get("kEy"))
    found = [one["Key"] for one in s.client.list_objects_v2(Bucket=form.target).get("Contents", [])]
    same(found, [key] if status == 204 else [])
    for name, value in form.fields.items():
        if status == 204 and name.startswith("x-amz-meta-"):
            same(s.client.head_object(Bucket=form.bucket, Key=key)["Metadata"], {name[11:]: value})


def sign_bent(form, version):
    """The library adds its own conditions to a list that a bent policy may not have."""
    if version == "v4" and "conditions" not in form.policy:
        kept = dict(form.policy)
        form.policy["conditions"] = []
        form.sign(version)
        raw = base64.b64encode(json.dumps(kept).encode()).decode()
        user, scope = form.scene.user, form.fields["x-amz-credential"].split("/")[1:]
        sum = b"AWS4" + user.secret.encode()
        for word in scope:
            sum = hmac.new(sum, word.encode(), hashlib.sha256).digest()
        form.fields["policy"] = raw
        form.fields["x-amz-signature"] = hmac.new(sum, raw.encode(), hashlib.sha256).hexdigest()
        return form
    return form.sign(version)


SIGNATURE = {"v4": "x-amz-signature", "v2": "signature"}


def reverse(form, version):
    form.fields[SIGNATURE[version]] = form.fields[SIGNATURE[version]][::-1]


def unknown(form, version):
    name = "AWSAccessKeyId" if version == "v2" else "x-amz-credential"
    form.fields[name] = form.fields[name].replace(form.scene.user.key, "nobody")


def repoliced(form, version):
    policy = json.loads(base64.b64decode(form.fields["policy"]))
    policy["conditions"].append({"x-amz-meta-extra": "1"})
    form.fields["policy"] = base64.b64encode(json.dumps(policy).encode()).decode()


# After it was signed.
@both(
    ("signature", reverse, 403, "SignatureDoesNotMatch"),
    ("key_id", unknown, 403, None),
    ("policy", repoliced, 403, "SignatureDoesNotMatch"),
    ("signature_left_out", lambda form, version: form.fields.pop(SIGNATURE[version]), 400, None),
    (
        "field_added",
        lambda form, version: form.fields.update({"x-amz-meta-late": "1"}),
        403,
        "AccessDenied",
    ),
    ("policy_left_out", lambda form, version: form.fields.pop("policy"), None, None),
)
def spoiled(s, version, spoil, status, code):
    form = Form(s, s.bucket()).sign(version)
    spoil(form, version)
    answer = form.post()
    if status is None:
        assert answer.status in (400, 403), f"got {answer.status} {answer.code}"
    else:
        answer.wanted(status, code)
    same(s.client.list_objects_v2(Bucket=form.bucket)["KeyCount"], 0)


@fact
def unsigned(s):
    form = Form(s, s.bucket())
    form.post().wanted(403, "AccessDenied")
    same(s.client.list_objects_v2(Bucket=form.bucket)["KeyCount"], 0)


@both(("",))
def file_left_out(s, version):
    form = Form(s, s.bucket())
    form.file = None
    form.sign(version).post().wanted(400, "InvalidArgument")


@both(
    ("plain", "${filename}", "from-here.txt"), ("behind", "seed/${filename}", "seed/from-here.txt")
)
def key_of_the_filename(s, version, key, found):
    form = Form(s, s.bucket())
    form.fields["key"] = key
    form.conditions[1] = ["starts-with", "$key", key.partition("$")[0]]
    form.sign(version).post().wanted(204)
    same(s.read(form.bucket, found), b"hamster")


@table(
    ("two_hundred", "200", 200),
    ("created", "201", 201),
    ("no_content", "204", 204),
    ("other", "404", 204),
    ("no_number", "yes", 204),
)
def success_status(s, asked, status):
    form = Form(s, s.bucket())
    field("success_action_status", asked, ["eq", "$success_action_status", asked])(form)
    answer = form.sign("v4").post().wanted(status)
    if status == 201:
        same([answer.element(name) for name in ("Bucket", "Key")], [form.bucket, "seed.txt"])
        same(
            answer.element("ETag"), s.client.head_object(Bucket=form.bucket, Key="seed.txt")["ETag"]
        )
        assert answer.element("Location").endswith("seed.txt")
    else:
        same(answer.body, b"")


@both(("", "http://localhost/done"), ("with_query", "http://localhost/done?a=b"))
def success_redirect(s, version, url):
    form = Form(s, s.bucket())
    field("success_action_redirect", url, ["eq", "$success_action_redirect", url])(form)
    answer = form.sign(version).post().wanted(303)
    etag = s.client.head_object(Bucket=form.bucket, Key="seed.txt")["ETag"].strip('"')
    joint = "&" if "?" in url else "?"
    same(
        answer.headers["location"],
        f"{url}{joint}bucket={form.bucket}&key=seed.txt&etag=%22{etag}%22",
    )


@both(("",))
def tags(s, version):
    form = Form(s, s.bucket())
    tag = "<Tag><Key>{}</Key><Value>{}</Value></Tag>".format
    given = f"<Tagging><TagSet>{tag('a', 1)}{tag('b', 2)}</TagSet></Tagging>"
    field("tagging", given, ["starts-with", "$tagging", ""])(form)
    form.sign(version).post().wanted(204)
    found = s.client.get_object_tagging(Bucket=form.bucket, Key="seed.txt")["TagSet"]
    same(found, [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])


@table(
    ("right", hashlib.sha256(b"hamster").digest(), 204),
    ("other", hashlib.sha256(b"other").digest(), 400),
    ("none", b"bad", 400),
)
def checksum(s, value, status):
    form = Form(s, s.bucket())
    value = base64.b64encode(value).decode()
    field("x-amz-checksum-sha256", value, ["eq", "$x-amz-checksum-sha256", value])(form)
    form.sign("v4").post().wanted(status)
    if status == 204:
        same(
            s.client.head_object(Bucket=form.bucket, Key="seed.txt", ChecksumMode="ENABLED")[
                "ChecksumSHA256"
            ],
            value,
        )
    else:
        same(s.client.list_objects_v2(Bucket=form.bucket)["KeyCount"], 0)


@fact
def of_the_client_library(s):
    """The whole form as the library makes it."""
    bucket = s.bucket()
    made = s.client.generate_presigned_post(
        bucket,
        "seed.txt",
        Fields={"Content-Type": "text/plain"},
        Conditions=[{"Content-Type": "text/plain"}],
    )
    form = Form(s, bucket)
    form.fields = made["fields"]
    form.post().wanted(204)
    same(s.read(bucket, "seed.txt"), b"hamster")


@fact
def into_the_bucket_of_someone_else(s):
    form = Form(s, s.bucket(owner=s.other))
    form.sign("v4").post().wanted(403, "AccessDenied")
    refused(404, "NoSuchKey", s.other.client.get_object, Bucket=form.bucket, Key="seed.txt")


@fact
def into_an_unknown_bucket(s):
    Form(s, s.name()).sign("v4").post().wanted(404, "NoSuchBucket")


@fact
def unsigned_into_an_unknown_bucket(s):
    Form(s, s.name()).post().wanted(404, "NoSuchBucket")
