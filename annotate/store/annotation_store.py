"""The store itself: what can be asked of it and saved into it."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import sqlalchemy as sa

from annotate.access import Membership, Role
from annotate.store import members, rows, tables
from annotate.store.copies import add_copies, marked_copies, require_no_other_copy
from annotate.store.engine import Database, clear_errors, connect, url_of
from annotate.store.ghost_rows import (
    GhostSource,
    Points,
    read_ghosts,
    read_source,
    replace_ghosts,
)
from annotate.store.gold_turns import require_own_gold
from annotate.store.golds import Golds
from annotate.store.leases import Leases
from annotate.store.migrations import migrate
from annotate.store.priorities import count_priorities, replace_priorities
from annotate.store.records import (
    Counts,
    Draft,
    Item,
    NewItem,
    Project,
    Revision,
    Status,
    UnknownEntryError,
)
from annotate.store.reviews import Reviews
from annotate.store.saving import save_draft
from annotate.store.work import Worklog
from datasets.errors import StoreError
from datasets.formats import SparseFormat


def open_store(
    url: str, *, must_exist: bool = False, clock: Callable[[], float] = time.time
) -> "AnnotationStore":
    """Open a store, making it where there is none and bringing its schema up to date.

    Parameters
    ----------
    url
        Path of an SQLite file, or an SQLAlchemy URL such as ``sqlite:////home/me/labels.sqlite``.
    must_exist
        Refuse to make a new SQLite file.
    clock
        Seconds since 1970.

    Raises
    ------
    StoreError
        If it cannot be opened.
    """
    parsed = url_of(url)
    if must_exist and parsed.get_backend_name() == "sqlite":
        path = Path(parsed.database or "")
        if not path.is_file():
            raise StoreError(f"{path}: there is no annotation store; 'project create' makes one")
        if path.stat().st_size == 0:
            raise StoreError(f"{path}: an empty file is no annotation store")
    store = AnnotationStore(connect(url), clock)
    try:
        with clear_errors():
            migrate(store.engine)
    except StoreError:
        store.close()
        raise
    return store


class AnnotationStore:
    """Projects, items and revisions in a database; safe to share between threads.

    Revisions are only ever added. The current labels of an item are its latest revision. Who works
    on what is in `leases`, what others think of it in `reviews`, who did how much in `worklog`,
    and how exactly in `golds`; answers to gold pictures count as items of the project nowhere else.
    """

    def __init__(self, engine: sa.Engine, clock: Callable[[], float] = time.time) -> None:
        self.engine = engine
        self._database = Database(engine, clock)
        self._home = self._database.home
        self.leases = Leases(self._database)
        self.reviews = Reviews(self._database)
        self.worklog = Worklog(self._database)
        self.golds = Golds(self._database)

    def close(self) -> None:
        """Give back the connections."""
        self.engine.dispose()

    @property
    def id(self) -> str:
        """Random name of this store: browsers keep unsent labels of different stores apart."""
        return self._fact("id")

    @property
    def secret(self) -> str:
        """Random secret, shared by all servers of this store and the browsers they trust."""
        return self._fact("secret")

    def _fact(self, name: str) -> str:
        query = sa.select(tables.about.c.value).where(tables.about.c.name == name)
        with self._database.reading() as connection:
            return str(connection.scalar(query))

    def create_project(
        self,
        name: str,
        sparse: SparseFormat,
        items: Sequence[NewItem],
        guide: Sequence[tuple[float, float]] | None = None,
    ) -> Project:
        """Add a project with its items, in their order.

        Parameters
        ----------
        name
            Unique in the store.
        items
            At least one; their ``shape_id`` are unique.
        guide
            M positions of a typical shape, see `Project`.

        Raises
        ------
        StoreError
            If the name is empty or taken, there is no item, or a ``shape_id`` repeats.
        """
        if not name.strip():
            raise StoreError("a project needs a name")
        if not items:
            raise StoreError(f"{name}: a project needs at least one picture")
        if guide is not None and len(guide) != len(sparse.dense):
            problem = f"{name}: the guide has {len(guide)} points, the format {len(sparse.dense)}"
            raise StoreError(problem)
        values = {
            "name": name,
            **rows.row_from_sparse(sparse),
            "guide": None if guide is None else [list(point) for point in guide],
            "archived": False,
            "created": self._database.clock(),
        }
        with self._database.writing() as connection:
            taken = sa.select(tables.project.c.id).where(tables.project.c.name == name)
            if connection.scalar(taken) is not None:
                raise StoreError(f"there is a project {name!r} already; choose another name")
            connection.execute(sa.insert(tables.project), values)
            project_id = connection.scalar(taken)
            places = [
                {"project_id": project_id, "position": i, **rows.row_from_item(content, self._home)}
                for i, content in enumerate(items)
            ]
            connection.execute(sa.insert(tables.item), places)
        return self.project(name)

    def projects(self) -> list[Project]:
        """All projects, archived ones too, in order of creation."""
        with self._database.reading() as connection:
            found = connection.execute(sa.select(tables.project).order_by(tables.project.c.id))
            return [rows.project_from_row(row) for row in found]

    def project(self, key: str | int) -> Project:
        """A project by its name or number.

        Raises
        ------
        UnknownEntryError
            If there is none.
        """
        column = tables.project.c.name if isinstance(key, str) else tables.project.c.id
        with self._database.reading() as connection:
            row = connection.execute(sa.select(tables.project).where(column == key)).first()
        if row is None:
            known = ", ".join(project.name for project in self.projects()) or "none"
            raise UnknownEntryError(f"there is no project {key!r}; projects are: {known}")
        return rows.project_from_row(row)

    def set_archived(self, project: Project, *, archived: bool) -> None:
        """Put a project away, or take it out again."""
        change = sa.update(tables.project).where(tables.project.c.id == project.id)
        with self._database.writing() as connection:
            connection.execute(change.values(archived=archived))

    def members(self, person: str | None = None) -> list[Membership]:
        """All memberships, or those of one person: by name, that of the whole store first."""
        with self._database.reading() as connection:
            return members.memberships(connection, person)

    def set_member(self, person: str, role: Role | None, project: Project | None = None) -> None:
        """Give somebody a role in a project or, without one, in the whole store; None takes it.

        Raises
        ------
        AccessError
            If the name is none.
        StoreError
            If the store would have members, but no manager of the whole store.
        """
        with self._database.writing() as connection:
            members.set_role(connection, person, role, None if project is None else project.id)

    def admit(self, person: str) -> list[Membership]:
        """The memberships of somebody who signed in: the first of all becomes the manager."""
        found = self.members(person)
        if found:
            return found
        with self._database.writing() as connection:
            members.make_first_manager(connection, person)
            return members.memberships(connection, person)

    def items(self, project: Project, start: int = 0, count: int | None = None) -> list[Item]:
        """Items of a project from a position on, in their order."""
        query = (
            sa.select(tables.item)
            .where(tables.item.c.project_id == project.id, tables.item.c.position >= start)
            .order_by(tables.item.c.position)
            .limit(count)
        )
        with self._database.reading() as connection:
            return [rows.item_from_row(row, self._home) for row in connection.execute(query)]

    def item(self, item_id: int) -> Item:
        """An item by its number.

        Raises
        ------
        UnknownEntryError
            If there is none.
        """
        query = sa.select(tables.item).where(tables.item.c.id == item_id)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise UnknownEntryError(f"there is no item {item_id}")
        return rows.item_from_row(row, self._home)

    def current(self, items: Sequence[Item]) -> dict[int, Revision]:
        """The latest revision of each of these items that has one, by the item's number.

        Read through the range of positions, so that the query stays short for any number.
        """
        if not items:
            return {}
        positions = [item.position for item in items]
        query = (
            sa.select(tables.latest)
            .join(tables.item, tables.item.c.id == tables.latest.c.item_id)
            .where(
                tables.item.c.project_id == items[0].project,
                tables.item.c.position.between(min(positions), max(positions)),
            )
        )
        asked = {item.id for item in items}
        with self._database.reading() as connection:
            found = [rows.revision_from_row(row) for row in connection.execute(query)]
        return {revision.item: revision for revision in found if revision.item in asked}

    def revisions(self, item_id: int) -> list[Revision]:
        """Everything ever saved for an item, oldest first."""
        query = sa.select(tables.revision).where(tables.revision.c.item_id == item_id)
        with self._database.reading() as connection:
            found = connection.execute(query.order_by(tables.revision.c.number))
            return [rows.revision_from_row(row) for row in found]

    def history(self, project: Project) -> list[Revision]:
        """Everything ever saved in a project: item by item in their order, oldest first."""
        query = (
            sa.select(tables.revision)
            .join(tables.item, tables.item.c.id == tables.revision.c.item_id)
            .where(tables.item.c.project_id == project.id)
            .order_by(tables.item.c.position, tables.revision.c.number)
        )
        with self._database.reading() as connection:
            return [rows.revision_from_row(row) for row in connection.execute(query)]

    def add_copies(self, project: Project, copies: int, share: float = 1.0) -> int:
        """Have so many people mark a share of the pictures, evenly spread over the project's order.

        The copies are items of their own at the end of the project; what is there already counts.

        Returns
        -------
        int
            How many items were added.
        """
        with self._database.writing() as connection:
            return add_copies(connection, project.id, copies, share)

    def marked_copies(self, items: Sequence[Item], annotator: str) -> dict[int, int]:
        """Those of these items of one project of which somebody marked another copy: which one."""
        if not items:
            return {}
        positions = [item.position for item in items]
        which = sa.and_(
            tables.item.c.project_id == items[0].project,
            tables.item.c.position.between(min(positions), max(positions)),
        )
        with self._database.reading() as connection:
            return marked_copies(connection, annotator, which)

    def counts(self, project: Project) -> Counts:
        """How far a project has come."""
        query = (
            sa.select(tables.latest.c.status, sa.func.count())
            .select_from(
                tables.item.outerjoin(tables.latest, tables.latest.c.item_id == tables.item.c.id)
            )
            .where(tables.item.c.project_id == project.id, tables.item.c.copy > 0)
            .group_by(tables.latest.c.status)
        )
        with self._database.reading() as connection:
            number = {row[0]: int(row[1]) for row in connection.execute(query)}
        total = sum(number.values())
        return Counts(total, number.get(Status.DONE, 0), number.get(Status.SKIPPED, 0))

    def extent(self, project: Project) -> int:
        """How many positions a project has, those of answers to gold pictures included."""
        last = sa.select(sa.func.max(tables.item.c.position))
        with self._database.reading() as connection:
            found = connection.scalar(last.where(tables.item.c.project_id == project.id))
        return 0 if found is None else int(found) + 1

    def first_open(self, project: Project, start: int = 0) -> int | None:
        """Position of the first item from `start` on that still waits for labels, or None."""
        query = (
            sa.select(sa.func.min(tables.item.c.position))
            .select_from(
                tables.item.outerjoin(tables.latest, tables.latest.c.item_id == tables.item.c.id)
            )
            .where(
                tables.item.c.project_id == project.id,
                tables.item.c.position >= start,
                tables.item.c.copy > 0,
                sa.or_(tables.latest.c.status.is_(None), tables.latest.c.status == Status.OPEN),
            )
        )
        with self._database.reading() as connection:
            found = connection.scalar(query)
        return None if found is None else int(found)

    def save(self, draft: Draft, *, at_work: bool = False) -> Revision:
        """Save labels as the next revision of their item; saving the same again is harmless.

        The same writer is ordered by its own sequence, which begins with 1: what arrives late is
        dropped. Any other writer must have started from the current revision. Labels that are the
        current ones anyway are a revision only where an older draft of their writer may follow.

        Parameters
        ----------
        at_work
            The annotator sits at the picture, so it is leased to them, or their lease renewed, and
            it must not be a copy of one that they marked.

        Returns
        -------
        Revision
            The item's current revision: the draft's, or what stands where it was dropped.

        Raises
        ------
        ConflictError
            If somebody else saved meanwhile.
        CopyError
            If the annotator, at work, has marked another copy of the same shape.
        OthersGoldError
            If it is a gold picture that somebody else got.
        UnknownEntryError
            If there is no such item.
        StoreError
            If the number of points is not the project's.
        """
        with self._database.writing() as connection:
            if at_work:
                require_no_other_copy(connection, draft.item, draft.annotator)
                require_own_gold(connection, draft.item, draft.annotator)
            revision = save_draft(connection, draft, self._database.clock())
            if at_work:
                self.leases.take(connection, [draft.item], draft.annotator)
        return revision

    def save_all(self, drafts: Sequence[Draft]) -> list[Revision]:
        """Save many drafts in one transaction: all of them or, where one is refused, none."""
        now = self._database.clock()
        places = sorted(range(len(drafts)), key=lambda place: drafts[place].item)
        with (
            self._database.writing() as connection
        ):  # items are held in one order: nobody waits in a ring
            saved = {place: save_draft(connection, drafts[place], now) for place in places}
        return [saved[place] for place in range(len(drafts))]

    def set_ghosts(self, project: Project, name: str, ghosts: Mapping[int, Points]) -> None:
        """Offer these points as ghosts in the place of all before; see `replace_ghosts`."""
        with self._database.writing() as connection:
            replace_ghosts(connection, project.id, name, ghosts)

    def ghosts(self, items: Sequence[Item]) -> dict[int, Points]:
        """The ghosts of each of these items of one project that has some, by its number."""
        if not items:
            return {}
        with self._database.reading() as connection:
            return read_ghosts(connection, items)

    def ghost_source(self, project: Project) -> GhostSource | None:
        """Where a project's ghosts come from; None where it has none."""
        with self._database.reading() as connection:
            return read_source(connection, project.id)

    def set_priorities(self, project: Project, priorities: Mapping[int, float]) -> None:
        """Have the queue hand out pictures with the highest number first, those without one last.

        Parameters
        ----------
        priorities
            By the item's number, in the place of all before. Copies follow the first of them.
        """
        with self._database.writing() as connection:
            replace_priorities(connection, project.id, priorities)

    def priorities(self, project: Project) -> int:
        """How many pictures of a project have a priority."""
        with self._database.reading() as connection:
            return count_priorities(connection, project.id)
