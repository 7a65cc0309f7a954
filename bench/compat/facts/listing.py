"""Lists of keys: what is on a page, in which order, and where the next one begins.

Most facts hold of both versions of the operation; `list_v1` and `list_v2` are asked each row.
"""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

from .scene import fact, refused, same, table


def v1(client, bucket, after=None, **given):
    if after is not None:
        given["Marker"] = after
    return client.list_objects(Bucket=bucket, **given)


def v2(client, bucket, after=None, **given):
    if after is not None:
        given["StartAfter"] = after
    return client.list_objects_v2(Bucket=bucket, **given)


VERSIONS = {"v1": v1, "v2": v2}


def both(*rows):
    """Every row for each version: `(name_v1, v1, ...)`, `(name_v2, v2, ...)`."""
    each = [(name, given, word, call) for name, *given in rows for word, call in VERSIONS.items()]
    return table(
        *[(f"{name}_{word}".lstrip("_"), call, *given) for name, given, word, call in each]
    )


def keys(page):
    return [found["Key"] for found in page.get("Contents", [])]


def prefixes(page):
    return [found["Prefix"] for found in page.get("CommonPrefixes", [])]


FRUIT = ["apple", "fig", "kiwi", "pear"]
TREE = ["bark", "leaf/green", "leaf/vein/fine", "root/deep"]


# What a page holds, and which of the words it was asked with it repeats.
@both(
    ("nothing", [], {}, [], []),
    ("everything", FRUIT, {}, FRUIT, []),
    ("delimiter_slash", TREE, {"Delimiter": "/"}, ["bark"], ["leaf/", "root/"]),
    (
        "delimiter_letter",
        ["oat", "rye", "tea", "sea"],
        {"Delimiter": "a"},
        ["rye"],
        ["oa", "sea", "tea"],
    ),
    ("delimiter_percent", ["a%1", "a%2", "b%1", "c"], {"Delimiter": "%"}, ["c"], ["a%", "b%"]),
    ("delimiter_space", ["a 1", "a 2", "b 1", "c"], {"Delimiter": " "}, ["c"], ["a ", "b "]),
    ("delimiter_dot", ["a.1", "a.2", "b.1", "c"], {"Delimiter": "."}, ["c"], ["a.", "b."]),
    ("delimiter_newline", FRUIT, {"Delimiter": "\n"}, FRUIT, []),
    ("delimiter_empty", FRUIT, {"Delimiter": ""}, FRUIT, []),
    ("delimiter_in_no_key", FRUIT, {"Delimiter": "/"}, FRUIT, []),
    (
        "delimiter_of_two_letters",
        ["a--b", "a-b", "c--d"],
        {"Delimiter": "--"},
        ["a-b"],
        ["a--", "c--"],
    ),
    ("prefix_folder", TREE, {"Prefix": "leaf/"}, ["leaf/green", "leaf/vein/fine"], []),
    ("prefix_letters", FRUIT, {"Prefix": "p"}, ["pear"], []),
    ("prefix_empty", FRUIT, {"Prefix": ""}, FRUIT, []),
    ("prefix_in_no_key", FRUIT, {"Prefix": "q"}, [], []),
    ("prefix_newline", FRUIT, {"Prefix": "\n"}, [], []),
    ("prefix_underscore", ["_a/1", "_a/2", "_b", "a"], {"Prefix": "_a/"}, ["_a/1", "_a/2"], []),
    ("both", TREE, {"Prefix": "leaf/", "Delimiter": "/"}, ["leaf/green"], ["leaf/vein/"]),
    (
        "both_letters",
        ["map", "mapmaker", "mop"],
        {"Prefix": "ma", "Delimiter": "m"},
        ["map"],
        ["mapm"],
    ),
    ("both_prefix_in_no_key", TREE, {"Prefix": "/", "Delimiter": "z"}, [], []),
    ("both_delimiter_in_no_key", TREE, {"Prefix": "leaf", "Delimiter": "z"}, TREE[1:3], []),
    ("both_in_no_key", TREE, {"Prefix": "y", "Delimiter": "z"}, [], []),
    ("folder_object_is_a_key", ["dir/"], {"Prefix": "dir/", "Delimiter": "/"}, ["dir/"], []),
    ("folder_object_is_a_prefix", ["dir/", "dirt"], {"Delimiter": "/"}, ["dirt"], ["dir/"]),
    ("a_key_beside_its_folder", ["a", "a/b"], {"Delimiter": "/"}, ["a"], ["a/"]),
    (
        "bytes_decide_the_order",
        ["z", "a+", "a/", "B", "é", "a"],
        {},
        ["B", "a", "a+", "a/", "z", "é"],
        [],
    ),
)
def page(s, call, given, asked, found_keys, found_prefixes):
    answer = call(s.client, s.bucket(*given), **asked)
    same((keys(answer), prefixes(answer)), (found_keys, found_prefixes))
    same(answer["IsTruncated"], False, "IsTruncated")
    # The library asks for names in URL encoding and decodes all but this one of version 1. The
    # suite takes it as it came; that it is encoded like the others is documented of its sisters:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
    told = answer.get("Prefix", "")
    same(unquote(told) if call is v1 else told, asked.get("Prefix", ""), "Prefix")
    same(answer.get("Delimiter"), asked.get("Delimiter") or None, "Delimiter")
    same(answer["MaxKeys"], 1000, "MaxKeys")
    if "KeyCount" in answer:
        same(answer["KeyCount"], len(found_keys) + len(found_prefixes), "KeyCount")


