"""Buckets: names, making and removing, whose they are, where they are, which there are."""

import datetime

from .scene import fact, refused, same, table


@table(
    ("underscore_first", "_{}"),
    ("underscore_inside", "under_{}"),
    ("one_letter", "a"),
    ("two_letters", "aa"),
    ("sixty_four_letters", "{:x<64}"),
    ("an_address", "10.20.30.40"),
    ("hyphen_last", "{}-"),
    ("hyphen_first", "-{}"),
    ("two_dots", "{}..b"),
    ("dot_last", "{}."),
    ("dot_first", ".{}"),
    ("capitals", "A{}"),
    ("exclamation_mark", "{}!b"),
    ("space", "{} b"),
    ("unicode", "{}é"),
    ("prefix_of_idna", "xn--{}"),
    ("prefix_of_sthree", "sthree-{}"),
    ("suffix_of_access_points", "{}-s3alias"),
    ("suffix_of_object_lambda", "{}--ol-s3"),
    ("suffix_of_directory_buckets", "{}--x-s3"),
)
def bad_name(s, shape):
    s.user.ask("PUT", "/" + shape.format(s.name())).wanted(400, "InvalidBucketName")


# AWS documents no rule against a hyphen beside a dot; the suite wants both refused.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
@table(
    ("sixty_letters", "{:x<60}"),
    ("sixty_one_letters", "{:x<61}"),
    ("sixty_two_letters", "{:x<62}"),
    ("sixty_three_letters", "{:x<63}"),
    ("dot_inside", "{}.b"),
    ("hyphen_inside", "{}-b"),
    ("digit_last", "{}0"),
    ("hyphen_behind_dot", "{}.-b"),
    ("hyphen_before_dot", "{}-.b"),
)
def good_name(s, shape):
    bucket = shape.format(s.name())
    answer = s.client.create_bucket(Bucket=bucket)
    same(answer["Location"], f"/{bucket}", "Location")
    same(s.client.list_objects_v2(Bucket=bucket)["KeyCount"], 0)


@table(("letter", "a{}"), ("digit", "0{}"))
def good_first(s, shape):
    """Its first letter is the fact, so it is removed here and not by its prefix."""
    bucket = shape.format(s.name())
    s.client.create_bucket(Bucket=bucket)
    s.client.delete_bucket(Bucket=bucket)


