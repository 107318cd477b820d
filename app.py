"""The list of pages, and the annotator's own routes beside them. Run with `fewmark serve`."""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from annotate.routes import MIDDLEWARE, ROUTES

app = st.App(__file__, routes=ROUTES, middleware=MIDDLEWARE)


def _show() -> None:
    import annotate.page
    import annotate.progress_page
    import correlation.budget_page
    import correlation.interpretation_page
    import correlation.page
    import datasets.page
    import weaksup.complete_page
    import weaksup.page
    import weaksup.results_page
    from annotate.access import Right
    from annotate.people_ui import visitor
    from datasets.ui import ICON, page_body, set_pages

    st.set_page_config(page_title="Fewmark", page_icon=ICON, layout="wide")
    sees_all = visitor().may(Right.RESEARCH)
    pages = {
        path: st.Page(page_body(render), title=title, icon=icon, url_path=path)
        for path, title, icon, render in (
            ("data", "Data", ":material/folder_open:", datasets.page.render),
            ("correlation", "Correlation", ":material/grid_on:", correlation.page.render),
            ("budget", "Budget", ":material/payments:", correlation.budget_page.render),
            ("annotate", "Annotate", ":material/ads_click:", annotate.page.render),
            ("progress", "Progress", ":material/monitoring:", annotate.progress_page.render),
            ("complete", "Complete", ":material/auto_fix_high:", weaksup.complete_page.render),
            ("train", "Train", ":material/model_training:", weaksup.page.render),
            ("results", "Results", ":material/insights:", weaksup.results_page.render),
            (
                "interpretation",
                "Interpretation",
                ":material/troubleshoot:",
                correlation.interpretation_page.render,
            ),
        )
        if sees_all or path in {"annotate", "progress"}
    }
    set_pages(pages)
    st.navigation(list(pages.values()), position="top").run()


if get_script_run_ctx(suppress_warning=True) is not None:
    _show()
