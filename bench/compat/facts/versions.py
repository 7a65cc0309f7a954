"""Version ids where nobody asked for versions: every object is the version `null`."""

from .scene import fact, refused, same, table


@fact
def of_a_new_bucket(s):
    assert "Status" not in s.client.get_bucket_versioning(Bucket=s.bucket())


@fact
def are_not_told(s):
    bucket, put = s.put()
    given = {"Bucket": bucket, "Key": "seed"}
    upload = s.client.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    parts = {"Bucket": bucket, "Key": "parts", "UploadId": upload}
    etag = s.client.upload_part(**parts, PartNumber=1, Body=b"x")["ETag"]
    answers = [
        put,
        s.client.get_object(**given),
        s.client.head_object(**given),
        s.client.copy_object(Bucket=bucket, Key="copy", CopySource=given),
        s.client.complete_multipart_upload(
            **parts, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}
        ),
        s.client.delete_object(**given),
    ]
    for answer in answers:
        assert "VersionId" not in answer and "DeleteMarker" not in answer, answer


@fact
def listed(s):
    bucket = s.bucket("a", "b/c", "d")
    answer = s.client.list_object_versions(Bucket=bucket)
    found = answer["Versions"]
    same(
        [(one["Key"], one["VersionId"], one["IsLatest"]) for one in found],
        [(key, "null", True) for key in ("a", "b/c", "d")],
    )
    head = s.client.head_object(Bucket=bucket, Key="a")
    same((found[0]["ETag"], found[0]["Size"]), (head["ETag"], head["ContentLength"]))
    same(found[0]["Owner"]["ID"], s.client.list_buckets()["Owner"]["ID"])
    same((answer.get("DeleteMarkers"), answer["IsTruncated"]), (None, False))
    folders = s.client.list_object_versions(Bucket=bucket, Delimiter="/")
    same([one["Prefix"] for one in folders["CommonPrefixes"]], ["b/"])


@fact
def listed_by_pages(s):
    bucket, found, on = s.bucket("a", "b", "c"), [], {}
    for _ in range(5):
        page = s.client.list_object_versions(Bucket=bucket, MaxKeys=1, **on)
        found += [one["Key"] for one in page["Versions"]]
        if not page["IsTruncated"]:
            break
        on = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
    same(found, ["a", "b", "c"])


@fact
def null_names_the_object(s):
    bucket, _ = s.put()
    same(s.read(bucket, VersionId="null"), b"hamster")
    s.client.copy_object(
        Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "seed", "VersionId": "null"}
    )
    same(s.read(bucket, "copy"), b"hamster")
    s.client.delete_object(Bucket=bucket, Key="seed", VersionId="null")
    refused(404, "NoSuchKey", s.client.get_object, Bucket=bucket, Key="seed")


@fact
def null_in_a_delete_of_many(s):
    bucket, _ = s.put()
    named = {"Objects": [{"Key": "seed", "VersionId": "null"}]}
    answer = s.client.delete_objects(Bucket=bucket, Delete=named)
    same([one["Key"] for one in answer["Deleted"]], ["seed"])
    refused(404, "NoSuchKey", s.client.get_object, Bucket=bucket, Key="seed")


@fact
def others_name_nothing(s):
    bucket, _ = s.put()
    answer = s.user.ask(
        "GET", f"/{bucket}/seed", {"versionId": "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY"}
    )
    assert (answer.status, answer.code) in [
        (404, "NoSuchVersion"),
        (400, "InvalidArgument"),
    ], f"got {answer.status} {answer.code}"
    same(s.read(bucket), b"hamster")
