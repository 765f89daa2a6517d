"""The paper's values: what is in the files comes out, under the right task and stage."""

import numpy as np
import pandas as pd
import pytest

from core.analysis.frames.columns import METRICS, POINT
from core.analysis.frames.paper import (
    AVERAGE,
    FOLDER,
    FOUR,
    PAPER_TASKS,
    paper_conditions,
    paper_filtering,
    paper_label_replacement,
    paper_name,
    task_keys,
)
from core.domain.tasks import preset, preset_names


def test_the_paper_has_eight_of_the_presets() -> None:
    assert set(PAPER_TASKS) == set(preset_names()) - {"support"}
    assert len(set(task_keys().values())) == 8
    assert task_keys()["SST2"] == preset("SST-2").key
    assert paper_name(preset("hwu64").key) == "HWU64"
    assert paper_name(preset("support").key) == ""


def test_conditions_are_those_of_the_file() -> None:
    points = paper_conditions()
    assert list(points.columns) == [*POINT, "repeats"]
    assert len(points) == 8 * 16 == points["point"].nunique() == points["condition"].nunique()
    here = points[(points["task"] == "PubMed") & (points["temperature"] == 1.3)]
    assert sorted(here["seeding"]) == [0, 0, 15, 15]
    read = pd.read_csv(FOLDER / "conditions.csv")
    for _, row in read[read["task"] != AVERAGE].iterrows():
        found = points[
            (points["task"] == row["task"])
            & (points["temperature"] == row["temperature"])
            & ((points["suppression"] == 7.5) == bool(row["logit_suppression"]))
            & ((points["seeding"] > 0) == bool(row["example_seeding"]))
        ]
        assert found[row["metric"]].tolist() == [row["value"]]
    assert set(points["n"]) == {5600, 6922}
    assert points["similarity"].isna().all()
    assert points[[f"{metric}_low" for metric in METRICS]].isna().all(axis=None)


def test_the_average_is_the_mean_of_the_eight_tasks() -> None:
    knobs = ["temperature", "suppression"]
    eight = paper_conditions()
    eight["seeded"] = eight["seeding"] > 0
    means = eight.groupby([*knobs, "seeded"])[["diversity", "label_accuracy", "model_accuracy"]]
    average = paper_conditions(AVERAGE)
    average["seeded"] = average["seeding"] > 0
    average = average.set_index([*knobs, "seeded"]).sort_index()
    # Read off plots, to about a thousandth.
    gaps = (means.mean() - average[["diversity", "label_accuracy", "model_accuracy"]]).abs()
    assert gaps.max(axis=None) < 0.003
    assert average["similarity"].between(0.79, 0.82).all()


def test_label_replacement_and_filtering() -> None:
    repairs = paper_label_replacement().set_index(["temperature", "suppression", "inspected"])
    assert len(repairs) == 8 * 5
    hot = repairs.loc[(1.3, 7.5)]
    assert (hot.loc["0", "model_accuracy"], hot.loc["all", "model_accuracy"]) == (0.725, 0.869)
    raw = paper_conditions(AVERAGE)
    raw = raw[(raw["temperature"] == 1.3) & (raw["suppression"] == 7.5)]
    assert hot["diversity"].tolist() == pytest.approx([raw["diversity"].mean()] * 5)
    assert np.isnan(hot["seeding"]).all()
    filtering = paper_filtering()
    assert set(filtering["task"]) == {FOUR}
    assert filtering["point"].is_unique
    pair = filtering[(filtering["temperature"] == 0.3) & (filtering["inspected"] == "180")]
    pair = pair[pair["suppression"] == 0].sort_values("filtered")
    assert pair["model_accuracy"].tolist() == [0.661, 0.654]
