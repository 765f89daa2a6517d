"""`python -m tests.sweeps.execution.orphaning FOLDER` is a parent to be killed: it keeps two
children at work and prints their process ids.
"""

import sys
from pathlib import Path

from core.sweeps.execution.processes import Processes
from tests.sweeps.execution.fake_tools import FakeTools, Heard, make_trial, no_reference


def main(folder: Path) -> None:
    tools = FakeTools(folder, delay=0.05)
    executor = Processes(2, tools, no_reference())
    trials = [make_trial(index, per_label=5000) for index in range(2)]
    heard = Heard(executor, trials)

    def say() -> None:
        if len({told.index for told in heard.told if told.samples}) == 2 and say.__dict__ == {}:
            say.__dict__["said"] = True
            print(*executor.pids, flush=True)

    heard.run(say)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
