"""Story: what a sweep says, in seven steps that a presenter shows one by one.

Every sentence is built from the numbers and their intervals: where an effect is not there in these
data, or they can't tell, the step says that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from core.domain.tasks import Task
from core.reports.story import steps as steps_of
from core.reports.story.conditions import Cast, cast
from core.reports.story.facts import Facts
from core.reports.story.step import Step, Text


@dataclass(frozen=True, slots=True)
class Story:
    """The steps, and what they are told with.

    Args:
        cast: the conditions.
        points: theirs at all stages, with pooled intervals.
        steps: seven; none where there is nothing to tell.
        inspected: the stage of LR that the story speaks of; empty without LR.
        narrow_words: the narrow condition by its knobs.
        wide_words: the wide one.
    """

    cast: Cast
    points: pd.DataFrame
    steps: tuple[Step, ...]
    inspected: str = ""
    narrow_words: str = ""
    wide_words: str = ""


def story(
    points: pd.DataFrame,
    results: pd.DataFrame,
    samples: Mapping[str, Sequence[Text]],
    *,
    task: Task,
) -> Story:
    """Tell a sweep of one task.

    Args:
        points: a points frame.
        results: the results frame that it was made of.
        samples: usable texts by `condition`, in order of arrival, of one run each; those of the two
            ends of `cast(points, task_key=task.key)` are shown.
        task: whose sweep it is.
    """
    chosen = cast(points, task_key=task.key)
    if not chosen.narrow:
        return Story(chosen, chosen.points, ())
    own = results[results["point"].isin(chosen.points["point"])]
    facts = Facts(chosen, own, samples, task)
    steps = tuple(
        tell(facts)
        for tell in (
            steps_of.first,
            steps_of.narrow,
            steps_of.wide,
            steps_of.price,
            steps_of.repair,
            steps_of.worth,
            steps_of.standing,
        )
    )
    return Story(chosen, facts.points, steps, facts.inspected, facts.narrow_words, facts.wide_words)
