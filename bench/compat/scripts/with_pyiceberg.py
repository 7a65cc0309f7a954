"""PyIceberg over a local SQL catalog: appends, overwrite, delete, schema change, snapshots, partitions;
through PyArrow's file system (its default) and through fsspec's."""

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import EqualTo, GreaterThanOrEqual
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import StringType

from scene import BUCKET, ENDPOINT, FOLDER, KEY, REGION, SECRET, check


def catalog(name, **further):
    return SqlCatalog(name, **{
        "uri": f"sqlite:///{FOLDER}/{name}.db",
        "warehouse": f"s3://{BUCKET}/{name}",
        "s3.endpoint": ENDPOINT,
        "s3.access-key-id": KEY,
        "s3.secret-access-key": SECRET,
        "s3.region": REGION,
        **further,
    })


def batch(first, count):
    ids = range(first, first + count)
    return pa.table({
        "id": pa.array(ids, pa.int64()),
        "group": pa.array([number % 3 for number in ids], pa.int64()),
        "word": pa.array([f"{number * 2654435761 % (1 << 62):062b}" for number in ids]),
    })


def ids(table, **scan):
    return sorted(table.scan(**scan).to_arrow().column("id").to_pylist())


for name, further in [
    ("arrow", {}),
    ("fsspec", {"py-io-impl": "pyiceberg.io.fsspec.FsspecFileIO"}),
]:
    lake = catalog(name, **further)
    lake.create_namespace("db")
    first = batch(0, 1000)
    table = lake.create_table("db.events", schema=first.schema)
    with table.update_spec() as spec:
        spec.add_field("group", IdentityTransform(), "group")
    table.append(first)
    # Large enough for an upload in parts.
    table.append(batch(1000, 250_000))
    check(ids(table), list(range(251_000)), f"{name}: rows after two appends")
    two = [number for number in range(251_000) if number % 3 == 2]
    check(ids(table, row_filter=EqualTo("group", 2)), two, f"{name}: one partition")
    check(table.scan().to_arrow().sort_by("id").slice(5, 1).to_pylist()[0]["word"],
          batch(5, 1).to_pylist()[0]["word"], f"{name}: a value")

    table.delete(GreaterThanOrEqual("id", 500))
    check(ids(table), list(range(500)), f"{name}: rows after delete")
    with table.update_schema() as schema:
        schema.add_column("note", StringType())
    table.append(batch(500, 10).append_column("note", pa.array(["new"] * 10)))
    check(len(table.scan(row_filter=EqualTo("note", "new")).to_arrow()), 10, f"{name}: new column")
    table.overwrite(batch(0, 5).append_column("note", pa.array(["over"] * 5)))

    # As another reader sees it: from the catalog, with its history.
    again = catalog(name, **further).load_table("db.events")
    check(ids(again), [0, 1, 2, 3, 4], f"{name}: rows after overwrite")
    old = again.snapshots()[0].snapshot_id
    check(ids(again, snapshot_id=old), list(range(1000)), f"{name}: the first snapshot")
    check(len(again.inspect.files()) > 0, True, f"{name}: files")
    lake.rename_table("db.events", "db.renamed")
    lake.purge_table("db.renamed")
    check(lake.list_tables("db"), [], f"{name}: tables left")
