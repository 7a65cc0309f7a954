"""s3fs/fsspec: trees put and got, open files read in ranges and written in parts, find, glob, walk,
copies and moves, exclusive creation, metadata, tags, presigned URLs."""

import fsspec
import s3fs

from scene import BUCKET, ENDPOINT, FOLDER, MIB, check, content, fetch, refused, same_trees, tree

fs = s3fs.S3FileSystem(endpoint_url=ENDPOINT)
SOURCE, TARGET = FOLDER / "source", FOLDER / "target"

tree(SOURCE)
fs.put(f"{SOURCE}/", f"{BUCKET}/tree/", recursive=True)
fs.get(f"{BUCKET}/tree/", f"{TARGET}/", recursive=True)
same_trees(SOURCE, TARGET)

# Files as Python sees them: written in parts, read in ranges, appended to, written over.
large = content(1, 27 * MIB + 5)
with fs.open(f"{BUCKET}/large", "wb", block_size=5 * MIB) as file:
    for start in range(0, len(large), MIB):
        file.write(large[start : start + MIB])
with fs.open(f"{BUCKET}/large", "rb", block_size=MIB) as file:
    check(file.size, len(large), "size")
    file.seek(5 * MIB - 3)
    check(file.read(10), large[5 * MIB - 3 : 5 * MIB + 7], "across two parts")
    file.seek(-7, 2)
    check(file.read(), large[-7:], "the end")
with fs.open(f"{BUCKET}/large", "ab") as file:
    file.write(b"appended")
check(fs.cat_file(f"{BUCKET}/large"), large + b"appended", "appended to")
ranges = [(0, 10), (MIB, MIB + 100), (len(large) - 5, len(large))]
found = fs.cat_ranges([f"{BUCKET}/large"] * 3, *zip(*ranges))
check(found, [large[start:end] for start, end in ranges], "ranges")
fs.pipe({f"{BUCKET}/many/{number}": content(number, number) for number in range(50)})
check(fs.cat(f"{BUCKET}/many/*")[f"{BUCKET}/many/49"], content(49, 49), "cat")
fs.pipe_file(f"{BUCKET}/many/0", b"written over")
check(fs.cat_file(f"{BUCKET}/many/0"), b"written over", "written over")

# Listings as directories.
fs.invalidate_cache()
top = {entry.split("/", 1)[1] for entry in fs.ls(BUCKET)}
check(top, {"large", "many", "tree"}, "ls")
check(len(fs.find(f"{BUCKET}/tree")), len(fs.find(str(BUCKET + "/tree"), maxdepth=9)), "find")
check(fs.glob(f"{BUCKET}/many/4?"), [f"{BUCKET}/many/4{digit}" for digit in range(10)], "glob")
check(sorted(next(fs.walk(f"{BUCKET}/tree"))[2]), ["empty", "nine-mebibytes"], "walk")
check(fs.isdir(f"{BUCKET}/many") and not fs.isfile(f"{BUCKET}/many"), True, "a directory")
check(fs.exists(f"{BUCKET}/absent"), False, "exists")
refused(FileNotFoundError, "a missing file", lambda: fs.cat_file(f"{BUCKET}/absent"))
check(fs.du(f"{BUCKET}/many"), sum(range(50)) + len(b"written over"), "du")

fs.copy(f"{BUCKET}/large", f"{BUCKET}/copied")
fs.mv(f"{BUCKET}/copied", f"{BUCKET}/moved")
check(fs.cat_file(f"{BUCKET}/moved"), large + b"appended", "copied and moved")
check(fs.exists(f"{BUCKET}/copied"), False, "moved away")
refused(FileExistsError, "a second creation",
        lambda: fs.pipe_file(f"{BUCKET}/moved", b"x", mode="create"))
fs.pipe_file(f"{BUCKET}/created", content(5, 6 * MIB), mode="create")
check(fs.checksum(f"{BUCKET}/created") == fs.checksum(f"{BUCKET}/moved"), False, "checksums")

fs.pipe_file(f"{BUCKET}/described", b"x", ContentType="text/x-odd", Metadata={"colour": "blue"})
check(fs.info(f"{BUCKET}/described")["ContentType"], "text/x-odd", "content type")
check(fs.metadata(f"{BUCKET}/described"), {"colour": "blue"}, "metadata")
fs.setxattr(f"{BUCKET}/described", copy_kwargs={"ContentType": "text/x-new"}, shape="round")
check(fs.getxattr(f"{BUCKET}/described", "shape"), "round", "metadata changed by a copy on to itself")
fs.put_tags(f"{BUCKET}/described", {"team": "storage"})
check(fs.get_tags(f"{BUCKET}/described"), {"team": "storage"}, "tags")
# Why: left to itself botocore signs URLs for us-east-1 by version 2, which is refused.
v4 = s3fs.S3FileSystem(endpoint_url=ENDPOINT, config_kwargs={"signature_version": "s3v4"})
check(fetch(fs.sign(f"{BUCKET}/created"))[0], 400, "a URL presigned by version 2")
check(fetch(v4.sign(f"{BUCKET}/created")), (200, content(5, 6 * MIB)), "a presigned URL")

# Whoever opens URLs comes the same way.
options = {"endpoint_url": ENDPOINT}
with fsspec.open(f"s3://{BUCKET}/text.csv", "w", **options) as file:
    file.write("a,b\n1,ü\n")
with fsspec.open(f"s3://{BUCKET}/text.csv", **options) as file:
    check(file.read().decode(), "a,b\n1,ü\n", "text")

fs.rm(f"{BUCKET}/tree", recursive=True)
check(fs.exists(f"{BUCKET}/tree"), False, "removed")
fs.rm(BUCKET, recursive=True)
check(fs.exists(BUCKET), False, "the bucket went with its last object")
