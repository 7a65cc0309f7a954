"""opendal: writes in parts, ranged reads, stat, list, copy, conditional creation, presigned URLs,
removal of a tree; with the blocking and the async operator."""

import asyncio

import opendal
from opendal import exceptions

from scene import BUCKET, ENDPOINT, KEY, MIB, REGION, SECRET, check, content, fetch, refused

SETTINGS = dict(
    bucket=BUCKET, endpoint=ENDPOINT, region=REGION, access_key_id=KEY, secret_access_key=SECRET
)
op = opendal.Operator("s3", **SETTINGS)

large = content(1, 27 * MIB + 3)
for name, expected in {"small": b"small", "empty": b"", "large": large}.items():
    op.write(f"in/{name}", expected, content_type="text/x-odd")
    check(bytes(op.read(f"in/{name}")), expected, name)
stat = op.stat("in/large")
check((stat.content_length, stat.content_type), (len(large), "text/x-odd"), "stat")
op.write("in/small", b"written over")
check(bytes(op.read("in/small")), b"written over", "written over")

with op.open("in/streamed", "wb", chunk=6 * MIB) as file:
    for start in range(0, len(large), MIB):
        file.write(large[start : start + MIB])
with op.open("in/streamed", "rb") as file:
    file.seek(19 * MIB + 1)
    check(bytes(file.read(1000)), large[19 * MIB + 1 : 19 * MIB + 1001], "a range")
    file.seek(0)
    check(bytes(file.read()), large, "written in parts")

op.create_dir("made/")
op.write("made/deep/file", b"x")
op.copy("in/large", "made/copy")
check(bytes(op.read("made/copy")), large, "copied")
check(sorted(entry.path for entry in op.list("made/")), ["made/", "made/copy", "made/deep/"], "list")
paths = sorted(entry.path for entry in op.scan("made/"))
check(paths, ["made/", "made/copy", "made/deep/file"], "scan")
check((op.exists("made/copy"), op.exists("made/absent")), (True, False), "exists")
refused(exceptions.NotFound, "a missing object", lambda: op.read("absent"))
op.delete("made/copy")
op.delete("made/copy")  # What is gone may be deleted again.
check(op.exists("made/copy"), False, "deleted")


async def asynchronously():
    ao = opendal.AsyncOperator("s3", **SETTINGS)
    bodies = {f"many/{number}": content(number, number * 99) for number in range(120)}
    await asyncio.gather(*(ao.write(path, body) for path, body in bodies.items()))
    found = await asyncio.gather(*(ao.read(path) for path in bodies))
    check([bytes(body) for body in found], list(bodies.values()), "many at once")
    listed = [entry.path async for entry in await ao.list("many/")]
    check(sorted(listed), sorted(bodies), "many listed")
    request = await ao.presign_write("signed", 300)
    check(fetch(request.url, request.method, content(2, MIB))[0], 200, "signed PUT")
    request = await ao.presign_read("signed", 300)
    check(fetch(request.url), (200, content(2, MIB)), "signed GET")
    request = await ao.presign_stat("signed", 300)
    check(fetch(request.url, request.method)[0], 200, "signed HEAD")

    # Of many creators exactly one wins.
    async def create(number):
        try:
            await ao.write("race", f"{number}".encode(), if_not_exists=True)
            return number
        except exceptions.ConditionNotMatch:
            return None

    results = await asyncio.gather(*(create(number) for number in range(50)))
    winners = [number for number in results if number is not None]
    check(len(winners), 1, "winners")
    check(bytes(await ao.read("race")), f"{winners[0]}".encode(), "what the winner wrote")


asyncio.run(asynchronously())
op.remove_all("")
check([entry.path for entry in op.scan("")], [], "what is left")
