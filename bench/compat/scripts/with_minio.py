"""minio-py: every function of its own functional tests (they come with its source distribution), but for
those that `clients.toml` lists as later. Those run too, and must still be refused as the list says."""

import importlib.util
import os
import secrets
import tomllib
import traceback
from pathlib import Path

import minio
import urllib3

from scene import ENDPOINT, FOLDER, HOST, KEY, MIB, SECRET, write

LIST = tomllib.loads((Path(__file__).parents[1] / "clients.toml").read_text())
LATER = {entry["test"]: entry for entry in LIST["later"]}


class Noting(urllib3.PoolManager):
    """Remembers the requests that were answered with 501, as `PUT ?versioning`."""

    refused: list[str] = []

    def urlopen(self, method, url, *arguments, **further):
        answer = super().urlopen(method, url, *arguments, **further)
        if answer.status == 501:
            query = urllib3.util.parse_url(url).query or ""
            self.refused.append(f"{method} ?{query.split('&')[0].split('=')[0]}")
        return answer


def load():
    """Their module, told where the server is as its `main` would have done."""
    source = os.environ["MINIO_FUNCTIONAL_TESTS"]
    spec = importlib.util.spec_from_file_location("functional", source)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    os.chdir(FOLDER)
    write(FOLDER / "datafile-1-MB", 1, MIB)
    write(FOLDER / "datafile-11-MB", 2, 11 * MIB)
    # Why: it shuffles megabytes letter by letter, for most of the tests' time.
    module._get_random_string = lambda size: secrets.token_hex(size // 2 + 1)[:size]
    module._test_file, module._large_file, module._is_aws = "datafile-1-MB", "datafile-11-MB", False
    module._client = minio.Minio(
        HOST, KEY, SECRET, secure=ENDPOINT.startswith("https"), http_client=Noting(retries=False)
    )
    return module


def attempt(test):
    """Why it failed, or None."""
    Noting.refused.clear()
    try:
        test({"name": test.__name__, "args": {}})
    except Exception:
        return traceback.format_exc()
    return None


module = load()
tests = {name: value for name, value in vars(module).items() if name.startswith("test_")}
wrong = [f"{name} is listed as later and is no test" for name in LATER if name not in tests]
for name, test in tests.items():
    failure, entry = attempt(test), LATER.get(name)
    if entry is None and failure is not None:
        wrong.append(f"{name} failed (501 for {Noting.refused}):\n{failure}")
    if entry is not None and failure is None:
        wrong.append(f"{name} passes now: take it off the list in clients.toml")
    if entry is not None and failure is not None and Noting.refused != entry["refused"]:
        wrong.append(f"{name}: 501 for {Noting.refused}, not {entry['refused']}:\n{failure}")
print(f"{len(tests) - len(LATER)} of {len(tests)} tests ran to their end, {len(LATER)} are for later")
if wrong:
    raise SystemExit("\n".join(wrong))
