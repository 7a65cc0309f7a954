"""Ranges: some of an object's bytes."""

from .scene import MIB, fact, pattern, same, table

TEXT = b"abcdefghijk"


@table(
    ("inside", "bytes=4-7", b"efgh", "4-7"),
    ("first_byte", "bytes=0-0", b"a", "0-0"),
    ("last_byte", "bytes=10-10", b"k", "10-10"),
    ("to_the_end", "bytes=4-", b"efghijk", "4-10"),
    ("over_the_end", "bytes=8-99", b"ijk", "8-10"),
    ("last_seven", "bytes=-7", b"efghijk", "4-10"),
    ("last_ninety", "bytes=-90", TEXT, "0-10"),
    ("everything", "bytes=0-", TEXT, "0-10"),
)
def part(s, asked, found, told):
    bucket, put = s.put(TEXT)
    for method in "GET", "HEAD":
        answer = s.user.ask(method, f"/{bucket}/seed", headers={"Range": asked}).wanted(206)
        same(answer.headers["content-range"], f"bytes {told}/11")
        same(
            (answer.headers["content-length"], answer.headers["etag"]),
            (str(len(found)), put["ETag"]),
        )
        same(answer.body, found if method == "GET" else b"")


# https://www.rfc-editor.org/rfc/rfc9110#field.range: what is no range of bytes is ignored.
@table(
    ("backwards", "bytes=7-4"),
    ("letters", "bytes=a-b"),
    ("other_unit", "lines=0-1"),
    ("two", "bytes=0-1,4-5"),
    ("nothing", "bytes="),
)
def ignored(s, asked):
    bucket, _ = s.put(TEXT)
    same(s.user.ask("GET", f"/{bucket}/seed", headers={"Range": asked}).wanted(200).body, TEXT)


@table(
    ("behind", TEXT, "bytes=40-50"),
    ("at_the_end", TEXT, "bytes=11-"),
    ("last_none", TEXT, "bytes=-0"),
    ("of_nothing", b"", "bytes=40-50"),
    ("of_nothing_at_all", b"", "bytes=0-0"),
)
def unsatisfiable(s, body, asked):
    bucket, _ = s.put(body)
    answer = s.user.ask("GET", f"/{bucket}/seed", headers={"Range": asked}).wanted(
        416, "InvalidRange"
    )
    same(answer.element("ActualObjectSize"), str(len(body)))


@table(
    ("over_stripes", 3 * MIB, 5 * MIB),
    ("in_a_slice", 300_000, 300_100),
    ("one_byte", MIB, MIB),
    ("tail", 8 * MIB - 10, 8 * MIB - 1),
)
def large(s, first, last):
    body = pattern(8 * MIB)
    bucket, _ = s.put(body)
    answer = s.client.get_object(Bucket=bucket, Key="seed", Range=f"bytes={first}-{last}")
    assert answer["Body"].read() == body[first : last + 1], "the bytes differ"
    same(answer["ContentRange"], f"bytes {first}-{last}/{8 * MIB}")


@fact
def if_range(s):
    """A resumed download does not mix two versions."""
    bucket, put = s.put(TEXT)
    ask = lambda named: s.user.ask(
        "GET", f"/{bucket}/seed", headers={"Range": "bytes=0-1", "If-Range": named}
    )
    same(ask(put["ETag"]).wanted(206).body, TEXT[:2])
    same(ask('"other"').wanted(200).body, TEXT)
