"""The paper's own values as points frames; read off its figures, as it prints none.

Chung, Kamar, Amershi: Increasing Diversity While Maintaining Accuracy, ACL 2023 (arXiv 2306.04140);
`assets/paper/README.md` says what is in which file.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from core.analysis.frames.columns import METRICS, POINT
from core.domain.registries.knobs import AXES
from core.domain.tasks import preset

FOLDER = Path(__file__).parents[3] / "assets" / "paper"

PAPER = "paper"
AVERAGE = "average"
FOUR = "mean of CARER, CB, SST-2, SUBJ"
NOTE = "Read off the paper's figures; it prints no numbers."
ENCODER = "BERT (the paper's)"
CLASSIFIER = "fine-tuned BERT-base (the paper's)"
MODEL = "text-davinci-002"
STRENGTH = 7.5

PAPER_TASKS: Mapping[str, str] = {
    "carer": "CARER",
    "cb": "CB",
    "cola": "COLA",
    "fo": "FO",
    "hwu64": "HWU64",
    "pubmed": "PubMed",
    "sst2": "SST2",
    "subj": "SUBJ",
}
"""Preset id (`core.domain.tasks.preset`) by what the files call the paper's task."""

_TEXTS = 5600
_TEXTS_OF = {"SST2": 6922}
_SEEDS = 18
_SEEDS_OF = {"PubMed": 15}


@cache
def task_keys() -> Mapping[str, str]:
    """`Task.key` of the preset by the paper's name of the task: eight of them."""
    return {name: preset(stem).key for stem, name in PAPER_TASKS.items()}


def paper_name(task_key: str) -> str:
    """What the paper calls the task of that key; empty for a task that is none of its eight."""
    return next((name for name, key in task_keys().items() if key == task_key), "")


def paper_conditions(*tasks: str) -> pd.DataFrame:
    """The 16 conditions, as generated, of each task: a points frame without intervals.

    Args:
        tasks: the paper's names, or `AVERAGE`; none gives the eight tasks. Similarity is known of
            `AVERAGE` alone, NaN elsewhere.
    """
    read = _read("conditions.csv")
    read = read[read["task"].isin(tasks) if tasks else read["task"] != AVERAGE]
    knobs = ["task", "temperature", "logit_suppression", "example_seeding"]
    wide = read.pivot(index=knobs, columns="metric", values="value").reset_index()
    seeds = wide["task"].map(_SEEDS_OF).fillna(_SEEDS)
    return _points(
        wide,
        task=wide["task"],
        n=wide["task"].map(_TEXTS_OF).fillna(_TEXTS),
        seeding=wide["example_seeding"] * seeds,
        inspected="0",
        filtered=False,
    )


def paper_label_replacement() -> pd.DataFrame:
    """LR at 0, 90, 180, 270 and all inspected texts: means of the eight tasks, a points frame.

    Seeded and unseeded data are merged there, so `seeding` is NaN. LR changes no text: diversity
    and similarity are those as generated, the mean of seeded and unseeded.
    """
    read = _read("label_replacement.csv")
    knobs = ["temperature", "logit_suppression"]
    wide = read.pivot(index=[*knobs, "inspected"], columns="metric", values="value").reset_index()
    raw = _read("conditions.csv")
    raw = raw[(raw["task"] == AVERAGE) & raw["metric"].isin(["diversity", "similarity"])]
    merged = raw.pivot_table(index=knobs, columns="metric", values="value").reset_index()
    wide = wide.merge(merged, on=knobs, how="left")
    return _points(
        wide,
        task=AVERAGE,
        n=float(_TEXTS),
        seeding=np.nan,
        inspected=wide["inspected"].astype(str),
        filtered=False,
    )


def paper_filtering() -> pd.DataFrame:
    """OOSF, before and after, at three stages of LR: model accuracy, means of four tasks."""
    read = _read("out_of_scope_filtering.csv")
    parts = [
        _points(
            read.assign(model_accuracy=read[f"model_accuracy_{when}"]),
            task=FOUR,
            n=np.nan,
            seeding=np.nan,
            inspected=read["label_replacement_inspected"].astype(str),
            filtered=when == "after",
        )
        for when in ("before", "after")
    ]
    return pd.concat(parts, ignore_index=True)


def _read(name: str) -> pd.DataFrame:
    return pd.read_csv(FOLDER / name)


def _points(
    wide: pd.DataFrame,
    *,
    task: pd.Series | str,
    n: pd.Series | float,
    seeding: pd.Series | float,
    inspected: pd.Series | str,
    filtered: bool,
) -> pd.DataFrame:
    points = pd.DataFrame(
        {
            "source": PAPER,
            "task": task,
            "n": n,
            "encoder": ENCODER,
            "classifier": CLASSIFIER,
            **{axis.name: axis.default for axis in AXES},
            "temperature": wide["temperature"].astype(float),
            "suppression": wide["logit_suppression"] * STRENGTH,
            "seeding": seeding,
            "model": MODEL,
            "other": "",
            "inspected": inspected,
            "filtered": filtered,
        },
        index=wide.index,
    )
    points["task_key"] = points["task"].map(task_keys()).fillna("")
    for metric in METRICS:
        points[metric] = wide[metric].astype(float) if metric in wide else np.nan
        points[f"{metric}_low"] = points[f"{metric}_high"] = np.nan
    knobs = points[["task", "temperature", "suppression", "seeding"]].itertuples(index=False)
    points["condition"] = [f"paper-{task}-{t:g}-{s:g}-{e:g}" for task, t, s, e in knobs]
    stage = "-filtered" if filtered else ""
    points["point"] = points["condition"] + "-" + points["inspected"] + stage
    points["repeats"] = 1
    return points[[*POINT, "repeats"]]