# Where a page begins that names a key to begin behind.
@both(
    ("a_key", "fig", ["kiwi", "pear"]),
    ("between_keys", "grape", ["kiwi", "pear"]),
    ("the_last_key", "pear", []),
    ("all_keys", "zucchini", []),
    ("a_newline", "\n", FRUIT),
    ("nothing", "", FRUIT),
)
def behind(s, call, after, found):
    answer = call(s.client, s.bucket(*FRUIT), after=after)
    same(keys(answer), found)
    same(answer["IsTruncated"], False, "IsTruncated")
    if call is v1:
        same(answer["Marker"], after, "Marker")
    elif after:
        same(answer["StartAfter"], after, "StartAfter")


# Pages of some length, each (keys, prefixes); a prefix counts as much as a key.
WALKED = ["bark", "leaf/a", "leaf/b/c", "root/x", "root/y"]
LOW = ["_1", "_2/a", "_2/b/c", "_3/a", "_3/b"]


@both(
    ("of_one", WALKED, "", 1, [(["bark"], []), ([], ["leaf/"]), ([], ["root/"])]),
    ("of_two", WALKED, "", 2, [(["bark"], ["leaf/"]), ([], ["root/"])]),
    ("of_one_in_a_folder", WALKED, "leaf/", 1, [(["leaf/a"], []), ([], ["leaf/b/"])]),
    ("of_two_in_a_folder", WALKED, "leaf/", 2, [(["leaf/a"], ["leaf/b/"])]),
    ("of_one_underscore", LOW, "", 1, [(["_1"], []), ([], ["_2/"]), ([], ["_3/"])]),
    ("of_two_underscore", LOW, "", 2, [(["_1"], ["_2/"]), ([], ["_3/"])]),
    ("of_one_in_underscore", LOW, "_2/", 1, [(["_2/a"], []), ([], ["_2/b/"])]),
)
def walk(s, call, given, prefix, length, pages):
    bucket, on = s.bucket(*given), {}
    for number, (found_keys, found_prefixes) in enumerate(pages):
        answer = call(s.client, bucket, Prefix=prefix, Delimiter="/", MaxKeys=length, **on)
        same((keys(answer), prefixes(answer)), (found_keys, found_prefixes), f"page {number}")
        more = number + 1 < len(pages)
        same(answer["IsTruncated"], more, f"IsTruncated of page {number}")
        if call is v1:
            same(
                answer.get("NextMarker"),
                (found_keys + found_prefixes)[-1] if more else None,
                "NextMarker",
            )
            on = {"after": answer.get("NextMarker")}
        else:
            same("NextContinuationToken" in answer, more, "NextContinuationToken")
            on = {"ContinuationToken": answer.get("NextContinuationToken")}


@both(("",))
def pages_without_delimiter(s, call):
    bucket = s.bucket(*FRUIT)
    first = call(s.client, bucket, MaxKeys=3)
    same((keys(first), first["IsTruncated"], first["MaxKeys"]), (FRUIT[:3], True, 3))
    # Only with a delimiter does version 1 say where to go on: it is the last key.
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html
    assert "NextMarker" not in first
    rest = call(s.client, bucket, after=FRUIT[2], MaxKeys=3)
    same((keys(rest), rest["IsTruncated"]), (FRUIT[3:], False))


@both(("",))
def no_keys_wanted(s, call):
    answer = call(s.client, s.bucket(*FRUIT), MaxKeys=0)
    same((keys(answer), answer["IsTruncated"], answer["MaxKeys"]), ([], False, 0))


