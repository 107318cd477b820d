"""Tables and columns as queries see them; what creates them is in `migrations.py`."""

import sqlalchemy as sa

about = sa.table("about", sa.column("name", sa.Text), sa.column("value", sa.Text))

project = sa.table(
    "project",
    sa.column("id", sa.Integer),
    sa.column("name", sa.Text),
    sa.column("format", sa.Text),
    sa.column("chosen", sa.JSON),
    sa.column("represented_by", sa.JSON),
    sa.column("guide", sa.JSON(none_as_null=True)),
    sa.column("archived", sa.Boolean),
    sa.column("created", sa.Double),
)

item = sa.table(
    "item",
    sa.column("id", sa.Integer),
    sa.column("project_id", sa.Integer),
    sa.column("position", sa.Integer),
    sa.column("shape_id", sa.Text),
    sa.column("image", sa.Text),
    sa.column("height_px", sa.Integer),
    sa.column("width_px", sa.Integer),
    sa.column("box", sa.JSON(none_as_null=True)),
    sa.column("split", sa.Text),
    sa.column("subject", sa.Text),
    sa.column("copy", sa.Integer),
    sa.column("priority", sa.Double),
)

lease = sa.table(
    "lease",
    sa.column("item_id", sa.Integer),
    sa.column("holder", sa.Text),
    sa.column("expires", sa.Double),
)

review = sa.table(
    "review",
    sa.column("item_id", sa.Integer),
    sa.column("number", sa.Integer),
    sa.column("reviewer", sa.Text),
    sa.column("verdict", sa.Text),
    sa.column("revision", sa.Integer),
    sa.column("created", sa.Double),
)

comment = sa.table(
    "comment",
    sa.column("id", sa.Integer),
    sa.column("item_id", sa.Integer),
    sa.column("landmark", sa.Integer),
    sa.column("author", sa.Text),
    sa.column("text", sa.Text),
    sa.column("created", sa.Double),
    sa.column("resolved", sa.Double),
    sa.column("resolved_by", sa.Text),
)

revision = sa.table(
    "revision",
    sa.column("item_id", sa.Integer),
    sa.column("number", sa.Integer),
    sa.column("annotator", sa.Text),
    sa.column("writer", sa.Text),
    sa.column("sequence", sa.BigInteger),
    sa.column("base", sa.Integer),
    sa.column("points", sa.JSON),
    sa.column("status", sa.Text),
    sa.column("flag", sa.Boolean),
    sa.column("active_ms", sa.BigInteger),
    sa.column("created", sa.Double),
)

member = sa.table(
    "member",
    sa.column("person", sa.Text),
    sa.column("project_id", sa.Integer),
    sa.column("role", sa.Text),
    sa.column("created", sa.Double),
)

ghost = sa.table(
    "ghost",
    sa.column("item_id", sa.Integer),
    sa.column("source", sa.Text),
    sa.column("points", sa.JSON),
    sa.column("created", sa.Double),
)

gold_plan = sa.table(
    "gold_plan",
    sa.column("project_id", sa.Integer),
    sa.column("every", sa.Integer),
    sa.column("created", sa.Double),
)

gold = sa.table(
    "gold",
    sa.column("project_id", sa.Integer),
    sa.column("shape_id", sa.Text),
    sa.column("points", sa.JSON),
    sa.column("created", sa.Double),
)

gold_answer = sa.table(
    "gold_answer",
    sa.column("item_id", sa.Integer),
    sa.column("annotator", sa.Text),
    sa.column("after", sa.Integer),
    sa.column("revision", sa.Integer),
    sa.column("created", sa.Double),
)

_later = revision.alias("later")
latest = (
    sa.select(revision)
    .where(
        ~sa.exists().where(
            _later.c.item_id == revision.c.item_id,
            _later.c.number > revision.c.number,
        )
    )
    .subquery("latest")
)
