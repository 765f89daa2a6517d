"""The columns of results: what a sweep's frames hold, whoever makes or draws them.

A *results* frame has one row for each run at each stage of repair; a *points* frame has one for
each condition at each stage, repeats put together. Both have the columns of `POINT`; a results
frame has those of `RUN`, too, and a points frame `repeats`. The paper's figures come as a points
frame, without intervals, with `source` "paper".
"""

KNOBS = ("temperature", "suppression", "seeding", "min_p", "model")
"""What a condition is told by: temperature 0 to 2; suppression strength (0 is off); seeding, the
number of real seed examples (0 is unseeded); min_p 0 to 1; the model's name. `other` holds what
else differs."""

STAGE = ("inspected", "filtered")
"""How the data was repaired. inspected: "0" (as generated), a number of inspected texts as text,
or "all"; filtered: whether OOSF was applied."""

METRICS = ("diversity", "similarity", "label_accuracy", "model_accuracy")
"""Each with `<name>_low` and `<name>_high` (95 %), NaN where there is none.

diversity: Remote-Clique by cosine distance, 0 to 2. similarity: to the reference's train part,
1 minus the mean cosine distance. label_accuracy: share of the texts whose label is the oracle's
(paper, section 4.2). model_accuracy: of a classifier trained on the texts, on the reference's test
part."""

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
