"""obstore: puts with conditions and in parts, racing creators, ranges, listings, copy and rename,
attributes and tags, presigned URLs, buffered files."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import obstore
from obstore.exceptions import AlreadyExistsError, PreconditionError
from obstore.store import S3Store

from scene import BUCKET, ENDPOINT, KEY, MIB, REGION, SECRET, check, content, fetch, refused

store = S3Store(
    BUCKET, endpoint=ENDPOINT, access_key_id=KEY, secret_access_key=SECRET, region=REGION,
    client_options={"allow_http": True},
)


def read(path):
    return bytes(obstore.get(store, path).bytes())


for name, expected in {"small": b"small", "empty": b"", "large": content(1, 33 * MIB + 3)}.items():
    obstore.put(store, f"in/{name}", expected)
    check(read(f"in/{name}"), expected, name)
large = content(1, 33 * MIB + 3)
streamed = b"".join(bytes(chunk) for chunk in obstore.get(store, "in/large").stream())
check(streamed, large, "streamed")
check(bytes(obstore.get_range(store, "in/large", start=5, end=15)), large[5:15], "a range")
starts = [0, 9 * MIB - 1, 20 * MIB]
found = obstore.get_ranges(store, "in/large", starts=starts, lengths=[10, 100, 3 * MIB])
expected = [large[start : start + length] for start, length in zip(starts, [10, 100, 3 * MIB])]
check([bytes(piece) for piece in found], expected, "ranges")

# Conditions: exactly one of many creators wins, and an update needs the version it has seen.
def create(number):
    try:
        obstore.put(store, "race", f"{number}".encode(), mode="create")
        return number
    except AlreadyExistsError:
        return None


with ThreadPoolExecutor(16) as pool:
    winners = [number for number in pool.map(create, range(50)) if number is not None]
check(len(winners), 1, "winners")
check(read("race"), f"{winners[0]}".encode(), "what the winner wrote")
seen = obstore.head(store, "race")
obstore.put(store, "race", b"second", mode={"e_tag": seen["e_tag"]})
refused(PreconditionError, "an update of what has changed",
        lambda: obstore.put(store, "race", b"third", mode={"e_tag": seen["e_tag"]}))
check(read("race"), b"second", "after the race")
refused(PreconditionError, "a get with an old ETag",
        lambda: obstore.get(store, "race", options={"if_match": seen["e_tag"]}))
refused(FileNotFoundError, "a missing object", lambda: obstore.head(store, "absent"))

# Listings.
with ThreadPoolExecutor(8) as pool:
    list(pool.map(lambda number: obstore.put(store, f"many/{number:04}", b"x"), range(1100)))
everything = [meta["path"] for page in obstore.list(store, "many") for meta in page]
check(everything, [f"many/{number:04}" for number in range(1100)], "a listing of two pages")
after = [meta["path"] for page in obstore.list(store, "many", offset="many/1097") for meta in page]
check(after, ["many/1098", "many/1099"], "a listing after an offset")
level = obstore.list_with_delimiter(store)
check(sorted(level["common_prefixes"]), ["in", "many"], "folders")
check([meta["path"] for meta in level["objects"]], ["race"], "files")

obstore.copy(store, "in/large", "copied")
refused(AlreadyExistsError, "a creation over a copy",
        lambda: obstore.put(store, "copied", b"x", mode="create"))
obstore.rename(store, "copied", "renamed")
check(read("renamed"), large, "copied and renamed")
obstore.delete(store, everything)
check([page for page in obstore.list(store, "many")], [], "deleted in bulk")

attributes = {"Content-Type": "text/x-odd", "Cache-Control": "no-store", "colour": "blue"}
obstore.put(store, "described", b"x", attributes=attributes, tags={"team": "storage", "b c": "d/e"})
check(dict(obstore.get(store, "described").attributes), attributes, "attributes")
with obstore.open_writer(store, "written", buffer_size=6 * MIB) as writer:
    for start in range(0, len(large), MIB):
        writer.write(large[start : start + MIB])
reader = obstore.open_reader(store, "written")
reader.seek(20 * MIB + 1)
check(bytes(reader.read(100)), large[20 * MIB + 1 : 20 * MIB + 101], "a reader that seeks")
check(read("written"), large, "written in parts")

url = obstore.sign(store, "PUT", "signed", timedelta(minutes=5))
check(fetch(url, "PUT", content(3, MIB))[0], 200, "a presigned PUT")
url = obstore.sign(store, "GET", "signed", timedelta(minutes=5))
check(fetch(url), (200, content(3, MIB)), "a presigned GET")
