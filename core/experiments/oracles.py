"""The oracle of a reference, trained once however many runs it judges."""

from weakref import WeakKeyDictionary

from core.errors import BadInput
from core.experiments.trial import RealTexts
from core.interventions.oracle import Oracle, train_oracle

SEED = 0
"""Of the folds, where it is measured by cross-validation: as when the Intervene page asks it."""


def oracle_of(real: RealTexts) -> Oracle:
    """The oracle that learned from the train part, measured on the test part where there is one.

    Raises:
        BadInput: the reference has texts of fewer than two labels to learn from, or too few to
            measure on.
    """
    known = _oracles.get(real)
    if known is None:
        try:
            known = train_oracle(
                real.train_vectors,
                real.train_labels,
                test=(real.test_vectors, real.test_labels) if real.test else None,
                seed=SEED,
            )
        except BadInput as error:
            known = error
        _oracles[real] = known
    if isinstance(known, BadInput):
        raise BadInput(known.what, known.remedy)
    return known


_oracles: "WeakKeyDictionary[RealTexts, Oracle | BadInput]" = WeakKeyDictionary()
