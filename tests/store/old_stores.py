"""Stores as earlier versions made them, to be brought up to date in place."""

import sqlalchemy as sa

from annotate.store import tables
from annotate.store.engine import connect
from annotate.store.migrations import MIGRATIONS, migrate
from annotate.store.rows import row_from_sparse
from datasets.formats import SparseFormat, landmark_format

SPARSE = SparseFormat(landmark_format("mafl-5"), (0, 2), (0, 0, 2, 2, 2))


def make_old_store(url: str, steps: int) -> None:
    """A store at an earlier step of the schema with a project of three pictures, one done."""
    engine = connect(url)
    migrate(engine, MIGRATIONS[:steps])
    columns = {column["name"] for column in sa.inspect(engine).get_columns("item")} - {"id", "box"}
    item = sa.table("item", *(sa.column(name) for name in columns))
    values = {"project_id": 1, "image": "/a.png", "height_px": 9, "width_px": 9, "copy": 1}
    rows = [{"position": k, "shape_id": f"f{k}", **values} for k in range(3)]
    facts = {"name": "faces", "archived": False, "created": 1.0, "guide": None}
    labels = {
        "item_id": 2, "number": 1, "annotator": "ann", "writer": "tab", "sequence": 1, "base": 0,
        "points": [{"x": 1.0, "y": 2.0, "v": 2}, {"x": 3.0, "y": 4.0, "v": 2}], "status": "done",
        "flag": False, "active_ms": 100, "created": 2.0,
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(sa.insert(tables.project), {**facts, **row_from_sparse(SPARSE)})
        connection.execute(sa.insert(item), rows)
        connection.execute(sa.insert(tables.revision), labels)
    engine.dispose()
