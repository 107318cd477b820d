"""The canvas as a Streamlit component: what it is told, and how it gets onto a page."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from annotate.access import EVERYBODY, Right, Visitor
from annotate.labelling import MARGIN
from annotate.passes import RENEW_EVERY_S
from annotate.server import FRONTEND, frontend_version, pass_for, token
from annotate.store import AnnotationStore, Project
from annotate.tasks import first_unlabelled
from datasets.formats import LandmarkFormat, format_names, landmark_format

_HTML = '<div class="fewmark-canvas">Loading the canvas …</div>'

# Streamlit loads this from a message, so it cannot import its neighbours by relative addresses;
# it fetches the real module from our own route, whose address changes with the files.
_LOADER = """
export default function (component) {
  const root = new URL(component.data.root, location.origin);
  let unmount = null;
  let over = false;
  const tell = (text) => {
    const place = component.parentElement.querySelector(".fewmark-canvas");
    if (!place.querySelector(".annotator")) place.textContent = text;
  };
  import(new URL(component.data.module, root).href).then(
    (module) => { if (!over) unmount = module.mount(component); },
    () => tell("The canvas cannot be loaded. Reload the page; if that does not help, "
      + "start the server with 'fewmark serve'."),
  ).catch((error) => {
    console.error(error);
    tell(`The canvas cannot be shown in this browser: ${error.message}`);
  });
  return () => { over = true; unmount?.(); };
}
"""


# Streamlit keeps much room around a page; here the picture needs it. Gone when the page is left.
_MORE_ROOM = """<style>
[data-testid="stMainBlockContainer"] { padding: 4.4rem 2rem 1.5rem; }
</style>"""


@functools.cache
def _component() -> Callable[..., Any]:
    """The component, registered when it is first shown: importing needs no running server."""
    css = (FRONTEND / "annotator.css").read_text("utf-8")
    renderer: Callable[..., Any] = st.components.v2.component(
        "fewmark_canvas", html=_HTML, css=css, js=_LOADER
    )
    return renderer


def canvas(
    store: AnnotationStore, project: Project, annotator: str, root: str, who: Visitor = EVERYBODY
) -> None:
    """Show the canvas of a project.

    Parameters
    ----------
    root
        Path below which the server lives, beginning and ending with a slash.
    who
        Who looks at it: what they may do there, and in whose name.
    """
    st.html(_MORE_ROOM)
    data = canvas_data(store, project, annotator, root, who)
    _component()(key=f"canvas-{project.id}", data=data)


def canvas_data(
    store: AnnotationStore, project: Project, annotator: str, root: str, who: Visitor = EVERYBODY
) -> dict[str, Any]:
    """Everything the browser must know of a project; the documents it fetches itself."""
    sparse = project.sparse
    groups = component_groups(sparse.dense)
    definitions = _definitions(sparse.dense)
    ghosts = store.ghost_source(project)
    return {
        "root": root,
        "module": f"api/frontend/{frontend_version()}/main.js",
        **_credentials(project, who),
        "store": store.id,
        "project": project.id,
        "project_name": project.name,
        "annotator": annotator,
        "ghosts": None if ghosts is None else [ghosts.name, ghosts.created],
        "is_blind": store.golds.plan(project) is not None,
        "start": first_unlabelled(store, project),
        "margin": MARGIN,
        "names": [spoken(name) for name in sparse.names],
        "definitions": [definitions.get(name, "") for name in sparse.names],
        "chosen": list(sparse.chosen),
        "groups": [groups[index] for index in sparse.chosen],
        "dense_groups": groups,
        "guide": None if project.guide is None else [list(point) for point in project.guide],
        "contours": [
            {"indices": list(contour.indices), "closed": contour.closed}
            for contour in sparse.dense.contours
        ],
    }


def _definitions(dense: LandmarkFormat) -> Mapping[str, str]:
    """Where its landmarks are, in words; the catalogue's where a project is older than they are."""
    if dense.definitions or dense.name not in format_names():
        return dense.definitions
    known = landmark_format(dense.name)
    return known.definitions if known.landmarks == dense.landmarks else {}


def _credentials(project: Project, who: Visitor) -> dict[str, Any]:
    """By what the canvas is known to the routes, and what it may do there."""
    if who.person is None:
        return {
            "token": token(),
            "owner": None,
            "renew_ms": None,
            "reads_only": False,
            "reviews": True,
        }
    return {
        "token": pass_for(who, project.id),
        "owner": who.person,
        "renew_ms": RENEW_EVERY_S * 1000,
        "reads_only": not who.may(Right.LABEL, project.id),
        "reviews": who.may(Right.REVIEW, project.id),
    }


def spoken(name: str) -> str:
    """A landmark's name as people read it.

    Examples
    --------
    >>> spoken("right_eye_outer-corner")
    'right eye outer corner'
    """
    return name.replace("_", " ").replace("-", " ")


def component_groups(dense: LandmarkFormat) -> list[int]:
    """For each of the M landmarks, which part of the object it belongs to: its colour."""
    groups = [len(dense.components)] * len(dense)
    for number, component in enumerate(dense.components):
        for index in component.indices:
            groups[index] = number
    return groups if dense.components else list(range(len(dense)))


def server_root() -> str:
    """Path below which this server lives, with slashes at both ends."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}/" if base else "/"
