"""An open run: live while it goes, then a table to search, filter and take away."""

import pandas as pd
import streamlit as st

from core.domain.errors import StoreBusy
from core.jobs.launch import ensure_worker
from core.jobs.queue import LIVE, Job, State, job_of_run, status
from core.store.database import Database
from core.store.generation.runs import RunRecord, get_run
from core.store.generation.samples import SAMPLE_COLUMNS, next_order, sample_rows
from pages.components.generate.progress import show_numbers, show_spread
from pages.components.generate.results import show_results
from pages.components.generate.run_header import show_header
from pages.components.shell import AppContext, escape_markdown, show_errors
from pages.components.spending import show_spending
from pages.components.tables import show_samples

_FEED_ROWS = 100
_POLL_SECONDS = 1.0


def show_run(app: AppContext, run_id: str) -> State | None:
    """Draw the run; its state, or None if there is no such run."""
    with show_errors():
        run = get_run(app.db, run_id)
        latest = job_of_run(app.db, run_id)
        if latest is None:
            job, state = None, "done"
        else:
            job, state = status(app.db, latest.id)
        show_header(app, run, job, state)
        if job is not None and state in LIVE:
            _follow(app, run, job.id, state)
        else:
            _rest(app, run, job)
        return state
    st.button("Close", on_click=st.query_params.clear, icon=":material/close:")
    return None


@st.fragment(run_every=_POLL_SECONDS)
def _follow(app: AppContext, run: RunRecord, job_id: str, drawn: State) -> None:
    """The live part: redrawn every second, and the whole page once when the job ends."""
    with show_errors():
        try:
            job, state = status(app.db, job_id)
            if state != drawn:
                st.rerun()
            if state == "queued":
                ensure_worker(app.home, app.db)
            _show_live(app.db, run, job, state)
        except StoreBusy:
            st.caption("The store is busy; this looks again in a second.")


def _show_live(db: Database, run: RunRecord, job: Job, state: State) -> None:
    progress = {"target": run.spec.target, **job.progress}
    phase = progress.get("phase", "queued")
    done = progress.get("accepted", 0) / max(1, run.spec.target)
    texts = {
        "loading": "Loading the model; the very first time it is converted, which takes a minute.",
        "queued": "Waiting for the worker.",
    }
    if run.spec.model.backend == "openai":
        texts["loading"] = "Opening the connection; a model that was never tested is tested first."
    going = f"Cycle {max(1, progress.get('cycle', 1))}"
    st.progress(min(1.0, done), texts.get(phase if state == "running" else "queued", going))
    show_numbers(progress, live=True)
    show_spending(db, run, progress, live=True)
    show_spread(db, run, progress)
    st.markdown("**Latest texts** :small[:gray[newest first]]")
    after = next_order(db, run.id) - 1 - _FEED_ROWS
    rows = sample_rows(db, run.id, after_order=after)
    if not rows:
        st.skeleton(height=180)
        return
    feed = pd.DataFrame(rows[::-1], columns=list(SAMPLE_COLUMNS))
    show_samples(
        feed, labels=run.spec.task.label_names, height=min(420, 38 + 35 * max(1, len(feed)))
    )


def _rest(app: AppContext, run: RunRecord, job: Job | None) -> None:
    progress = dict(job.progress) if job is not None else {}
    if progress:
        show_numbers(progress, live=False)
    show_spending(app.db, run, progress, live=False)
    shortfall = progress.get("shortfall") or {}
    if shortfall:
        missing = escape_markdown(
            ", ".join(f"{name}: {count}" for name, count in shortfall.items())
        )
        st.warning(
            "The model did not write enough usable texts within three times the target; missing "
            f"are {missing}. Raise the tokens a text, or lower temperature and suppression.",
            icon=":material/production_quantity_limits:",
        )
    show_results(app, run, progress)
