"""restic: init, two backups, check of every byte, restores, diff, dump, forget with prune."""

import json
import shutil

from scene import BUCKET, ENDPOINT, FOLDER, check, content, files, run, same_trees, tree, write

REPOSITORY = f"s3:{ENDPOINT}/{BUCKET}/backups/one"
SOURCE = FOLDER / "source"
SETTINGS = {"RESTIC_PASSWORD": "of no use elsewhere", "RESTIC_CACHE_DIR": str(FOLDER / "cache")}


def restic(*arguments):
    return run("restic", "--repo", REPOSITORY, *arguments, cwd=SOURCE, env=SETTINGS)


def restored(snapshot):
    target = FOLDER / f"restored-{snapshot}"
    restic("restore", snapshot, "--target", target)
    return target


tree(SOURCE)
# Why so large: packs hold 16 MiB, and go up in parts.
write(SOURCE / "large", 1, 40 << 20)
restic("init")
restic("backup", ".")
restic("check", "--read-data")
first = FOLDER / "first"
shutil.copytree(SOURCE, first)

write(SOURCE / "large", 2, 21 << 20)
write(SOURCE / "new", 3, 1234)
(SOURCE / "empty").unlink()
restic("backup", "--tag", "second", ".")
snapshots = [snapshot["short_id"] for snapshot in json.loads(restic("snapshots", "--json"))]
check(len(snapshots), 2, "snapshots")
same_trees(first, restored(snapshots[0]))
same_trees(SOURCE, restored("latest"))
check(restic("dump", "latest", "/new"), content(3, 1234), "dump")
assert b"/new" in restic("diff", *snapshots), "diff names the new file"
assert b"/odd/with space" in restic("ls", "latest"), "ls names what was backed up"

# What nothing refers to any more is deleted, packs are written anew, the rest still verifies.
restic("forget", "--keep-last", "1", "--prune")
restic("check", "--read-data")
shutil.rmtree(FOLDER / "restored-latest")
same_trees(SOURCE, restored("latest"))
check(len(json.loads(restic("snapshots", "--json"))), 1, "snapshots after forget")
check(json.loads(restic("list", "locks", "--json") or b"[]"), [], "locks left behind")
assert files(SOURCE), "the source was not touched"