@table(
    ("word_v1", {}, "many"),
    ("word_v2", {"list-type": "2"}, "many"),
    ("negative_v1", {}, "-1"),
    ("negative_v2", {"list-type": "2"}, "-1"),
)
def max_keys_is_no_number(s, query, length):
    bucket = s.bucket()
    s.user.ask("GET", f"/{bucket}", {**query, "max-keys": length}).wanted(400, "InvalidArgument")


@both(("",))
def over_a_thousand_wanted(s, call):
    same(call(s.client, s.bucket("only"), MaxKeys=5000)["MaxKeys"], 1000, "MaxKeys")


@both(("",))
def names_in_url_encoding(s, call):
    given = ["a+b", "c+1/d", "e/f", "g h/i"]
    answer = call(s.client, s.bucket(*given), Delimiter="/", EncodingType="url")
    same((keys(answer), prefixes(answer)), (["a%2Bb"], ["c%2B1/", "e/", "g%20h/"]))
    same((answer["Delimiter"], answer["EncodingType"]), ("/", "url"))


@both(("",))
def an_unknown_encoding(s, call):
    refused(400, "InvalidArgument", call, client=s.client, bucket=s.bucket(), EncodingType="base64")


@fact
def folder_of_a_thousand_is_skipped(s):
    """What sorts close behind a full folder is not taken for a part of it."""
    bucket, rest = s.bucket(), ["f0", "f0#", "f0+", "g"]
    names = ["f/"] + [f"f/{number}" for number in range(2001, 3000)] + rest
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: s.client.put_object(Bucket=bucket, Key=key), names))
    for call in VERSIONS.values():
        answer = call(s.client, bucket, Delimiter="/")
        same((keys(answer), prefixes(answer)), (rest, ["f/"]))


@both(("",))
def buckets_do_not_mix(s, call):
    s.bucket("elsewhere")
    same(keys(call(s.client, s.bucket())), [])


@both(("",))
def no_such_bucket(s, call):
    refused(404, "NoSuchBucket", call, client=s.client, bucket=s.name())


@both(("",))
def what_is_told_of_a_key(s, call):
    bucket = s.bucket("told")
    given = {"FetchOwner": True} if call is v2 else {}
    [found] = call(s.client, bucket, **given)["Contents"]
    head = s.client.head_object(Bucket=bucket, Key="told")
    owner = s.client.get_object_acl(Bucket=bucket, Key="told")["Owner"]
    same((found["ETag"], found["Size"]), (head["ETag"], head["ContentLength"]))
    same(found["LastModified"].replace(microsecond=0), head["LastModified"], "LastModified")
    same((found["Owner"], found["StorageClass"]), (owner, "STANDARD"))


@fact
def marker_is_there_without_being_asked(s):
    same(v1(s.client, s.bucket())["Marker"], "", "Marker")


@table(
    ("unasked", {}, False),
    ("refused", {"FetchOwner": False}, False),
    ("wanted", {"FetchOwner": True}, True),
)
def owner(s, asked, told):
    [found] = v2(s.client, s.bucket("one"), **asked)["Contents"]
    same("Owner" in found, told, "an owner")


@fact
def token_goes_on(s):
    bucket = s.bucket(*FRUIT)
    token = v2(s.client, bucket, MaxKeys=1)["NextContinuationToken"]
    rest = v2(s.client, bucket, ContinuationToken=token)
    same((keys(rest), rest["ContinuationToken"], rest["IsTruncated"]), (FRUIT[1:], token, False))


@fact
def token_before_start_after(s):
    """Both given: the token decides, the other is only repeated."""
    bucket = s.bucket(*FRUIT)
    token = v2(s.client, bucket, after="apple", MaxKeys=1)["NextContinuationToken"]
    rest = v2(s.client, bucket, after="apple", ContinuationToken=token)
    same((keys(rest), rest["ContinuationToken"]), (["kiwi", "pear"], token))
    same((rest["StartAfter"], rest["IsTruncated"]), ("apple", False))


@fact
def token_empty(s):
    """As if there was none, and repeated."""
    bucket = s.bucket(*FRUIT)
    page = v2(s.client, bucket, ContinuationToken="")
    same((keys(page), page["ContinuationToken"], page["IsTruncated"]), (FRUIT, "", False))


@fact
def token_made_up(s):
    refused(
        400, "InvalidArgument", v2, client=s.client, bucket=s.bucket(), ContinuationToken="made up"
    )


@table(("v1", {}), ("v2", {"list-type": "2"}))
def unsigned(s, query):
    bucket = s.bucket("private")
    s.user.ask_unsigned("GET", f"/{bucket}", query).wanted(403, "AccessDenied")


@both(("",))
def of_someone_else(s, call):
    refused(403, "AccessDenied", call, client=s.other.client, bucket=s.bucket("private"))
