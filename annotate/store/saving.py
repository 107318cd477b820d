"""How one draft becomes a revision, inside a transaction."""

import sqlalchemy as sa

from annotate.store import rows, tables
from annotate.store.records import ConflictError, Draft, Revision, UnknownEntryError
from datasets.errors import StoreError


def save_draft(connection: sa.Connection, draft: Draft, now: float) -> Revision:
    """Save a draft if it is news; see `AnnotationStore.save` for the rules."""
    m = lock_item(connection, draft.item)
    if m != len(draft.points):
        expected = f"{m} landmarks, found {len(draft.points)}"
        raise StoreError(f"item {draft.item}: expected {expected}")
    before = sa.select(tables.revision).where(tables.revision.c.item_id == draft.item)
    latest = connection.execute(before.order_by(tables.revision.c.number.desc()).limit(1)).first()
    current = None if latest is None else rows.revision_from_row(latest)
    if current is not None:
        heard = sa.select(sa.func.max(tables.revision.c.sequence)).where(
            tables.revision.c.item_id == draft.item, tables.revision.c.writer == draft.writer
        )
        if draft.sequence <= (connection.scalar(heard) or 0):
            return current
        is_overtaken = draft.writer != current.writer and draft.base != current.number
        # The same labels are recorded only where an older draft of their writer may still arrive:
        # it is late then, and must find that this one was heard.
        if current.same_labels(draft) and (is_overtaken or draft.sequence == 1):
            return current
        if is_overtaken:
            raise ConflictError(current)
    number = 1 if current is None else current.number + 1
    row = rows.row_from_draft(draft, number, now)
    connection.execute(sa.insert(tables.revision), row)
    return rows.revision_from_row(
        connection.execute(before.where(tables.revision.c.number == number)).one()
    )


def lock_item(connection: sa.Connection, item: int) -> int:
    """Hold an item until the transaction ends; returns how many landmarks m are marked in it.

    What refers to the item (a lease, a comment) may still be written meanwhile: ``key_share``.
    """
    query = (
        sa.select(tables.project.c.chosen)
        .join(tables.item, tables.item.c.project_id == tables.project.c.id)
        .where(tables.item.c.id == item)
        .with_for_update(of=tables.item, key_share=True)
    )
    row = connection.execute(query).first()
    if row is None:
        raise UnknownEntryError(f"there is no item {item}")
    return len(row.chosen)
