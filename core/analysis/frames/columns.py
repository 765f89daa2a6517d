"""The columns of results: what a sweep's frames hold, whoever makes or draws them.

A *results* frame has one row for each run at each stage of repair; a *points* frame has one for
each condition at each stage, repeats put together. Both have the columns of `POINT`; a results
frame has those of `RUN`, too, and a points frame `repeats`. The paper's figures come as a points
frame, without intervals, with `source` "paper".
"""

from core.domain.registries.knobs import AXES
from core.domain.registries.metrics import COLUMN

KNOBS = tuple(axis.name for axis in AXES)
"""The knobs that a sweep can vary; `other` holds what else differs. Suppression is its strength,
seeding the number of real seed examples, model the model's name."""

STAGE = ("inspected", "filtered")
"""How the data was repaired. inspected: "0" (as generated), a number of inspected texts as text,
or "all"; filtered: whether OOSF was applied."""

METRICS = tuple(COLUMN)
"""The metrics of sweeps, each with `<name>_low` and `<name>_high` (95%); NaN where unknown."""

CONTEXT = ("source", "task", "task_key", "n", "encoder", "classifier")
"""source: "ours" or "paper"; task: its name; n: texts at that stage (the mean over repeats);
encoder and classifier: names for display, which forbid putting unlike points on one axis
unsaid."""

POINT = (
    "point",  # a key of condition and stage, stable over drawings
    "condition",  # a key of the condition: task, knobs and other settings, without the seed
    *CONTEXT,
    *KNOBS,
    "other",
    *STAGE,
    *(f"{metric}{end}" for metric in METRICS for end in ("", "_low", "_high")),
)

RUN = (
    "run_id",
    "run_name",
    "sweep_id",
    "repeat",
    "seed",
    "oracle_accuracy",
    "fluency",
    "duplicates",
)
"""Of one run: its id and name, its sweep's id ("" without one), its place among the repeats, its
seed; the oracle's own accuracy on the test part, mean log-probability a token, share of exact
repeats."""
