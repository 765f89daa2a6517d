"""Platt scaling against scipy and scikit-learn; what happens where it has too little to go by."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC

from core.diversity.measures.remote_clique import unit_vectors
from core.interventions.relabelling import proxies
from core.interventions.relabelling.proxies import (
    FIXED,
    Curve,
    platt_curve,
    shared_curve,
    train_proxy,
)
from tests.interventions.making import clouds


def test_platt_scaling_by_hand() -> None:
    # Two margins only: the curve goes through the mean target of each. One of three texts at -1 is
    # of the class, two of three at 1: targets 4/5 and 1/5, so means (1/5 + 1/5 + 4/5) / 3 = 0.4
    # and 0.6; the log odds of 0.6 are log 1.5.
    margins = np.array([-1.0, -1, -1, 1, 1, 1])
    curve = platt_curve(margins, np.array([False, False, True, False, True, True]))
    assert curve.source == "own"
    assert (curve.slope, curve.offset) == pytest.approx((np.log(1.5), 0), abs=1e-6)
    assert curve.confidence(np.array([-1.0, 0, 1])) == pytest.approx([0.4, 0.5, 0.6], abs=1e-6)


SOME = st.integers(4, 60).flatmap(
    lambda n: st.integers(0, 1000).map(lambda seed: _some(n, np.random.default_rng(seed)))
)


def _some(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    of_class = rng.random(n) < 0.4
    of_class[0], of_class[1] = True, False
    return rng.normal(0, 1, n) + rng.uniform(-0.5, 3) * of_class, of_class


@settings(deadline=None, max_examples=60)
@given(SOME)
def test_platt_scaling_is_the_best_curve_that_does_not_fall(
    given_: tuple[np.ndarray, np.ndarray],
) -> None:
    margins, of_class = given_
    p, n = of_class.sum(), (~of_class).sum()
    target = np.where(of_class, (p + 1) / (p + 2), 1 / (n + 2))

    def loss(point: np.ndarray) -> float:
        x = point[0] * margins + point[1]
        return float((np.logaddexp(0, x) - target * x).sum())

    best = minimize(loss, [1.0, 0.0], method="L-BFGS-B", bounds=[(0, None), (None, None)])
    curve = platt_curve(margins, of_class)
    assert curve.slope >= 0
    assert loss(np.array([curve.slope, curve.offset])) <= best.fun + 1e-6
    assert (curve.source == "flat") == (curve.slope == 0)


def test_margins_far_out_neither_overflow_nor_warn() -> None:
    curve = platt_curve(np.array([-1e3, -900.0, 900, 1e3]), np.array([False, False, True, True]))
    assert curve.confidence(np.array([-1e6, 1e6])) == pytest.approx([0, 1])


def test_a_proxy_that_means_the_opposite_is_flat() -> None:
    of_class = np.array([True, True, False, False])
    curve = platt_curve(np.array([-1.0, -2, 1, 2]), of_class)
    # Targets 3/4, 3/4, 1/4, 1/4: half of the texts.
    assert (curve.slope, curve.offset, curve.source) == (0, pytest.approx(0), "flat")
    same = platt_curve(np.ones(5), np.array([True, False, False, False, False]))
    assert same.source == "flat"
    # Targets 2/3 and 4 times 1/6: a mean of 4/15.
    assert same.confidence(np.zeros(1)) == pytest.approx([4 / 15])


def test_confidences_are_those_of_scikit_learn() -> None:
    vectors, labels = clouds(40, 60, spread=0.8)
    unit, of_class = unit_vectors(vectors), np.array(labels) == "a"
    rows = np.arange(0, 100, 2)
    proxy = train_proxy(unit, rows, of_class[rows], seed=7)
    assert proxy.curve is not None
    reference = CalibratedClassifierCV(
        LinearSVC(max_iter=10_000, random_state=7),
        ensemble=False,
        cv=StratifiedKFold(5, shuffle=True, random_state=7),
    ).fit(unit[rows], of_class[rows])
    expected = reference.predict_proba(unit)[:, 1]
    assert proxy.curve.confidence(proxy.margins) == pytest.approx(expected, abs=2e-3)
    assert (proxy.fits, proxy.unconverged) == (6, 0)


@pytest.mark.parametrize(("of_class", "fits"), [(1, 1), (2, 1), (3, 4), (4, 5), (5, 6), (20, 6)])
def test_a_curve_of_its_own_needs_three_of_each_kind(of_class: int, fits: int) -> None:
    vectors, labels = clouds(of_class, 30)
    for positive in ("a", "b"):  # the rare kind may be either
        proxy = train_proxy(
            unit_vectors(vectors),
            np.arange(len(labels)),
            np.array([label == positive for label in labels]),
            seed=0,
        )
        assert (proxy.curve is None) == (of_class < 3)
        assert proxy.fits == fits


def test_many_texts_need_two_folds_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxies, "MANY", 30)
    vectors, labels = clouds(20, 20)
    flags = np.array(labels) == "a"
    assert train_proxy(unit_vectors(vectors), np.arange(40), flags, seed=0).fits == 3


def test_the_shared_curve_is_the_middle_of_the_others_own() -> None:
    own = [Curve(4, 0, "own"), Curve(6, 3, "own"), Curve(9, 1, "own")]
    assert shared_curve([*own, Curve(0, -9, "flat")]) == Curve(6, 1, "shared")
    assert shared_curve([Curve(0, -9, "flat")]) is FIXED
    assert FIXED.confidence(np.array([-1.0, 0, 1])) == pytest.approx(
        [0.1192, 0.5, 0.8808], abs=1e-4
    )


def test_svcs_that_do_not_converge_are_counted_and_nothing_leaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(proxies, "MAX_ITERATIONS", 1)
    vectors, labels = clouds(20, 20, spread=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        proxy = train_proxy(unit_vectors(vectors), np.arange(40), np.array(labels) == "a", seed=0)
    assert 0 < proxy.unconverged <= proxy.fits == 6
