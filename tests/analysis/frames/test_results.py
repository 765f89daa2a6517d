"""Results and points against values worked out by hand and against scipy."""

import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from core.analysis.frames.columns import METRICS, POINT, RUN
from core.analysis.frames.results import mixtures, points_frame, results_frame
from tests.analysis.made_results import measured, results, spec_of, stage

T2 = 4.302652729911275  # Student's t, 2 degrees of freedom, at 0.975


def test_a_row_for_each_run_and_stage() -> None:
    frame = results_frame(
        [
            measured(
                "a",
                spec_of(1.3, 7.5, 4, seed=2),
                [
                    stage(diversity=(0.3, 0.25, 0.35), label_accuracy=0.6, model_accuracy=0.5),
                    stage("all", label_accuracy=1.0, n=200),
                    stage("all", filtered=True, n=180),
                ],
            )
        ]
    )
    assert list(frame.columns) == [*POINT, *RUN]
    assert frame[["inspected", "filtered", "n"]].to_numpy().tolist() == [
        ["0", False, 200.0],
        ["all", False, 200.0],
        ["all", True, 180.0],
    ]
    row = frame.iloc[0]
    told = {name: row[name] for name in ("temperature", "suppression", "seeding", "min_p", "seed")}
    assert told == {"temperature": 1.3, "suppression": 7.5, "seeding": 4, "min_p": 0, "seed": 2}
    assert (row["diversity"], row["diversity_low"], row["diversity_high"]) == (0.3, 0.25, 0.35)
    assert (row["oracle_accuracy"], row["fluency"], row["duplicates"]) == (0.9, -2.5, 0.1)
    assert (row["classifier"], row["model"], row["source"]) == ("linear probe", "embedded", "ours")
    assert math.isnan(row["label_accuracy_low"])
    assert frame["similarity"].isna().all()
    assert frame["condition"].nunique() == 1
    assert frame["point"].nunique() == 3


def test_repeats_of_lr_are_averaged_within_their_run() -> None:
    values = (0.7, 0.8, 0.9)
    stages = [
        stage(
            "90", repeat=k, label_accuracy=value, model_accuracy=(value, value - 0.4, value + 0.01)
        )
        for k, value in enumerate(values)
    ]
    (row,) = results_frame([measured("a", spec_of(), stages)]).to_dict("records")
    reach = T2 * 0.1 / math.sqrt(3)
    assert row["label_accuracy"] == pytest.approx(0.8)
    assert row["label_accuracy_low"] == pytest.approx(0.8 - reach)
    assert row["label_accuracy_high"] == 1.0  # 1.048 is no share
    # The wider end each: the mean of the repeats' own below, Student's t above.
    assert row["model_accuracy_low"] == pytest.approx(0.4)
    assert row["model_accuracy_high"] == 1.0


def test_points_put_runs_together() -> None:
    runs = [
        measured(name, spec_of(seed=seed), [stage(diversity=(value, 0.0, 0.5), label_accuracy=own)])
        for name, seed, value, own in (("a", 0, 0.1, 0.5), ("b", 1, 0.2, None), ("c", 2, 0.3, None))
    ]
    (point,) = points_frame(results_frame(runs)).to_dict("records")
    assert point["repeats"] == 3
    assert point["diversity"] == pytest.approx(0.2)
    reach = T2 * 0.1 / math.sqrt(3)
    assert point["diversity_low"] == 0.0  # below it there is no diversity
    assert point["diversity_high"] == pytest.approx(0.2 + reach)
    assert point["label_accuracy"] == 0.5
    assert math.isnan(point["label_accuracy_low"])
    assert math.isnan(point["model_accuracy"])


def test_a_single_run_keeps_its_own_interval() -> None:
    (point,) = points_frame(
        results_frame([measured("a", spec_of(), [stage(model_accuracy=(0.8, 0.7, 0.9))])])
    ).to_dict("records")
    assert (point["model_accuracy_low"], point["model_accuracy_high"]) == (0.7, 0.9)


def test_copies_count_once_and_unlike_measures_stay_apart() -> None:
    found = [stage(diversity=0.2)]
    copies = [measured(name, spec_of(seed=3), found) for name in ("a", "b")]
    other = measured("c", spec_of(seed=3), found, encoder="bert, cls pooling")
    again = measured("d", spec_of(seed=3), [stage(diversity=0.21)])
    frame = results_frame([*copies, other, again])
    assert frame["run_id"].tolist() == ["a", "c", "d"]
    assert points_frame(frame)["repeats"].tolist() == [2, 1]


def test_nothing_gives_empty_frames() -> None:
    frame = results_frame([])
    assert list(frame.columns) == [*POINT, *RUN]
    points = points_frame(frame)
    assert list(points.columns) == [*POINT, "repeats"]
    assert points.empty
    assert mixtures(points) == []


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.one_of(st.none(), st.floats(0.001, 0.999))), min_size=1
    )
)
def test_points_agree_with_a_loop_over_them(rows: list[tuple[int, float | None]]) -> None:
    frame = results(
        {"temperature": float(t), "model_accuracy": np.nan if v is None else v} for t, v in rows
    )
    for _, point in points_frame(frame).iterrows():
        own = [v for t, v in rows if t == point["temperature"]]
        known = [v for v in own if v is not None]
        assert point["repeats"] == len(own)
        if not known:
            assert math.isnan(point["model_accuracy"])
            continue
        assert point["model_accuracy"] == pytest.approx(np.mean(known))
        ends = (point["model_accuracy_low"], point["model_accuracy_high"])
        if len(known) < 2:
            assert np.isnan(ends).all()
            continue
        reach = scipy.stats.t.ppf(0.975, len(known) - 1) * np.std(known, ddof=1) / len(known) ** 0.5
        expected = (max(0, np.mean(known) - reach), min(1, np.mean(known) + reach))
        assert ends == pytest.approx(expected, abs=1e-9)


def test_mixtures_are_told() -> None:
    alike = results([{"diversity": 0.1, "n": 200}, {"diversity": 0.2, "n": 215, "temperature": 1}])
    assert mixtures(alike) == []
    unlike = results(
        [
            {"diversity": 0.1, "model_accuracy": 0.5, "n": 200},
            {"diversity": 0.2, "model_accuracy": 0.5, "n": 400, "encoder": "f", "classifier": "d"},
        ]
    )
    assert mixtures(unlike) == [
        "The points are of 2 encoders (e; f): their diversity and similarity are not comparable "
        "across them.",
        "The points are of 2 classifiers (c; d): their model accuracy is not comparable across "
        "them.",
        "The sets hold from 200 to 400 texts: a larger one trains a better classifier, whatever "
        "its quality.",
    ]


def test_filtered_sets_are_smaller_by_nature() -> None:
    frame = results([{"n": 200}, {"n": 100, "filtered": True}])
    assert mixtures(frame) == []
    assert len(mixtures(pd.concat([frame, results([{"n": 300}])]))) == 1


def test_every_metric_is_put_together() -> None:
    cells = dict.fromkeys(METRICS, 0.25)
    points = points_frame(results([cells, cells]))
    assert points[list(METRICS)].to_numpy().tolist() == [[0.25] * 4]
