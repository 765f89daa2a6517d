"""Recipe: what is measured of every condition of a sweep, and which repairs are tried on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from core.classification.settings import FineTuning
from core.diversity.embedding.encoder import EncoderChoice
from core.domain.errors import BadInput
from core.domain.serialization import from_json
from core.domain.settings_key import settings_key
from core.interventions.relabelling.relabel import WEIGHT

RECIPE_VERSION = 1
"""Raised when an assessment computes or names something differently: older ones are then redone."""

ALL: Literal["all"] = "all"
"""A budget: the annotator relabels every text."""

Budget = int | Literal["all"]
Classifier = Literal["probe", "fine-tuning", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What is done to each run of a sweep once it is generated.

    Args:
        reference: id of the reference: its train part teaches the oracle, its test part tests
            classifiers; None measures diversity alone.
        encoder: makes all embeddings.
        budgets: texts that the oracle inspects for LR, in ascending order and "all" last; 0, the
            data as generated, is always part of it (paper: 0, 90, 180, 270, all). A budget above
            the number of texts is left out of that run, and said so.
        lr_repeats: samples of inspected texts for each budget (paper: 5).
        weight: of the specified label in LR (paper: 0.3).
        filter: try OOSF, too, on the data as generated and after each LR. As no person judges a
            sweep's texts, a stand-in does (see `assess`), which is named in the result.
        classifier: what is trained on the texts at every stage.
        fine_tuning: how, for fine-tuning.
        train_seeds: repeats of a fine-tuning; a probe has no chance in it and takes one.
        seed: of all draws.

    Raises:
        BadInput: a value is out of its range.
    """

    reference: str | None = None
    encoder: EncoderChoice = field(default_factory=EncoderChoice)
    budgets: tuple[Budget, ...] = (0, 90, 180, 270, ALL)
    lr_repeats: int = 5
    weight: float = WEIGHT
    filter: bool = False
    classifier: Classifier = "probe"
    fine_tuning: FineTuning = field(default_factory=FineTuning)
    train_seeds: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        numbers = [budget for budget in self.budgets if budget != ALL]
        whole = all(isinstance(budget, int) and not isinstance(budget, bool) for budget in numbers)
        if not whole or any(not (budget == 0 or 2 <= budget <= 1_000_000) for budget in numbers):
            raise BadInput(
                f"The budgets {list(self.budgets)} are not all 0, 2 or more, or 'all'.",
                "Give whole numbers of inspected texts, such as 0, 90, 180, 270 and 'all'.",
            )
        for what, value, low, high in (
            ("The number of LR repeats", self.lr_repeats, 1, 100),
            ("The number of training seeds", self.train_seeds, 1, 20),
            ("The seed", self.seed, 0, 2**31 - 1),
        ):
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise BadInput(
                    f"{what} is {value}, which is not a whole number from {low} to {high}.",
                    "Choose a value in that range.",
                )
        if not 0 <= self.weight <= 1:
            raise BadInput(
                f"The weight is {self.weight}.", "Choose from 0 to 1; the paper has 0.3."
            )
        if self.classifier not in ("probe", "fine-tuning", "none"):
            raise BadInput(
                f"The classifier '{self.classifier}' is unknown.", "Use probe, fine-tuning or none."
            )
        ordered = tuple(sorted({0, *numbers})) + ((ALL,) if ALL in self.budgets else ())
        object.__setattr__(self, "budgets", ordered)

    @property
    def key(self) -> str:
        """The key of all that decides an assessment of given texts.

        The device is left out, as it changes the speed and not the result.
        """
        tuning = FineTuning()
        if self.classifier == "fine-tuning":
            tuning = replace(self.fine_tuning.with_rate(), device="auto")
        encoder = replace(self.encoder, device="auto")
        recipe = replace(self, encoder=encoder, fine_tuning=tuning)
        return settings_key([RECIPE_VERSION, recipe])


def sweep_recipe(grid: Mapping[str, object]) -> Recipe:
    """The recipe of a sweep as stored (`SweepRecord.grid`); what it lacks is as by default.

    Raises:
        BadInput, ValueError: a part of it is refused.
    """
    return from_json(Recipe, grid.get("recipe") or {})
