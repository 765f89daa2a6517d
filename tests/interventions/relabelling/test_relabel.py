"""Label replacement: the formula by hand, the rules around it, and texts that are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.diversity.measures.remote_clique import Vectors
from core.domain.errors import BadInput
from core.interventions.relabelling import relabel
from core.interventions.relabelling.proxies import Curve, Proxy
from core.interventions.relabelling.relabel import (
    Change,
    Flow,
    Replacement,
    accept_changes,
    label_changes,
    relabel_all,
    replace_labels,
    within_confidence,
)
from tests.interventions.making import clouds

NAMES = ("a", "b", "c")


def with_confidences(monkeypatch: pytest.MonkeyPatch, confidences: dict[str, list[float]]) -> None:
    """Proxies that are this sure of each text, whatever they learn from."""
    left = list(confidences.values())

    def train(unit: Vectors, rows: np.ndarray, of_class: np.ndarray, *, seed: int) -> Proxy:
        values = np.array(left.pop(0))
        return Proxy(np.log(values / (1 - values)), Curve(1, 0, "own"), 1, 0)

    monkeypatch.setattr(relabel, "train_proxy", train)


def test_the_formula_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    # Rows 0 to 3 were generated for a; rows 4 to 6 are inspected and of a, b, c.
    with_confidences(
        monkeypatch,
        {
            "a": [0.10, 0.10, 0.50, 0.20, 0.9, 0.1, 0.1],
            "b": [0.52, 0.54, 0.80, 0.62, 0.1, 0.9, 0.1],
            "c": [0.30, 0.10, 0.90, 0.63, 0.1, 0.1, 0.9],
        },
    )
    result = replace_labels(
        np.ones((7, 2), dtype=np.float32),
        ["a", "a", "a", "a", "a", "b", "a"],
        {4: "a", 5: "b", 6: "c"},
        label_names=NAMES,
    )
    # a: 0.3 + 0.7 * 0.10 = 0.370, b: 0.7 * 0.52 = 0.364: a stays
    # a: 0.3 + 0.7 * 0.10 = 0.370, b: 0.7 * 0.54 = 0.378: b wins
    # a: 0.3 + 0.7 * 0.50 = 0.650, c: 0.7 * 0.90 = 0.630: a stays
    # a: 0.3 + 0.7 * 0.20 = 0.440, c: 0.7 * 0.63 = 0.441: c wins
    assert result.new == ("a", "b", "a", "c", "a", "b", "c")
    assert result.old == ("a", "a", "a", "a", "a", "b", "a")
    assert result.proxy == ("b", "b", "c", "c", "a", "b", "c")
    assert result.judged == (None, None, None, None, "a", "b", "c")
    assert result.confidence[:4] == pytest.approx((0.10, 0.54, 0.50, 0.63))
    assert result.confidence[4:] == (None, None, None)
    assert (result.changed, result.inspected, result.explanations) == ((1, 3, 6), 3, ())


@pytest.mark.parametrize(("weight", "new"), [(0, "c"), (0.28, "c"), (0.29, "b"), (1, "b")])
def test_the_weight(monkeypatch: pytest.MonkeyPatch, weight: float, new: str) -> None:
    # w + 0.4 (1 - w) against 0.8 (1 - w): they meet at w = 0.4 / 1.4 = 0.286.
    with_confidences(monkeypatch, {"b": [0.4, 0.5, 0.5], "c": [0.8, 0.5, 0.5]})
    result = replace_labels(
        np.ones((3, 2), dtype=np.float32),
        ["b", "a", "a"],
        {1: "b", 2: "c"},
        label_names=NAMES,
        weight=weight,
    )
    assert result.new[0] == new


def test_on_a_tie_the_text_keeps_its_label(monkeypatch: pytest.MonkeyPatch) -> None:
    with_confidences(monkeypatch, {"a": [0.5, 0.5, 0.5], "b": [0.5, 0.5, 0.5]})
    result = replace_labels(
        np.ones((3, 2), dtype=np.float32),
        ["b", "a", "b"],
        {1: "a", 2: "b"},
        label_names=NAMES,
        weight=0,
    )
    assert result.new[0] == "b"


def test_proxies_mend_what_was_wrong() -> None:
    vectors, truth = clouds(60, 60, 60, spread=0.1)
    rng = np.random.default_rng(1)
    wrong = rng.random(180) < 0.3
    other = {"a": "b", "b": "c", "c": "a"}
    specified = [other[t] if w else t for t, w in zip(truth, wrong, strict=True)]
    inspected = {row: truth[row] for row in range(45)}
    result = replace_labels(vectors, specified, inspected, label_names=NAMES)
    assert result.new == tuple(truth)
    assert result.changed == tuple(np.flatnonzero(wrong).tolist())
    assert result.explanations == ()
    again = replace_labels(vectors, specified, inspected, label_names=NAMES)
    assert again == result
    scaled = replace_labels(vectors * 5, specified, inspected, label_names=NAMES)
    assert scaled.new == result.new


def test_an_inspected_text_gets_the_annotators_label_even_against_its_proxies() -> None:
    vectors, truth = clouds(30, 30)
    inspected = {row: truth[row] for row in range(30)}
    inspected[0] = "b" if truth[0] == "a" else "a"
    result = replace_labels(vectors, truth, inspected, label_names=NAMES)
    assert result.new[0] == result.judged[0] == inspected[0] != result.proxy[0]
    assert result.confidence[0] is None
    assert result.new[1:] == tuple(truth[1:])


def test_a_label_that_nothing_is_known_of_is_left_alone_and_named() -> None:
    # c was neither found nor generated among the inspected texts; its texts look like a.
    vectors, truth = clouds(40, 40)
    specified = ["c" if row >= 60 else label for row, label in enumerate(truth)]
    inspected = {row: truth[row] for row in range(40)}
    result = replace_labels(vectors, specified, inspected, label_names=NAMES)
    assert result.new == tuple(specified)
    assert result.confidence[60:] == (None,) * 20
    assert result.explanations == (
        "No inspected text has the label 'c' or was generated for it: texts of that label keep "
        "it, and no other text gets it.",
    )


def test_a_label_that_no_inspected_text_turned_out_to_be_is_up_for_the_others() -> None:
    vectors, truth = clouds(40, 40)
    specified = ["c" if row >= 35 else label for row, label in enumerate(truth)]
    inspected = {row: truth[row] for row in range(40)}  # five of them generated for c
    result = replace_labels(vectors, specified, inspected, label_names=NAMES)
    assert result.new == tuple(truth)
    assert result.explanations == (
        "No inspected text turned out to be 'c': no text gets that label, and those that have it "
        "keep it unless another label's proxy is sure by more than 0.43.",
    )


def test_few_texts_of_a_label_are_named() -> None:
    vectors, truth = clouds(20, 20, 20)
    seen = [row for row in range(60) if truth[row] != "c"][:20]
    seen += [row for row in range(60) if truth[row] == "c"][:2]
    result = replace_labels(vectors, truth, {row: truth[row] for row in seen}, label_names=NAMES)
    assert result.explanations == (
        "Fewer than 3 inspected texts tell 'c' from the rest: the confidence comes from the curve "
        "of the other labels there.",
    )
    assert result.new == tuple(truth)
    two = {seen[0]: "a", seen[-1]: "c"}
    fixed = replace_labels(vectors, truth, two, label_names=NAMES)
    assert "comes from a fixed curve there" in fixed.explanations[-1]


def test_texts_that_are_all_alike_keep_their_labels() -> None:
    specified = ["a"] * 20 + ["b"] * 20
    result = replace_labels(
        np.ones((40, 4), dtype=np.float32),
        specified,
        {row: "ab"[row % 2] for row in range(10, 30)},
        label_names=NAMES,
    )
    uninspected = [row for row in range(40) if not 10 <= row < 30]
    assert all(result.new[row] == specified[row] for row in uninspected)
    assert result.explanations[-1].startswith("The proxy of 'a', 'b' does no better than chance")


@pytest.mark.parametrize(
    ("inspected", "weight", "message"),
    [
        ({}, 0.3, "No text was inspected; no label was changed"),
        ({0: "a", 1: "a"}, 0.3, "All 2 inspected texts were labelled 'a'.*no label was changed"),
        ({0: "a"}, 0.3, "All 1 inspected texts"),
        ({0: "a", 1: "b"}, 1.1, "weight is 1.1"),
        ({0: "a", 1: "b"}, float("nan"), "weight is nan"),
    ],
)
def test_what_teaches_nothing_changes_nothing(
    inspected: dict[int, str], weight: float, message: str
) -> None:
    vectors, truth = clouds(10, 10)
    with pytest.raises(BadInput, match=message):
        replace_labels(vectors, truth, inspected, label_names=NAMES, weight=weight)


def test_strangers_are_refused() -> None:
    vectors, truth = clouds(10, 10)
    for inspected in ({0: "x"}, {20: "a"}, {-1: "a"}):
        with pytest.raises(ValueError, match=r"none of the task's|out of range"):
            replace_labels(vectors, truth, inspected, label_names=NAMES)


def test_svcs_that_did_not_converge_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.interventions.relabelling.proxies.MAX_ITERATIONS", 1)
    vectors, truth = clouds(30, 30, spread=1)
    inspected = {row: truth[row] for row in range(40)}
    result = replace_labels(vectors, truth, inspected, label_names=NAMES)
    assert "of 12 SVCs had not converged" in result.explanations[-1]


def test_relabelling_all() -> None:
    result = relabel_all(["a", "b"], ["b", "b"], label_names=NAMES, confidence=[0.5, 0.75])
    assert (result.old, result.new, result.judged) == (("a", "b"), ("b", "b"), ("b", "b"))
    assert (result.confidence, result.proxy) == ((0.5, 0.75), (None, None))
    assert (result.inspected, result.changed) == (2, (0,))
    assert relabel_all(["a"], ["c"], label_names=NAMES).confidence == (None,)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.floats(0, 1), st.integers(2, 40))
def test_what_always_holds(seed: int, weight: float, count: int) -> None:
    rng = np.random.default_rng(seed)
    vectors, truth = clouds(20, 20, 5, spread=0.9, seed=seed)
    specified = [str(rng.choice(NAMES)) for _ in truth]
    inspected = {int(row): truth[row] for row in rng.permutation(45)[:count]}
    inspected |= {44: "a", 43: "b"}
    result = replace_labels(
        vectors, specified, inspected, label_names=NAMES, weight=weight, seed=seed
    )
    assert set(result.new) <= set(NAMES)
    given_ = set(inspected.values())
    for row in range(45):
        if row in inspected:
            assert result.new[row] == inspected[row]
        elif result.new[row] != specified[row]:
            assert result.new[row] in given_
            assert result.confidence[row] is not None
            # S_f of the new label beats that of the old: (1 - w) S_new > w at the least.
            assert (1 - weight) * result.confidence[row] > weight - 1e-9


IDS = ("t1", "t2", "t3", "t4", "t5", "t6")


RESULT = Replacement(
    label_names=("a", "b", "c"),
    old=("a", "a", "b", "b", "c", "a"),
    new=("b", "a", "c", "b", "a", "b"),
    judged=(None, "a", None, None, "a", None),
    proxy=("b", "a", "c", "b", "c", "b"),
    confidence=(0.9, None, 0.5, 0.8, None, 1.0),
    explanations=("note",),
)


CHANGES = [
    Change("t1", "a", "b", 0.9, False),
    Change("t3", "b", "c", 0.5, False),
    Change("t5", "c", "a", None, True),
    Change("t6", "a", "b", 1.0, False),
]


def test_changes_and_their_flow() -> None:
    assert label_changes(IDS, RESULT) == CHANGES
    assert RESULT.flows == [Flow("a", "b", 2), Flow("b", "c", 1), Flow("c", "a", 1)]
    with pytest.raises(ValueError, match="differ in length"):
        label_changes(IDS[:2], RESULT)


def test_a_threshold_keeps_the_annotators_own() -> None:
    assert [c.id for c in within_confidence(CHANGES, 0.9)] == ["t1", "t5", "t6"]
    assert within_confidence(CHANGES, 0) == CHANGES
    sure = {change.id: change.confidence for change in CHANGES}
    band = [key for key, found in sure.items() if found is None or 0.5 <= found <= 0.9]
    assert [c.id for c in within_confidence(CHANGES, 0.5, 0.9)] == band
    assert 0 < len(band) < len(CHANGES)


def test_a_part_is_accepted() -> None:
    part = accept_changes(RESULT, IDS, {"t3", "t5"})
    assert part.new == ("a", "a", "c", "b", "a", "a")
    assert part.confidence == (None, None, 0.5, 0.8, None, None)
    assert (part.old, part.judged, part.proxy) == (RESULT.old, RESULT.judged, RESULT.proxy)
    assert part.changed == (2, 4)
    assert accept_changes(RESULT, IDS, [c.id for c in CHANGES]) == RESULT
    assert accept_changes(RESULT, IDS, ()).changed == ()
    for stranger in ("t2", "t9"):
        with pytest.raises(ValueError, match="none of the replacement's"):
            accept_changes(RESULT, IDS, [stranger])
