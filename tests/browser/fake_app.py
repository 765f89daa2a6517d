"""Streamlit with our app, whose worker is the fake one: `python -m tests.browser.fake_app run ...`.

Everything else is as `streamlit run` does it.
"""

import sys

from streamlit.web.cli import main

from core.jobs.launch import spawn_worker

if __name__ == "__main__":
    spawn_worker.__kwdefaults__["command"] = (sys.executable, "-m", "tests.browser.fake_worker")
    main()
