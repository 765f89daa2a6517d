import math

import numpy as np
import pandas as pd

from core.analysis.frames import columns as frame_columns
from core.figures.compare import columns
from core.figures.compare.columns import (
    at_stage,
    comparability_warning,
    condition_names,
    hovers,
    inspected_counts,
    knob_values,
    knob_words,
    metric_error_bars,
    numbers,
    pooled_knobs,
    value_words,
    varying_knobs,
)
from tests.figures.compare.result_points import HOSTILE, points


def test_the_names_are_those_of_the_frames() -> None:
    assert columns.KNOBS == frame_columns.KNOBS
    assert columns.METRICS == frame_columns.METRICS


def test_numbers_of_any_column() -> None:
    frame = pd.DataFrame({"a": [1, None, "x", math.inf]}, dtype=object)
    assert numbers(frame, "a")[0] == 1
    assert np.isnan(numbers(frame, "a")[1:]).all()
    assert np.isnan(numbers(frame, "none")).all()
    assert numbers(frame.iloc[:0], "a").shape == (0,)


def test_values_in_words() -> None:
    assert value_words("label_accuracy", 0.725) == "72.5%"
    assert value_words("diversity", 0.1814) == "0.181"
    assert value_words("diversity", math.nan) == "unknown"
    assert [knob_words("suppression", one) for one in (0.0, 7.5, math.nan, None)] == [
        "no suppression",
        "S 7.5",
        "",
        "",
    ]
    assert knob_words("seeding", 18) == "18 examples"
    assert knob_words("seeding", 0) == "unseeded"
    assert knob_words("min_p", 0.05) == "min_p 0.05"


def test_stages_and_knobs_in_order() -> None:
    frame = points(
        {"inspected": "all", "temperature": 1.3},
        {"inspected": "90", "temperature": 0.3, "model": "b"},
        {"inspected": "270", "temperature": math.nan},
        {"inspected": "0", "filtered": True},
        {"inspected": "0"},
    )
    assert inspected_counts(frame) == ["0", "90", "270", "all"]
    assert at_stage(frame)["point"].tolist() == ["c4|0|0"]
    assert at_stage(frame, "0", filtered=True)["point"].tolist() == ["c3|0|1"]
    assert knob_values(frame, "temperature") == [0.3, 0.7, 1.3]
    assert varying_knobs(frame) == ["temperature", "model"]
    assert condition_names(frame.iloc[:2], ["temperature", "model"]) == [
        "T 1.3 · small",
        "T 0.3 · b",
    ]
    assert condition_names(frame.iloc[:2], []) == ["", ""]


def test_whiskers_reach_from_the_middle_to_the_ends() -> None:
    frame = points(
        {"diversity": 0.5, "diversity_low": 0.4, "diversity_high": 0.65}, {"diversity": 0.5}
    )
    bars = metric_error_bars(frame, "diversity", color="red")
    assert np.allclose(bars["array"], [0.15, 0])
    assert np.allclose(bars["arrayminus"], [0.1, 0])


def test_a_hover_tells_a_point_and_escapes_names() -> None:
    frame = points(
        {
            "model": HOSTILE,
            "task": HOSTILE,
            "other": HOSTILE,
            "inspected": "90",
            "diversity": 0.5,
            "diversity_low": 0.4,
            "diversity_high": 0.65,
        },
        {"source": "paper", "n": math.nan, "label_accuracy": 0.725},
    )
    ours, paper = hovers(frame, ["diversity", "label_accuracy"])
    assert "<a" not in ours
    assert "&lt;a" in ours
    assert "LR with 90 inspected texts<br>Diversity (Remote-Clique): 0.500 (0.400 to 0.650)" in ours
    assert "Label accuracy: unknown" in ours
    assert "min_p" not in ours
    assert "min_p 0.1" in hovers(points({"min_p": 0.1}), [])[0]
    assert "200 texts" in ours
    assert "Label accuracy: 72.5%<br><i>reviews · the paper, read from its figures</i>" in paper


def test_what_is_not_alike_is_said() -> None:
    frame = points({}, {"encoder": "<b>", "classifier": "fine-tuning", "n": 210})
    assert comparability_warning(frame, ["diversity", "label_accuracy"]) == (
        "Not comparable: 2 encoders (&lt;b&gt;, MiniLM)."
    )
    assert (
        comparability_warning(frame, ["model_accuracy"])
        == "Not comparable: 2 classifiers (fine-tuning, probe)."
    )
    assert comparability_warning(frame, ["label_accuracy"]) == ""
    frame["n"] = [100, 5600]
    assert (
        comparability_warning(frame, ["label_accuracy"])
        == "Not comparable: datasets of 100 to 5,600 texts."
    )
    assert comparability_warning(frame.iloc[:0], ["diversity"]) == ""


def test_a_knob_that_goes_with_another_is_not_pooled() -> None:
    frame = points(
        {"suppression": 0.0, "seeding": 0},
        {"suppression": 7.5, "seeding": 0, "other": "without effect"},
        {"suppression": 7.5, "seeding": 18, "other": "without effect"},
    )
    assert varying_knobs(frame) == ["suppression", "seeding", "other"]
    assert pooled_knobs(frame, ["suppression"]) == ["seeding"]
    assert pooled_knobs(frame, ["suppression", "seeding"]) == []
    assert pooled_knobs(frame, []) == ["suppression", "seeding", "other"]
    assert pooled_knobs(frame.assign(model=None), ["model"]) == ["suppression", "seeding", "other"]