@fact
def removed_is_gone(s):
    bucket = s.bucket()
    same(s.client.delete_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"], 204)
    refused(404, "NoSuchBucket", s.client.delete_bucket, Bucket=bucket)
    refused(404, "NoSuchBucket", s.client.list_objects_v2, Bucket=bucket)


@fact
def remove_unknown(s):
    refused(404, "NoSuchBucket", s.client.delete_bucket, Bucket=s.name())


@fact
def remove_with_an_object(s):
    bucket = s.bucket("here")
    refused(409, "BucketNotEmpty", s.client.delete_bucket, Bucket=bucket)
    same(s.read(bucket, "here"), b"here")


@fact
def put_into_unknown(s):
    refused(404, "NoSuchBucket", s.client.put_object, Bucket=s.name(), Key="k", Body=b"b")


@fact
def made_again_by_its_owner(s):
    """As in us-east-1: done already, and nothing in it changes."""
    bucket = s.bucket("kept")
    s.client.create_bucket(Bucket=bucket)
    same(s.read(bucket, "kept"), b"kept")


@fact
def made_again_by_someone_else(s):
    refused(409, "BucketAlreadyExists", s.other.client.create_bucket, Bucket=s.bucket())


@fact
def removed_by_someone_else(s):
    refused(403, "AccessDenied", s.other.client.delete_bucket, Bucket=s.bucket())


@fact
def head(s):
    answer = s.client.head_bucket(Bucket=s.bucket())
    same(answer["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"], s.stage.region)


@fact
def head_unknown(s):
    refused(404, None, s.client.head_bucket, Bucket=s.name())


@fact
def head_of_someone_else(s):
    refused(403, None, s.other.client.head_bucket, Bucket=s.bucket())


@fact
def location(s):
    # us-east-1 is told as nothing.
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html
    told = s.client.get_bucket_location(Bucket=s.bucket())["LocationConstraint"]
    same(told, None if s.stage.region == "us-east-1" else s.stage.region)


@fact
def location_elsewhere(s):
    elsewhere = {"LocationConstraint": "eu-central-1"}
    name = s.name()
    refused(
        400,
        "IllegalLocationConstraintException",
        s.client.create_bucket,
        Bucket=name,
        CreateBucketConfiguration=elsewhere,
    )


@fact
def made_of_broken_xml(s):
    s.user.ask("PUT", f"/{s.name()}", body=b"<CreateBucketConfiguration>").wanted(
        400, "MalformedXML"
    )


@fact
def list_names_each(s):
    made = [s.bucket() for _ in range(5)]
    answer = s.client.list_buckets()
    found = {bucket["Name"]: bucket["CreationDate"] for bucket in answer["Buckets"]}
    yesterday = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    for name in made:
        assert found[name] > yesterday, f"{name} was made on {found[name]}"
    assert sorted(found) == list(found), "not in order"
    assert answer["Owner"]["ID"]


@fact
def list_is_of_one_user(s):
    bucket = s.bucket()
    found = [other["Name"] for other in s.other.client.list_buckets()["Buckets"]]
    assert bucket not in found


@fact
def list_with_prefix(s):
    bucket = s.bucket()
    found = s.client.list_buckets(Prefix=bucket)
    same([one["Name"] for one in found["Buckets"] if one["Name"] == bucket], [bucket])
    same(found["Prefix"], bucket, "Prefix")
    same([one["Name"] for one in s.client.list_buckets(Prefix=s.name())["Buckets"]], [])


@fact
def list_by_pages(s):
    base = s.name()
    made = [f"{base}-{number}" for number in range(3)]
    for name in made:
        s.client.create_bucket(Bucket=name)
    first = s.client.list_buckets(Prefix=f"{base}-", MaxBuckets=2)
    rest = s.client.list_buckets(
        Prefix=f"{base}-", MaxBuckets=2, ContinuationToken=first["ContinuationToken"]
    )
    same([one["Name"] for one in first["Buckets"] + rest["Buckets"]], made)
    same((len(first["Buckets"]), "ContinuationToken" in rest), (2, False))


# https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html
@table(("of_none", "0"), ("too_long", "10001"), ("negative", "-1"), ("no_number", "ten"))
def list_by_a_page(s, size):
    s.user.ask("GET", "/", {"max-buckets": size}).wanted(400, "InvalidArgument")


@fact
def list_of_a_region(s):
    bucket = s.bucket()
    for region, expected in (s.stage.region, [bucket]), ("eu-central-1", []):
        found = s.client.list_buckets(Prefix=bucket, BucketRegion=region)["Buckets"]
        same([one["Name"] for one in found if one["Name"] == bucket], expected, region)


@fact
def list_unsigned(s):
    # AWS sends a browser to its front page and documents that anonymous requests cannot list.
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html
    s.user.ask_unsigned("GET", "/").wanted(403, "AccessDenied")


@fact
def acl_is_the_owners(s):
    owner = s.client.list_buckets()["Owner"]
    answer = s.client.get_bucket_acl(Bucket=s.bucket())
    same(answer["Owner"]["ID"], owner["ID"])
    [grant] = answer["Grants"]
    same((grant["Permission"], grant["Grantee"]["Type"]), ("FULL_CONTROL", "CanonicalUser"))
    same(grant["Grantee"]["ID"], owner["ID"])


@fact
def acl_private_is_what_it_has(s):
    """Setting what is already so: what clients do whose default it is."""
    bucket = s.name()
    s.client.create_bucket(Bucket=bucket, ACL="private")
    same(len(s.client.get_bucket_acl(Bucket=bucket)["Grants"]), 1)


@fact
def owner_expected(s):
    """Requests that say whose bucket they mean are refused if it is not."""
    bucket = s.bucket("k")
    refused(
        403,
        "AccessDenied",
        s.client.list_objects_v2,
        Bucket=bucket,
        ExpectedBucketOwner="999999999999",
    )
    refused(
        403,
        "AccessDenied",
        s.client.put_object,
        Bucket=bucket,
        Key="k",
        Body=b"x",
        ExpectedBucketOwner="999999999999",
    )
    same(s.read(bucket, "k"), b"k")
