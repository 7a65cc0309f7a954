"""duckdb with httpfs: tables copied out as parquet, csv and json, in parts and by partition, read
back with globs and pushed-down columns; files' bytes."""

import duckdb
import duckdb_extension_httpfs
from pathlib import Path

from scene import BUCKET, FOLDER, HOST, KEY, REGION, SECRET, check, refused

db = duckdb.connect(config={"extension_directory": str(FOLDER), "autoinstall_known_extensions": False})
shipped = Path(duckdb_extension_httpfs.__file__).parent
db.load_extension(str(next(shipped.rglob("httpfs.duckdb_extension"))))
db.execute(f"""
    CREATE SECRET (TYPE s3, KEY_ID '{KEY}', SECRET '{SECRET}', REGION '{REGION}',
                   ENDPOINT '{HOST}', URL_STYLE 'path', USE_SSL false)
""")
ROOT = f"s3://{BUCKET}"


def rows(query):
    return db.execute(query).fetchall()


def digest(source):
    """Of all rows, whatever their order."""
    return rows(f"SELECT count(*), bit_xor(hash(id, part, word, noise)) FROM {source}")


db.execute("""
    CREATE TABLE t AS SELECT i AS id, (i % 4)::INT AS part, 'word ' || (i * 7919 % 1000003) AS word,
    md5(i::VARCHAR) AS noise FROM range(700000) AS r(i)
""")
for kind in ["parquet", "csv", "json"]:
    file = f"'{ROOT}/out/t.{kind}'"
    db.execute(f"COPY (FROM t WHERE id < 50000) TO {file} (FORMAT {kind})")
    check(digest(file), digest("(FROM t WHERE id < 50000)"), kind)

# This one goes up in parts, and is read by its footer and the columns asked for.
db.execute(f"COPY t TO '{ROOT}/large.parquet' (FORMAT parquet, COMPRESSION uncompressed)")
check(rows(f"SELECT size > 30 << 20 FROM read_blob('{ROOT}/large.parquet')"), [(True,)], "size")
check(digest(f"'{ROOT}/large.parquet'"), digest("t"), "a large file")
found = rows(f"SELECT word FROM '{ROOT}/large.parquet' WHERE id = 654321")
check(found, rows("SELECT word FROM t WHERE id = 654321"), "one row of it")

# By partition, with a glob and hive's names; written over by a smaller one.
for where in ["true", "id < 1000"]:
    db.execute(f"COPY (FROM t WHERE {where}) TO '{ROOT}/parted' "
               "(FORMAT parquet, PARTITION_BY (part), OVERWRITE_OR_IGNORE)")
    parted = f"read_parquet('{ROOT}/parted/*/*.parquet', hive_partitioning = true)"
    check(digest(parted), digest(f"(FROM t WHERE {where})"), f"parted where {where}")
    check(rows(f"SELECT count(*) FROM {parted} WHERE part = 2"),
          rows(f"SELECT count(*) FROM t WHERE part = 2 AND {where}"), "one partition")
globbed = rows(f"SELECT count(*) FROM glob('{ROOT}/parted/**')")
check(globbed, [(4,)], "files in four partitions")
check(len(rows(f"FROM glob('{ROOT}/out/*.json')")), 1, "a glob")

# Files as bytes are what they were on this side.
local = FOLDER / "t.csv"
db.execute(f"COPY (FROM t WHERE id < 50000) TO '{local}' (FORMAT csv)")
[(found,)] = rows(f"SELECT content FROM read_blob('{ROOT}/out/t.csv')")
check(found, local.read_bytes(), "the bytes of a file")
refused(duckdb.Error, "a missing file", lambda: rows(f"FROM '{ROOT}/absent.parquet'"))
