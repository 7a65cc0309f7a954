"""What the scripts share: where the server is, bytes made from seeds, trees of files, comparisons.

Every script is started as `python3 SCRIPT ENDPOINT BUCKET FOLDER`: an address such as
http://127.0.0.1:20000, an empty bucket, an empty folder. The credentials and the region are in the
environment as the AWS tools name them. It exits with 0 when every fact held.
"""

import os
import random
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

ENDPOINT, BUCKET = sys.argv[1], sys.argv[2]
FOLDER = Path(sys.argv[3])
HOST = ENDPOINT.split("://")[1]
KEY, SECRET = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
REGION = os.environ["AWS_DEFAULT_REGION"]

KIB, MIB = 1 << 10, 1 << 20

# Names that clients and servers have tripped over.
ODD_NAMES = [
    "with space",
    "ünïcödé/文件.txt",
    "emoji-🐹.txt",
    "plus+plus",
    "percent%41",
    "100%",
    ".hidden/.dot",
    "a",
    "a.b/c",
    "a-b",
    "tilde~",
    "quote'",
    "amp&ersand",
    "hash#tag",
    "semi;colon",
    "equals=",
    "comma,(paren)",
    "at@colon:dollar$",
]


def content(seed, length):
    """`length` bytes that no other seed gives."""
    return random.Random(seed).randbytes(length)


def check(found, expected, what):
    """Two values are the same; of long ones only what differs is said."""
    if found == expected:
        return
    if isinstance(expected, (bytes, bytearray)) and len(expected) > 200:
        lengths = f"{len(found)} bytes for {len(expected)}"
        pairs = enumerate(zip(bytes(found), expected))
        first = next((place for place, (one, other) in pairs if one != other), None)
        raise AssertionError(f"{what}: {lengths}, the first that differs: {first}")
    raise AssertionError(f"{what}: {found!r} for {expected!r}")


def refused(kinds, what, work):
    """`work` must raise one of `kinds`; answers what it raised."""
    try:
        work()
    except kinds as error:
        return error
    raise AssertionError(f"{what} was not refused")


def tree(root, count=200):
    """Fills `root` with small files in nested folders, odd names, an empty file, a larger one."""
    for number in range(count):
        write(root / f"folder-{number % 7}/deep-{number % 3}/file-{number}", number, number * 97)
    for number, name in enumerate(ODD_NAMES):
        write(root / "odd" / name, 1000 + number, 100 + number)
    write(root / "empty", 0, 0)
    write(root / "nine-mebibytes", 2000, 9 * MIB + 1)


def write(path, seed, length):
    """A file of bytes that no other seed gives, and its folders; older than any object."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content(seed, length))
    os.utime(path, (1_700_000_000, 1_700_000_000))


def files(root):
    """Every file below `root`: its name and its bytes."""
    found = (path for path in Path(root).rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def same_trees(one, other):
    """The same names, the same bytes."""
    first, second = files(one), files(other)
    check(sorted(second), sorted(first), "names")
    for name, bytes_ in first.items():
        check(second[name], bytes_, name)


def run(*arguments, ok=True, cwd=None, stdin=None, env=None):
    """Runs a program to its end and answers its output; one that fails ends the script."""
    words = [str(word) for word in arguments]
    done = subprocess.run(
        words, cwd=cwd, input=stdin, capture_output=True, env={**os.environ, **(env or {})}
    )
    if (done.returncode == 0) != ok:
        said = (done.stdout + done.stderr).decode(errors="replace")
        raise AssertionError(f"{words} exited with {done.returncode}:\n{said}")
    return done.stdout


def fetch(url, method="GET", body=None, headers=None):
    """One plain HTTP request, as a browser with a presigned URL sends it: status and body."""
    # Why: urllib would say that a body is a form.
    plain = {} if body is None else {"Content-Type": "application/octet-stream"}
    request = urllib.request.Request(url, data=body, method=method, headers=headers or plain)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
