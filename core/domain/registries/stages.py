"""STAGES: what can be done to a dataset after it was generated, and how a stage is written.

A stage is a dataset as a series of interventions leaves it. Each kind of intervention is declared
here; pages, figures, tables, sweeps and reports read the declaration.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypedDict

from core.domain.wording import counted, listed, percent

RAW = "0"
"""`inspected` of a dataset without label replacement."""

ALL = "all"
"""`inspected` of label replacement by an annotator who sees every text."""


Annotator = Literal["oracle", "people"]


class VersionSettings(TypedDict, total=False):
    """The settings of the interventions below, as stored with a version, JSON-ready."""

    annotator: Annotator
    inspect: int | None
    weight: float | None
    error_rate: float
    seed: int
    confidence: Sequence[float]
    threshold: float


class VersionFacts(TypedDict, total=False):
    """What came of the interventions below, as stored with a version, JSON-ready: counts of texts,
    then `flows` as (old label, new label, count), and measures as `to_json` gives them."""

    n: int
    inspected: int
    judged: int
    proposed: int
    changed: int
    removed: int
    brought_back: int
    removed_per_label: Mapping[str, int]
    flows: Sequence[tuple[str, str, int]]
    label_accuracy: Mapping[str, float | None]
    oracle: Mapping[str, object]
    quality: Mapping[str, object]
    explanations: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervention:
    """A kind of intervention.

    Args:
        kind: as stored with a version that it made.
        title: in sentence case.
        short: for charts and tables.
        help: what it does, in one plain sentence.
        for_stakeholders: the same without a term of the trade, as a noun phrase.
        color: hexadecimal, of its arrows and badges.
        icon: of Material Symbols.
        order: place of its tab and in names, lower first.
        needs: what it learns from, for a person; empty where it needs nothing.
        past: what it did, of a count of texts, by the name of the fact that holds the count.
    """

    kind: str
    title: str
    short: str
    help: str
    for_stakeholders: str
    color: str
    icon: str
    order: int
    needs: str = ""
    past: Mapping[Literal["changed", "removed", "brought_back"], str] = field(default_factory=dict)

    def settings_words(self, spec: VersionSettings, facts: VersionFacts) -> str:
        """What made a version of this kind, on one line; empty where there is nothing to say.

        Args:
            spec: the version's settings.
            facts: what came of it.
        """
        words = []
        if "inspected" in facts:
            by = f" by {spec['annotator']}" if spec.get("annotator") else ""
            words.append(f"{facts['inspected']:,} inspected{by}")
        if (weight := spec.get("weight")) is not None:
            words.append(f"weight {weight:g}")
        if error_rate := spec.get("error_rate"):
            words.append(f"{percent(error_rate, digits=0)} errors")
        low, high = spec.get("confidence") or (0.0, 1.0)
        if (low, high) != (0.0, 1.0):
            ends = percent(low, digits=0)
            words.append(f"confidence {ends} to {percent(high, digits=0)}")
        for fact, past in self.past.items():
            if count := facts.get(fact):
                words.append(f"{count:,} {past}")
        if (threshold := spec.get("threshold")) is not None:
            words.append(f"below {percent(threshold, digits=0)}")
        return ", ".join(words)


STAGES: tuple[Intervention, ...] = (
    Intervention(
        kind="raw",
        title="As generated",
        short="as generated",
        help="The texts with the labels they were generated for.",
        for_stakeholders="the data as generated",
        color="#7f7f7f",
        icon=":material/draft:",
        order=0,
    ),
    Intervention(
        kind="lr",
        title="Label replacement",
        short="LR",
        help="Replaces labels by the annotator's, or by what classifiers learned from the "
        "annotator.",
        for_stakeholders="correcting labels",
        color="#0072b2",
        icon=":material/label:",
        order=1,
        needs="judged texts or a reference",
    ),
    Intervention(
        kind="oosf",
        title="Out-of-scope filtering",
        short="OOSF",
        help="Removes texts that belong to no label.",
        for_stakeholders="removing texts that belong to no category",
        color="#d55e00",
        icon=":material/filter_alt:",
        order=2,
        needs="texts judged in scope and out of scope",
        past={"removed": "removed"},
    ),
    Intervention(
        kind="manual",
        title="Manual edits",
        short="edits",
        help="Labels set, and texts removed or restored, by hand.",
        for_stakeholders="edits by hand",
        color="#009e73",
        icon=":material/edit:",
        order=3,
        past={"changed": "labels set", "removed": "removed", "brought_back": "restored"},
    ),
)
"""Every kind of intervention, in order; the first is none."""

STAGE: Mapping[str, Intervention] = {stage.kind: stage for stage in STAGES}
"""Each by its kind."""


def stage_words(inspected: str, *, filtered: bool = False, raw: str = "as generated") -> str:
    """A stage of a sweep: "LR with 180 inspected texts and OOSF"; `raw` for none.

    Args:
        inspected: `RAW`, a number of inspected texts as text, or `ALL`.
        filtered: whether OOSF was applied.
        raw: what the dataset as generated is called.
    """
    lr, oosf = STAGE["lr"].short, STAGE["oosf"].short
    words = []
    if inspected == ALL:
        words.append(f"{lr} with all texts inspected")
    elif inspected != RAW:
        texts = counted(int(inspected), "inspected text") if inspected.isdecimal() else inspected
        words.append(f"{lr} with {texts}")
    return listed([*words, *([oosf] if filtered else [])]) or raw
