"""How suppression is brought about on a server's model, where it can't be by logit bias.

Nothing is chosen in silence: without a choice there is no run.
"""

from dataclasses import replace

import streamlit as st

from core.conditions import Condition
from core.generation.servers.capabilities import Capabilities
from core.generation.servers.parameters import api_for
from core.generation.servers.suppression import (
    METHOD_TITLES,
    approximate_methods,
    condition_error,
    suppression_support,
)
from core.runs import ModelChoice
from pages.components.plain import plain

_OFF = "off"
_WORDS = {**METHOD_TITLES, _OFF: "off"}


def choose_method(
    condition: Condition, model: ModelChoice, found: Capabilities | None
) -> Condition | None:
    """Draw what is to be said and chosen; the condition as it can be run, None while it can't.

    Args:
        condition: as the knobs stand.
        model: the chosen one; on this machine nothing is drawn.
        found: of a server's, what probing found; None where it was never probed.
    """
    if model.backend == "local":
        return condition
    if found is not None:
        refused = condition_error(condition, found)
        if refused is not None:
            st.error(plain(f"{refused.what} {refused.remedy}"), icon=":material/block:")
            return None
        if condition.prompt != "chat" and api_for(condition, found) == "chat":
            st.caption(
                f":material/chat: Prompt {condition.prompt} is sent as a chat: the server has no "
                "Completions."
            )
    if not condition.suppression.on:
        return condition
    kind = suppression_support(found)
    if kind == "exact" or found is None:
        if found is None:
            st.info(
                "This model was never tested: the canary runs first, and the run stops at once if "
                "logit bias does not work there.",
                icon=":material/raven:",
            )
        return condition
    options = [*approximate_methods(found), _OFF]
    if st.session_state.get("method") not in (None, *options):  # of another server
        del st.session_state["method"]
    chosen = st.pills(
        "In place of logit bias",
        options,
        format_func=_WORDS.__getitem__,
        key="method",
        persist_state="session",
        help="This server does not honour logit bias. Neither of these is the paper's method, and "
        "the run says which one it used.",
    )
    if chosen is None or chosen not in options:
        st.warning(
            "Logit bias does not work on this server. Choose what stands in for it, or switch "
            "suppression off.",
            icon=":material/warning:",
        )
        return None
    if chosen == _OFF:
        return replace(condition, suppression=replace(condition.suppression, strength=0.0))
    return replace(condition, suppression=replace(condition.suppression, method=chosen))
