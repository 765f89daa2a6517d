"""Wideset: the server, and the pages that it draws for a browser."""

import streamlit as st
from starlette.middleware import Middleware
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.components.requests import RequestGuard
from pages.components.shell import configure, navigate

if get_script_run_ctx(suppress_warning=True) is None:
    app = st.App(__file__, middleware=[Middleware(RequestGuard)])
else:
    configure()
    navigate().run()
