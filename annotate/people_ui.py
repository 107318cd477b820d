"""Who looks at a page: signing in and out, and the form in which managers keep the members."""

import streamlit as st

from annotate.access import EVERYBODY, AccessError, Membership, Right, Role, Visitor, person_name
from annotate.identity import Identity, SignIn
from annotate.server import workspace_store
from annotate.store import AnnotationStore, Project
from datasets.errors import FewmarkError
from datasets.ui import as_text

PROJECT = "annotate.project"
"""Where a session keeps the name of the project that is open."""

_STORE_WIDE = "all projects"


def visitor() -> Visitor:
    """Whoever looks at the page, as the store knows them now.

    Those who have not signed in, or are no members, see how to become one and nothing else.
    """
    try:
        identity = Identity.from_environment()
        if not identity.is_team:
            return EVERYBODY
        person = _by_header(identity) if identity.sign_in is SignIn.HEADER else _by_oidc()
        found = Visitor(person, tuple(workspace_store().admit(person)))
    except FewmarkError as error:
        st.error(str(error))
        st.stop()
    if not found.memberships:
        st.info(
            f"You are signed in as {as_text(person)}, but no member here yet: a manager adds you."
        )
        sign_out()
        st.stop()
    return found


def _by_header(identity: Identity) -> str:
    given = st.context.headers.get(identity.header)
    if not given:
        problem = "The proxy in front of this server did not say who you are, "
        raise AccessError(problem + f"or is not the one that is believed ({identity.header}).")
    return person_name(given)


def _by_oidc() -> str:
    if not st.user.get("is_logged_in"):
        st.title("Fewmark")
        st.button("Sign in", type="primary", on_click=st.login, key="people.sign_in")
        st.stop()
    email = st.user.get("email")
    if not isinstance(email, str) or st.user.get("email_verified") is False:
        st.button("Sign out", on_click=st.logout, key="people.not_known")
        raise AccessError("The sign-in told no e-mail address of yours that was verified.")
    return person_name(email)


def sign_out() -> None:
    """The button, where signing out is ours to do."""
    if Identity.from_environment().sign_in is SignIn.OIDC:
        st.button("Sign out", on_click=st.logout, key="people.sign_out")


def show_person(who: Visitor, project: Project) -> None:
    """Who is signed in, and as what."""
    if who.person is not None:
        st.caption(f"You are {as_text(who.person)}, {who.role(project.id)} of this project.")
        sign_out()


def show_members(store: AnnotationStore, project: Project, who: Visitor) -> None:
    """The members of a project, and for its managers the form to add and remove them."""
    if who.person is None or not who.may(Right.MANAGE, project.id):
        return
    is_store_wide = who.may(Right.MANAGE)
    shown = [one for one in store.members() if one.project in {None, project.id}]
    st.dataframe(
        [{"person": one.person, "role": one.role.value, "in": _place(one)} for one in shown],
        hide_index=True,
    )
    with st.form("people.add", clear_on_submit=True, border=False):
        person = st.text_input("E-mail address or name")
        role = st.selectbox("Role", [*(role.value for role in Role), "none: remove"], index=1)
        places = ["this project", _STORE_WIDE] if is_store_wide else ["this project"]
        place = st.radio("In", places, horizontal=True)
        pressed = st.form_submit_button("Save")
    if not pressed:
        return
    who.require(Right.MANAGE, None if place == _STORE_WIDE else project.id)
    try:
        chosen = Role(role) if role in list(Role) else None
        store.set_member(person, chosen, None if place == _STORE_WIDE else project)
    except FewmarkError as error:
        st.error(str(error))
        return
    st.rerun()


def chosen_project(active: list[Project]) -> Project:
    """Let the visitor choose; pages share the choice, and a reload keeps it."""
    names = [project.name for project in active]
    kept = st.session_state.get(PROJECT) or st.query_params.get("project")
    index = names.index(kept) if kept in names else len(names) - 1
    if kept and kept not in names:
        there = f"this is {as_text(names[index])}. What was put away is under 'More'."
        st.info(f"The project {as_text(kept)} is not open any more; {there}")
    name = st.selectbox("Project", names, index=index, label_visibility="collapsed")
    st.session_state[PROJECT] = name
    st.query_params["project"] = name  # a reload opens the same one
    return active[names.index(name)]


def _place(member: Membership) -> str:
    return _STORE_WIDE if member.project is None else "this project"
