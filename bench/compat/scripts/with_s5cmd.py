"""s5cmd: cp, sync and rm of a tree, a file in parts, ls, du, cat, pipe, mv, run, presign."""

import shutil

from scene import BUCKET, ENDPOINT, FOLDER, MIB, check, content, fetch, run, same_trees, tree, write

SOURCE, TARGET, ROOT = FOLDER / "source", FOLDER / "target", f"s3://{BUCKET}"


def s5cmd(*arguments, **further):
    return run("s5cmd", "--endpoint-url", ENDPOINT, *arguments, **further)


tree(SOURCE)
s5cmd("cp", f"{SOURCE}/", f"{ROOT}/tree/")
s5cmd("cp", f"{ROOT}/tree/*", f"{TARGET}/")
same_trees(SOURCE, TARGET)

# Sync moves what has changed and nothing else, both ways.
write(SOURCE / "odd/a", 1, 333)
write(SOURCE / "added", 2, 10)
(SOURCE / "empty").unlink()
moved = s5cmd("sync", "--delete", f"{SOURCE}/", f"{ROOT}/tree/").decode().splitlines()
check(sorted(line.split()[0] for line in moved), ["cp", "cp", "rm"], "what sync did")
check(s5cmd("sync", "--delete", f"{SOURCE}/", f"{ROOT}/tree/"), b"", "a second sync")
s5cmd("sync", "--delete", f"{ROOT}/tree/*", f"{TARGET}/")
same_trees(SOURCE, TARGET)

# Beyond 50 MiB a file goes up in parts, and comes back in ranges.
write(FOLDER / "large", 3, 111 * MIB + 1)
s5cmd("cp", FOLDER / "large", f"{ROOT}/large")
s5cmd("cp", f"{ROOT}/large", FOLDER / "large-back")
check((FOLDER / "large-back").read_bytes(), content(3, 111 * MIB + 1), "a file in parts")
s5cmd("cp", f"{ROOT}/large", f"{ROOT}/copies/large")
s5cmd("mv", f"{ROOT}/copies/large", f"{ROOT}/copies/moved")
check(s5cmd("cat", f"{ROOT}/copies/moved"), content(3, 111 * MIB + 1), "a moved copy")
s5cmd("pipe", f"{ROOT}/piped", stdin=content(4, 7 * MIB))
check(s5cmd("cat", f"{ROOT}/piped"), content(4, 7 * MIB), "piped in, out with cat")

names = {line.split()[-1] for line in s5cmd("ls", f"{ROOT}/").decode().splitlines()}
check(names, {"copies/", "large", "piped", "tree/"}, "ls")
s5cmd("ls", f"{ROOT}/absent", ok=False)
check(s5cmd("du", f"{ROOT}/tree/odd/*").split()[3], b"18", "objects that du counts")
s5cmd("head", f"{ROOT}/piped")
url = s5cmd("presign", f"{ROOT}/piped").decode().strip()
check(fetch(url), (200, content(4, 7 * MIB)), "a presigned URL")
# Its commands run side by side.
s5cmd("run", stdin=f"cp {ROOT}/piped {ROOT}/run-1\nrm {ROOT}/tree/odd/*\n".encode())
check(s5cmd("cat", f"{ROOT}/run-1"), content(4, 7 * MIB), "a copy by a list of commands")

s5cmd("rm", f"{ROOT}/*")
s5cmd("ls", f"{ROOT}/*", ok=False)
s5cmd("mb", "s3://made-by-s5cmd")
assert b"s3://made-by-s5cmd" in s5cmd("ls"), "the bucket is listed"
s5cmd("rb", "s3://made-by-s5cmd")
shutil.rmtree(TARGET)
