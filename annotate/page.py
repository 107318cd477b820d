"""The Annotate page: projects, the canvas, and the labels as a data set."""

import getpass
import re
from urllib.parse import unquote

import streamlit as st

from annotate.access import Right, Visitor
from annotate.completed_ui import ask_for_project, wanted_completed
from annotate.exchange import create_project, free_project_name, mean_guide
from annotate.ghosts_ui import NOTHING, change_ghosts, choose_predictions, offer, show_problem
from annotate.people_ui import PROJECT, chosen_project, show_members, show_person, visitor
from annotate.provenance import export_labels
from annotate.server import workspace_store
from annotate.store import AnnotationStore, Counts, Project
from annotate.timing import marked_pictures, timing_of
from annotate.ui import canvas, server_root
from datasets import ui
from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError, StoreError
from datasets.formats import LandmarkFormat, SparseFormat
from datasets.replacing_ui import may_write
from datasets.shelf import replacing_dataset
from datasets.storage import read_header

_ANNOTATOR = "annotate.annotator"
_COOKIE = "fewmark_annotator"
_NAME_LENGTH = 80
_ALL = "all"


def render() -> None:
    """Show the page."""
    who = visitor()
    workspace = ui.workspace()
    may_make = who.may(Right.MANAGE)
    if may_make and not workspace.root.is_dir():
        _choose_format()
        return
    store = workspace_store()
    projects = [found for found in store.projects() if who.may(Right.SEE, found.id)]
    active = [project for project in projects if not project.archived]
    above = st.container()  # what comes and goes up here must not take the canvas off the page
    wanted = _wanted_format(workspace.format_names()) if may_make else None
    completed = wanted_completed() if may_make else None
    with above:
        show_problem()
        if completed is not None:
            ask_for_project(store, completed)
            if not active:
                return
    if not active and not may_make:
        st.info("No project is open for you: a manager makes one, or makes you a member.")
        return
    if not active:
        with above:
            st.header("New project")
            _new_project(store, wanted)
            _archived(store, projects)
        return
    with above:
        if wanted is not None:
            _wanted_project(store, wanted)
        project = _bar(store, active, projects, who, new=may_make and wanted is None)
    canvas(store, project, _annotator(who), server_root(), who)
    if who.may(Right.RESEARCH):
        _what_next(store.counts(project))


def _choose_format() -> None:
    ui.next_step(
        "Nothing to mark yet: choose first **which** landmarks people mark. "
        "That is a sparse format.",
        "budget",
        "Choose a sparse format",
    )


def _wanted_format(known: list[str]) -> str | None:
    """The sparse format for which the Budget page asks for a project."""
    wanted = ui.kept_choice("new-project")
    return wanted if wanted in known else None


def _wanted_project(store: AnnotationStore, wanted: str) -> None:
    """The form of a new project open above the canvas of another one."""
    with st.container(border=True):
        st.header("New project")
        _new_project(store, wanted, may_wait=True)


def _bar(
    store: AnnotationStore,
    active: list[Project],
    projects: list[Project],
    who: Visitor,
    *,
    new: bool,
) -> Project:
    """The row above the canvas; the form of a new project is in it unless it stands elsewhere."""
    with st.container(horizontal=True, vertical_alignment="center"):
        project = chosen_project(active)
        if who.may(Right.EXPORT, project.id):
            with st.popover("Export labels", icon=":material/download:", width="content"):
                _export(store, project, may_replace=who.may(Right.RESEARCH))
        if new:
            # Another key where there is another project: the form that made it is closed.
            key = f"annotate.new.{len(projects)}"
            with st.popover("New project", icon=":material/add:", width="content", key=key):
                _new_project(store)
        with st.popover("More", icon=":material/more_horiz:", width="content"):
            _more(store, project, projects, who)
    return project


def _annotator(who: Visitor) -> str:
    if who.person is not None:
        return who.person
    if _ANNOTATOR not in st.session_state:
        st.session_state[_ANNOTATOR] = _name_of_last_visit() or _name_of_user()
    return str(st.session_state[_ANNOTATOR])


def _name_of_last_visit() -> str:
    """What the canvas keeps in the browser when somebody changes the name."""
    return unquote(st.context.cookies.get(_COOKIE, "")).strip()[:_NAME_LENGTH]


def _name_of_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a user database
        return "annotator"


def _new_project(
    store: AnnotationStore, proposed: str | None = None, *, may_wait: bool = False
) -> None:
    """The form of a new project; `proposed` is its name, if that is free."""
    workspace = ui.workspace()
    if not workspace.format_names():
        _choose_format()
        return
    free = free_project_name(store, proposed)
    number = len(store.projects())  # a form that made a project does not propose its name again
    name = st.text_input("Name", free, key=f"annotate.new.name.{free}.{number}")
    chosen = ui.choose("sparse", "Landmarks to mark", workspace.format_names(), "annotate.sparse")
    sparse = SparseFormat.load(workspace.formats / f"{chosen}.toml")
    st.caption(f"{len(sparse)} of {len(sparse.dense)} landmarks ({ui.as_text(sparse.dense.name)})")
    fitting = _fitting_datasets(sparse.dense)
    if not fitting:
        landmarks = f"the {len(sparse.dense)} landmarks of {ui.as_text(sparse.dense.name)}"
        problem = f"No data set with pictures has {landmarks}."
        ui.next_step(problem, "data", "Open a data set")
        return
    data = ui.choose("dataset", "Pictures of the data set", fitting, "annotate.dataset")
    whole = ui.load_dataset(workspace.data / data)
    split = st.selectbox("Split", [_ALL, *whole.splits], key=f"annotate.split.{data}")
    wanted = whole if split == _ALL else whole.split(split)
    complete = int(wanted.shapes.complete.sum())
    if 0 < complete < len(wanted):
        label = f"Leave out the {complete} that have all landmarks already"
        if st.checkbox(label, value=True, key="annotate.unmarked"):
            wanted = wanted.take(~wanted.shapes.complete)
    elif complete:
        st.caption("All have all their landmarks already; people mark them anew, unseen.")
    st.caption(f"{len(wanted)} pictures")
    ghosts = choose_predictions(sparse.dense, "annotate.new.ghosts")
    with st.container(horizontal=True):
        create = st.button(
            "Create", type="primary", disabled=not name.strip(), key="annotate.create"
        )
        if may_wait and st.button("Not now", key="annotate.not_now"):
            ui.remember("new-project", None)
            st.rerun()
    if create:
        _create(store, name.strip(), sparse, wanted, ghosts)


