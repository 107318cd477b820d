"""What every page shares: the workspace, the chosen data set, hints for what to do next.

Pages are functions without arguments; `app.py` wraps each in `page_body` and tells `set_pages`
where they are, so that a hint can lead to another page.
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import streamlit as st

from datasets.dataset import LandmarkDataset
from datasets.errors import FewmarkError
from datasets.storage import HEADER_FILE, SHAPES_FILE
from datasets.workspace import Workspace

logger = logging.getLogger(__name__)

# A file of our own: Streamlit fetches its named icons for the browser's tab from the internet.
ICON = Path(__file__).with_name("icon.png")

# Streamlit leaves a fifth of a laptop's screen empty above a page, and headings of the second level
# are large. Its buttons have white text in both themes; the dark theme's colour is light, so that
# it can be read where it is text itself.
_STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding: 4.4rem 3rem 2rem; }
.stHeading h2 { font-size: 1.75rem; }
[data-testid^="stBaseButton-primary"] { color: light-dark(#fff, #0b1816); }
</style>"""

NAME_RULE = "A name has letters, digits, '-', '_' and '.', and starts with no dot or hyphen."
_NAME = re.compile(r"\w[\w.-]*")

_PAGES = "fewmark.pages"
_KEYS = {
    name: f"fewmark.{name}" for name in ("dataset", "sparse", "run", "new-project", "completed")
}
_TIMES = "fewmark.times"
_SCATTER = "fewmark.scatter"


@dataclass(frozen=True, slots=True)
class MeasuredTimes:
    """How long people took to mark: seconds for a point, and for an image beyond its points.

    `source` says where and how often that was measured.
    """

    seconds_per_point: float
    seconds_per_image: float
    source: str


@dataclass(frozen=True, slots=True)
class MeasuredScatter:
    """How far clicks of people scatter: standard deviation in x and in y, by landmark's name.

    In percent of `unit`, a span of the format or the box; `source` says where that was measured.
    """

    unit: str
    percent: Mapping[str, float]
    source: str


def workspace() -> Workspace:
    """The workspace this server works in."""
    return Workspace.from_environment()


def set_pages(pages: Mapping[str, Any]) -> None:
    """Tell where each page is, by a short name such as ``"data"``."""
    st.session_state[_PAGES] = dict(pages)


def page_body(render: Callable[[], None]) -> Callable[[], None]:
    """Wrap a page so that errors become one clear line, never a stack trace."""

    def body() -> None:
        st.html(_STYLE)
        try:
            render()
        except FewmarkError as error:
            st.error(str(error))
        except Exception:
            logger.exception("page %s failed", render.__module__)
            st.error(
                "Something went wrong on this page; nothing that was saved is lost. "
                "The server's log has the details."
            )

    body.__name__ = render.__module__.replace(".", "_")
    return body


def as_text(text: str) -> str:
    r"""A text from anywhere, for a place that reads Markdown: it shows what it says, no more.

    Examples
    --------
    >>> print(as_text("![x](http://example.org)"))
    \!\[x\]\(http\:\/\/example.org\)
    """
    return "".join(c if c.isalnum() or c in " @.,-+" else f"\\{c}" for c in text)


def next_step(text: str, page: str, label: str) -> None:
    """Say what to do next, with a link to the page where it is done."""
    with st.container(border=True):
        st.markdown(text)
        target = st.session_state.get(_PAGES, {}).get(page)
        if target is not None:
            st.page_link(target, label=label, icon=":material/arrow_forward:")


def go_to(page: str) -> None:
    """Show another page instead of this one, where the app has it."""
    target = st.session_state.get(_PAGES, {}).get(page)
    if target is not None:
        st.switch_page(target)


def stop_with_step(text: str, page: str, label: str) -> NoReturn:
    """Show a hint instead of the rest of the page."""
    next_step(text, page, label)
    st.stop()


def remember(name: str, value: str | None) -> None:
    """Keep a choice for the other pages: ``"dataset"``, ``"sparse"``, ``"run"``.

    ``"new-project"`` asks the Annotate page for a project of this sparse format, ``"completed"``
    for one in which people look at this completed data set.
    """
    st.session_state[_KEYS[name]] = value


def kept_choice(name: str) -> str | None:
    """What `remember` was told last under a name, be it there still or not."""
    kept = st.session_state.get(_KEYS[name])
    return None if kept is None else str(kept)


def remembered(name: str, known: list[str]) -> str | None:
    """The choice kept under a name if it still exists, else the first of `known`.

    Of data sets the oldest counts as the first: others are mostly made from it.
    """
    kept = kept_choice(name)
    if kept in known:
        return kept
    if name == "dataset":
        known = sorted(known, key=workspace().dataset_age_s, reverse=True)
    return known[0] if known else None


def remember_times(times: MeasuredTimes) -> None:
    """Keep measured times for the pages that plan."""
    st.session_state[_TIMES] = times


def remembered_times() -> MeasuredTimes | None:
    """The times kept last, if any were."""
    times: MeasuredTimes | None = st.session_state.get(_TIMES)
    return times


def remember_scatter(scatter: MeasuredScatter) -> None:
    """Keep how far clicks scatter for the pages that choose landmarks."""
    st.session_state[_SCATTER] = scatter


def remembered_scatter() -> MeasuredScatter | None:
    """The scatter kept last, if any was."""
    scatter: MeasuredScatter | None = st.session_state.get(_SCATTER)
    return scatter


def choose(name: str, label: str, known: list[str], key: str) -> str:
    """A select box whose choice the other pages share.

    Parameters
    ----------
    name
        ``"dataset"``, ``"sparse"`` or ``"run"``.
    label
        Shown above the box.
    known
        What can be chosen; not empty.
    key
        Key of the widget, unique on the page.
    """
    current = remembered(name, known)
    index = known.index(current) if current is not None else 0
    chosen = st.selectbox(label, known, index=index, key=key)
    remember(name, chosen)
    return str(chosen)


def require_dataset(key: str, label: str = "Data set") -> tuple[str, LandmarkDataset]:
    """Let the user choose a data set of the workspace; without one, lead to the Data page."""
    names = workspace().dataset_names()
    if not names:
        stop_with_step("There is no data set yet. Open one first.", "data", "Open a data set")
    name = choose("dataset", label, names, key)
    return name, load_dataset(workspace().data / name)


def is_name(text: str) -> bool:
    """Whether a text can name a data set or a format; `NAME_RULE` says which can."""
    return _NAME.fullmatch(text) is not None


def decimals(digits: int, *columns: str, sign: bool = False) -> dict[str, Any]:
    """The configuration of a table's columns whose numbers all show so many decimals."""
    shown = f"%{'+' if sign else ''}.{digits}f"
    return {name: st.column_config.NumberColumn(format=shown) for name in columns}


def load_dataset(folder: Path) -> LandmarkDataset:
    """Load a data set once for every version of its files."""
    stamps = tuple(
        p.stat().st_mtime_ns if p.exists() else 0
        for p in (folder / SHAPES_FILE, folder / HEADER_FILE)
    )
    return _load_dataset(str(folder), stamps)


@st.cache_resource(show_spinner=False, max_entries=8)
def _load_dataset(folder: str, stamps: tuple[int, ...]) -> LandmarkDataset:  # noqa: ARG001
    return LandmarkDataset.load(folder)
