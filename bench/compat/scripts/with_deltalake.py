"""deltalake: commits by conditional put (the default), racing writers, overwrite, merge, delete,
time travel, checkpoint, compaction and vacuum."""

from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from scene import BUCKET, ENDPOINT, KEY, REGION, SECRET, check

URI = f"s3://{BUCKET}/tables/events"
OPTIONS = {
    "AWS_ENDPOINT_URL": ENDPOINT,
    "AWS_ALLOW_HTTP": "true",
    "AWS_ACCESS_KEY_ID": KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_REGION": REGION,
}
WRITERS, COMMITS, ROWS = 6, 4, 1000


def batch(first, count=ROWS):
    ids = range(first, first + count)
    return pa.table({"id": pa.array(ids), "word": pa.array([f"word {number}" for number in ids])})


def table(version=None):
    return DeltaTable(URI, version=version, storage_options=OPTIONS)


def ids(version=None):
    return sorted(pa.table(table(version).to_pyarrow_table()).column("id").to_pylist())


def write(rows, mode="append"):
    write_deltalake(URI, rows, mode=mode, storage_options=OPTIONS)


# Racing writers: each commit takes a number of its own, and no row is lost or doubled.
write(batch(0))


def writer(number):
    for commit in range(COMMITS):
        rows = batch(ROWS * (1 + number * COMMITS + commit))
        while True:
            try:
                write(rows)
                break
            except CommitFailedError:
                # The others were faster 15 times in a row: nothing was written, and delta-rs gives up.
                continue


with ThreadPoolExecutor(WRITERS) as pool:
    list(pool.map(writer, range(WRITERS)))
total = ROWS * (1 + WRITERS * COMMITS)
check(ids(), list(range(total)), "rows after the race")
check(table().version(), WRITERS * COMMITS, "one version per commit")
check(ids(version=0), list(range(ROWS)), "the first version")

# Large enough for an upload in parts.
noise = pa.table({"id": pa.array(range(total, total + 300_000)),
                  "word": pa.array([f"{number * 2654435761 % (1 << 62):062b}"
                                    for number in range(300_000)])})
write(noise)
check(len(ids()), total + 300_000, "rows with the large batch")

table().delete("id >= 2000")
check(ids(), list(range(2000)), "rows after delete")
table().update(predicate="id = 7", updates={"word": "'changed'"})
merged = table().merge(batch(1990, 20), "t.id = s.id", source_alias="s", target_alias="t")
merged.when_matched_update_all().when_not_matched_insert_all().execute()
check(ids(), list(range(2010)), "rows after merge")
words = table().to_pyarrow_table(filters=[("id", "=", 7)]).column("word").to_pylist()
check(words, ["changed"], "an updated row")

table().create_checkpoint()
table().optimize.compact()
check(ids(), list(range(2010)), "rows after compaction")
gone = table().vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
check(len(gone) > WRITERS * COMMITS, True, "files that vacuum removed")
check(ids(), list(range(2010)), "rows after vacuum")
write(batch(0, 10), mode="overwrite")
check(ids(), list(range(10)), "rows after overwrite")
table().restore(table().version() - 1)
check(ids(), list(range(2010)), "rows after restore")
check(DeltaTable.is_deltatable(URI, OPTIONS), True, "a table")
check(DeltaTable.is_deltatable(f"s3://{BUCKET}/tables/absent", OPTIONS), False, "no table")
