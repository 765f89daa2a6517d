"""What the steps of a story draw from: its conditions, their contrasts, and words for them."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from core.analysis.contrasts import Contrast, contrast, with_pooled_intervals
from core.analysis.findings.hypotheses import as_generated
from core.analysis.naming import condition_words, only_idle
from core.analysis.uninspected import uninspected_accuracy
from core.domain.tasks import Task
from core.reports.story.conditions import Cast
from core.reports.story.step import Text
from core.reports.story.wording import basis_words

RAW = "0"

_NOTHING = Contrast(math.nan, math.nan, None, None, 0, "")
_KNOBS = {
    "temperature": "temperature",
    "suppression": "logit suppression",
    "seeding": "real examples",
    "min_p": "min_p",
}


class Facts:
    """What the steps draw from\n"
    "arguments as of `core.reports.story.story.story`, the cast chosen."""

    def __init__(
        self,
        chosen: Cast,
        results: pd.DataFrame,
        samples: Mapping[str, Sequence[Text]],
        task: Task,
    ) -> None:
        self.cast, self.results, self.task = chosen, results, task
        self.points = with_pooled_intervals(chosen.points, results, vain=False)
        self.raw = as_generated(self.points)
        self.raw_results = as_generated(results)
        self.texts = {one: list(samples.get(one, ())) for one in (chosen.narrow, chosen.wide)}
        self.narrow_words = self._condition_words(chosen.narrow)
        self.wide_words = self._condition_words(chosen.wide)
        self.inspected, self.repaired = self._repair()

    def _repair(self) -> tuple[str, Contrast]:
        """The fewest inspected texts with a clear gain on the wide data, else the most but all."""
        rows = self.cast.points[self.cast.points["condition"] == self.cast.wide]
        known = {str(one) for one in rows[~rows["filtered"].astype(bool)]["inspected"]} - {RAW}
        counted = sorted(known - {"all"}, key=int)
        found = {one: self.gain("label_accuracy", one) for one in known}
        clear = [one for one in counted if found[one].direction == "up"]
        chosen = [*clear[:1], *counted[-1:], *(["all"] if "all" in known else [])]
        return (chosen[0], found[chosen[0]]) if chosen else ("", _NOTHING)

    def contrast(self, metric: str) -> Contrast:
        """From the narrow to the wide data, as generated."""
        before, after = ((one, RAW) for one in (self.cast.narrow, self.cast.wide))
        return contrast(self.results, metric, before, after)

    def gain(self, metric: str, inspected: str) -> Contrast:
        """Of the wide data, from as generated to this stage of LR."""
        wide = self.cast.wide
        return contrast(self.results, metric, (wide, RAW), (wide, inspected))

    def uninspected(self) -> float:
        """Label accuracy of the wide data's texts that nobody looked at at this stage of LR."""
        rows = self.points[
            (self.points["condition"] == self.cast.wide)
            & (self.points["inspected"] == self.inspected)
            & ~self.points["filtered"].astype(bool)
        ]
        return float(uninspected_accuracy(rows)[0]) if len(rows) else math.nan

    def basis(self, found: Contrast) -> str:
        """Where a difference's interval is from."""
        return basis_words(found, conditions=len(self.raw))

    def row(self, condition: str) -> pd.Series:
        """The point of a condition as generated."""
        return self.raw[self.raw["condition"] == condition].iloc[0]

    def _condition_words(self, condition: str) -> str:
        told = {str(name): value for name, value in self.row(condition).items()}
        return condition_words({**told, "other": only_idle(str(told["other"])), "model": ""})

    def knobs(self) -> str:
        """What was turned: "temperature 0.3 to 1.3, logit suppression 0 to 7.5"."""
        before, after = self.row(self.cast.narrow), self.row(self.cast.wide)
        return ", ".join(
            f"{name} {before[knob]:g} to {after[knob]:g}"
            for knob, name in _KNOBS.items()
            if before[knob] != after[knob]
        )

    def mean(self, condition: str, column: str) -> float:
        """The mean of a column over a condition's runs as generated, NaN without values."""
        rows = self.raw_results[self.raw_results["condition"] == condition]
        return float(rows[column].mean())

    def shared_label(self) -> str:
        """The first label, in task order, that both sides have texts of."""
        sides = [{label for _, label in rows} for rows in self.texts.values()]
        shared = set.intersection(*sides) if sides else set()
        return next((one for one in self.task.label_names if one in shared), "")