def _fitting_datasets(dense: LandmarkFormat) -> list[str]:
    workspace = ui.workspace()
    fitting = []
    for name in workspace.dataset_names():
        try:
            header = read_header(workspace.data / name)
        except FewmarkError:
            continue  # the Data page says what is wrong with it
        if header.root is not None and header.format.landmarks == dense.landmarks:
            fitting.append(name)
    return fitting


def _create(
    store: AnnotationStore, name: str, sparse: SparseFormat, dataset: LandmarkDataset, ghosts: str
) -> None:
    workspace = ui.workspace()
    guides = (
        mean_guide(ui.load_dataset(workspace.data / other).shapes)
        for other in _fitting_datasets(sparse.dense)
    )
    guide = next((found for found in guides if found is not None), None)
    try:
        with st.spinner("Reading the pictures"):
            project = create_project(store, name, sparse, dataset, guide=guide)
    except FewmarkError as error:
        st.error(str(error))
        return
    if ghosts != NOTHING:
        offer(store, project, ghosts)
    st.session_state[PROJECT] = project.name
    ui.remember("new-project", None)
    st.rerun()


def _export(store: AnnotationStore, project: Project, *, may_replace: bool) -> None:
    """The form under "Export labels"."""
    workspace = ui.workspace()
    name = st.text_input(
        "Name of the data set", _folder_name(project), key=f"annotate.export.{project.id}"
    )
    done_only = st.checkbox("Only pictures that are done", key="annotate.export.done")
    if not ui.is_name(name):
        st.warning(ui.NAME_RULE)
        return
    if (workspace.data / name).exists() and not may_replace:
        st.warning(f"There is a data set {name} already; choose another name.")
        return
    locked = not may_write(name, over_people=True)
    pressed = st.button("Export", type="primary", disabled=locked, key="annotate.export.go")
    if locked or not pressed:
        return
    try:
        with replacing_dataset(workspace, name) as folder:
            dataset = export_labels(store, project, folder, done_only=done_only)
    except FewmarkError as error:
        st.error(str(error))
        return
    st.success(f"{len(dataset)} labelled pictures are now the data set **{name}**.")


def _folder_name(project: Project) -> str:
    """The name proposed for a project's labels: its own, without what no folder's name has."""
    name = re.sub(r"[^\w.-]+", "-", f"{project.name}-labels")
    return name if ui.is_name(name) else f"labels-{project.id}"


def _more(store: AnnotationStore, project: Project, projects: list[Project], who: Visitor) -> None:
    """The form under "More"."""
    if who.person is None:
        kept = _annotator(who)
        name = st.text_input("Your name", kept, max_chars=_NAME_LENGTH, key="annotate.name")
        st.session_state[_ANNOTATOR] = name.strip() or "annotator"
    show_person(who, project)
    sparse = project.sparse
    st.caption(
        f"{len(sparse)} of the {len(sparse.dense)} landmarks of {ui.as_text(sparse.dense.name)}"
    )
    if who.may(Right.RESEARCH):
        _times(store, project)
    if not who.may(Right.MANAGE, project.id):
        return
    change_ghosts(store, project)
    if st.button("Put this project away", key="annotate.archive"):
        store.set_archived(project, archived=True)
        st.rerun()
    _archived(store, [found for found in projects if who.may(Right.MANAGE, found.id)])
    show_members(store, project, who)


def _times(store: AnnotationStore, project: Project) -> None:
    """Hand what marking took here to the Budget page."""
    about = "What a point and a picture took people in this project, as medians."
    if not st.button("Use the measured times in the budget", help=about, key="annotate.times"):
        return
    try:
        found = timing_of(marked_pictures(store, project))
    except StoreError as error:
        st.info(str(error))
        return
    people = "one person" if found.annotators == 1 else f"{found.annotators} people"
    pictures = "one picture" if found.pictures == 1 else f"{found.pictures} pictures"
    source = f"{ui.as_text(project.name)}: {pictures} by {people}"
    per_image = found.seconds_per_image or 0.0
    ui.remember_times(ui.MeasuredTimes(found.seconds_per_point, per_image, source))
    text = f"{found.seconds_per_point:.2f} s a point, {per_image:.2f} s more a picture ({source})."
    ui.next_step(text, "budget", "Plan with them")


def _archived(store: AnnotationStore, projects: list[Project]) -> None:
    names = {project.name: project for project in projects if project.archived}
    if not names:
        return
    name = st.selectbox("Projects put away", list(names), key="annotate.archived")
    if st.button("Take it out again", key="annotate.restore"):
        store.set_archived(names[name], archived=False)
        st.session_state[PROJECT] = name
        st.rerun()


def _what_next(counts: Counts) -> None:
    if counts.done:
        ui.next_step(
            f"{counts.done} of {counts.total} pictures were labelled when this page was loaded. "
            "Export the labels above, then train on them; more can follow at any time.",
            "train",
            "Train",
        )
