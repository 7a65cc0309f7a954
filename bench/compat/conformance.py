"""What S3 does, fact by fact, asked of a server.

Called by the end-to-end test of the same name, and by hand:

    CONFORMANCE_ENDPOINT=http://127.0.0.1:9000 \\
    CONFORMANCE_KEY=alice-key CONFORMANCE_SECRET=... \\
    CONFORMANCE_OTHER_KEY=bob-key CONFORMANCE_OTHER_SECRET=... python3 conformance.py [WORD ...]

The two users are different people and neither is an administrator. With words, only the facts
whose name holds one of them. A line per fact, `ok NAME`, `later NAME: reason` or `FAILED NAME:
reason`, then the counts.
Exit code 0 if all hold, 1 if one does not, 2 for wrong usage. Every bucket it makes begins with
`CONFORMANCE_PREFIX` (`conformance-` and the process id), and goes before it ends.

The judge is AWS's documentation. Where a well-known suite of such tests asks for something else,
the fact says so with the address of the page that decides.
"""

import os
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

from facts import access, attributes, buckets, checksums, conditions, copies, cors, deletes
from facts import forms, headers, listing, objects, ranges, tags, uploads, versions
from facts.scene import FACTS, Refused, Scene, Stage, say

MODULES = [access, attributes, buckets, checksums, conditions, copies, cors, deletes, forms]
MODULES += [headers, listing, objects, ranges, tags, uploads, versions]

# What does not hold yet, and why. One of these that holds fails the run: it is to leave this list.
LATER = {}

# More only make the interpreter wait for itself.
WORKERS = 8


def stage() -> Stage:
    try:
        env = os.environ
        return Stage(
            endpoint=env["CONFORMANCE_ENDPOINT"].rstrip("/"),
            region=env.get("CONFORMANCE_REGION", "us-east-1"),
            prefix=env.get("CONFORMANCE_PREFIX", f"conformance-{os.getpid()}-"),
            pairs=[
                (env["CONFORMANCE_KEY"], env["CONFORMANCE_SECRET"]),
                (env["CONFORMANCE_OTHER_KEY"], env["CONFORMANCE_OTHER_SECRET"]),
            ],
        )
    except KeyError as missing:
        print(
            f"conformance: {missing.args[0]} is not set; see the head of this file", file=sys.stderr
        )
        sys.exit(2)


def reason(error: Exception) -> str:
    """Why a fact does not hold, on one line, with the place in its own words."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [
        frame
        for frame in frames
        if "/facts/" in frame.filename and not frame.filename.endswith("/scene.py")
    ]
    place = (ours or frames)[-1]
    where = f"{os.path.basename(place.filename)}:{place.lineno}"
    if isinstance(error, (AssertionError, Refused)):
        said = str(error) or place.line
    else:
        said = f"{type(error).__name__}: {error}"
    return " ".join(f"{said} ({where})".split())


def judge(stage: Stage, name: str) -> str:
    """Its first word on the line, which is how it is counted."""
    start = time.monotonic()
    try:
        FACTS[name](Scene(stage))
    except Exception as error:  # whatever it is, this fact does not hold and the next is asked
        if name in LATER:
            say(f"later {name}: {LATER[name]}")
            return "later"
        say(f"FAILED {name}: {reason(error)}")
        return "FAILED"
    if name in LATER:
        say(f"FAILED {name}: it holds; take it from LATER")
        return "FAILED"
    took = time.monotonic() - start
    say(f"ok {name}" + (f" ({took:.1f} s)" if took > 3 else ""))
    return "ok"


def main() -> int:
    words = sys.argv[1:]
    names = [name for name in FACTS if not words or any(word in name for word in words)]
    if not names:
        print(f"conformance: no fact is named like {' '.join(words)}", file=sys.stderr)
        return 2
    theatre = stage()
    try:
        with ThreadPoolExecutor(WORKERS) as pool:
            verdicts = list(pool.map(lambda name: judge(theatre, name), names))
    finally:
        theatre.clear()
    held, later, failed = [verdicts.count(word) for word in ("ok", "later", "FAILED")]
    print(f"{held} ok, {later} later, {failed} failed")
    return 0 if failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
