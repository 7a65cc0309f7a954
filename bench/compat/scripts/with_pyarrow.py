"""pyarrow's S3FileSystem (the C++ SDK): streams in parts, ranges, a listing with directories, copy,
move and delete, parquet files and a partitioned dataset."""

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow import fs as arrow

from scene import BUCKET, HOST, KEY, MIB, REGION, SECRET, check, content, refused

fs = arrow.S3FileSystem(
    access_key=KEY, secret_key=SECRET, region=REGION, scheme="http", endpoint_override=HOST
)

large = content(1, 33 * MIB + 7)
for name, expected in {"small": b"small", "empty": b"", "large": large}.items():
    with fs.open_output_stream(f"{BUCKET}/in/{name}", metadata={"Content-Type": "x/y"}) as out:
        for start in range(0, len(expected), MIB):
            out.write(expected[start : start + MIB])
    with fs.open_input_stream(f"{BUCKET}/in/{name}") as stream:
        check(stream.read(), expected, name)
with fs.open_input_file(f"{BUCKET}/in/large") as file:
    check(file.size(), len(large), "size")
    check(file.read_at(100, 10 * MIB - 50), large[10 * MIB - 50 : 10 * MIB + 50], "a range")
    file.seek(len(large) - 9)
    check(file.read(), large[-9:], "the end")
    check(file.metadata()["Content-Type"], b"x/y", "content type")
with fs.open_output_stream(f"{BUCKET}/in/small") as out:
    out.write(b"written over")
with fs.open_input_stream(f"{BUCKET}/in/small") as stream:
    check(stream.read(), b"written over", "written over")

fs.create_dir(f"{BUCKET}/made/deep")
fs.copy_file(f"{BUCKET}/in/large", f"{BUCKET}/made/deep/copy")
fs.move(f"{BUCKET}/made/deep/copy", f"{BUCKET}/made/moved")
with fs.open_input_stream(f"{BUCKET}/made/moved") as stream:
    check(stream.read(), large, "copied and moved")


def listed(folder, recursive):
    selector = arrow.FileSelector(f"{BUCKET}/{folder}", recursive=recursive)
    found = fs.get_file_info(selector)
    return {(info.path.removeprefix(f"{BUCKET}/"), info.type.name, info.size) for info in found}


size = len(large)
check(listed("made", False), {("made/deep", "Directory", None), ("made/moved", "File", size)}, "ls")
names = {path for path, _, _ in listed("", True)}
check(names, {"in", "in/small", "in/empty", "in/large", "made", "made/deep", "made/moved"}, "all")
check(fs.get_file_info(f"{BUCKET}/absent").type, arrow.FileType.NotFound, "absent")
refused(FileNotFoundError, "a missing file", lambda: fs.open_input_file(f"{BUCKET}/absent"))

table = pa.table({
    "id": pa.array(range(200_000)),
    "group": pa.array([number % 5 for number in range(200_000)]),
    "word": pa.array([f"word {number * 7919 % 100_003}" for number in range(200_000)]),
})
pq.write_table(table, f"{BUCKET}/tables/one.parquet", filesystem=fs)
check(pq.read_table(f"{BUCKET}/tables/one.parquet", filesystem=fs).equals(table), True, "parquet")
column = pq.read_table(f"{BUCKET}/tables/one.parquet", filesystem=fs, columns=["group"])
check(column.column("group").equals(table.column("group")), True, "one column")
partitions = ds.partitioning(pa.schema([("group", pa.int64())]), flavor="hive")
for _ in range(2):  # The second time takes the place of the first.
    ds.write_dataset(table, f"{BUCKET}/tables/parted", filesystem=fs, format="parquet",
                     partitioning=partitions, existing_data_behavior="delete_matching")
parted = ds.dataset(f"{BUCKET}/tables/parted", filesystem=fs, partitioning=partitions)
check(parted.to_table().sort_by("id").select(table.column_names).equals(table), True, "a dataset")
third = parted.to_table(filter=ds.field("group") == 3)
check(third.num_rows, 40_000, "rows of one partition")

fs.delete_file(f"{BUCKET}/in/small")
fs.delete_dir(f"{BUCKET}/made")
fs.delete_dir_contents(f"{BUCKET}/tables")
names = {path for path, kind, _ in listed("", True) if kind == "File"}
check(names, {"in/empty", "in/large"}, "what is left")
