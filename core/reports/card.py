"""The replication card as Markdown: the paper's findings, one by one, with their basis."""

import time
from collections.abc import Mapping, Sequence

import pandas as pd

from core.analysis.findings.findings import Finding
from core.analysis.findings.hypotheses import Hypothesis, as_generated
from core.analysis.findings.hypotheses import counted as counted_units
from core.analysis.frames.paper import NOTE
from core.analysis.pairs import Effect
from core.analysis.regression import PAPER_NOTE, Coefficient, Regression
from core.analysis.study import Study
from core.domain.registries.metrics import COLUMN
from core.domain.runs import EMBEDDED_TITLE
from core.domain.wording import MISSING, counted, percent
from core.figures.compare.forest import CardRow


def model_name(name: str) -> str:
    """A language model's name for people; the one that comes with Wideset under its own name."""
    return EMBEDDED_TITLE if name == "embedded" else name


def card_metadata(results: pd.DataFrame, *, now: float | None = None) -> dict[str, str]:
    """Date, model, tasks, sizes, encoder and classifier, as `card_text` shows them.

    Args:
        results: a results frame with one row as generated at least.
        now: seconds since 1970, UTC; None is this moment.
    """
    raw = as_generated(results)

    def names(column: str) -> str:
        return ", ".join(sorted({model_name(str(name)) for name in raw[column] if str(name)}))

    sizes = dict.fromkeys(f"{size:.0f}" for size in sorted({raw["n"].min(), raw["n"].max()}))
    conditions = counted(raw["condition"].nunique(), "condition")
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime(now)),
        "language model": names("model"),
        "tasks": names("task"),
        "runs": f"{raw['run_id'].nunique()} of {conditions}, {' to '.join(sizes)} texts each",
        "encoder": names("encoder"),
        "classifier": names("classifier"),
        "oracle's own accuracy": ", ".join(
            f"{task} {percent(mean)}"
            for task, mean in raw.groupby("task")["oracle_accuracy"].mean().items()
        ),
    }


_VERDICTS = {"holds": "holds", "does not": "**does not hold**", "undecided": "undecided"}


def card_text(study: Study, *, title: str, metadata: Mapping[str, str]) -> str:
    """The card.

    Args:
        study: what is concluded.
        title: of the page.
        metadata: what it is based on, for people: date, model, sizes and the like.
    """
    lines = [f"# {_cell(title)}", ""]
    lines += [f"- {_cell(name)}: {_cell(value)}" for name, value in metadata.items()]
    lines += ["", "## The paper's findings here", "", *_verdicts(study), ""]
    lines += [chance_words(study.card), ""]
    for finding in study.card:
        lines += [
            f"### {finding.heading}",
            "",
            finding.sentence,
            "",
            *_hypotheses(finding),
            "",
            *(f"- {note}" for note in [*finding.missing, *finding.notes]),
            "",
        ]
    lines += ["## Which knob matters", "", study.sentence, ""]
    lines += [*_table(REGRESSION_HEAD, regression_rows(study)), "", PAPER_NOTE, ""]
    if study.mixtures:
        lines += [
            "## Not comparable as they stand",
            "",
            *(f"- {note}" for note in study.mixtures),
        ]
        lines.append("")
    lines.append(NOTE)
    return "\n".join(lines).rstrip() + "\n"


def chance_words(findings: Sequence[Finding]) -> str:
    """What so many tests at once mean for chance; empty below two.

    A finding holds only if all its tests pass, so their number makes it no likelier by chance; a
    single test that passes or fails may be chance.
    """
    count = sum(len(finding.deciding) for finding in findings)
    if count < 2:
        return ""
    return (
        f"{count} claims are tested, each by its own 95% interval, without correction for multiple "
        "tests: where there is no effect, about one in twenty is decided by chance."
    )


def _verdicts(study: Study) -> list[str]:
    rows = [
        [
            finding.heading,
            _VERDICTS[finding.verdict] + how_many(finding),
            *(_VERDICTS[findings[place].verdict] for findings in study.card_by_task.values()),
        ]
        for place, finding in enumerate(study.card)
    ]
    return _table(verdicts_head(study), rows)


def verdicts_head(study: Study) -> list[str]:
    """The head of a table of verdicts: over all tasks, and each task's own."""
    return ["finding", "all tasks" if study.card_by_task else "verdict", *study.card_by_task]


def how_many(finding: Finding) -> str:
    """Of an undecided finding, how much of it holds: " (2 of 3 claims hold)"."""
    verdicts = [hypothesis.verdict for hypothesis in finding.deciding]
    if finding.verdict != "undecided" or len(verdicts) < 2:
        return ""
    held = verdicts.count("holds")
    return f" ({held} of {len(verdicts)} claims {'holds' if held == 1 else 'hold'})"


def _hypotheses(finding: Finding) -> list[str]:
    several = any(hypothesis.independent for hypothesis in finding.tested)
    rows = [
        [
            claim_words(hypothesis),
            effect_words(hypothesis, hypothesis.effect.mean),
            interval_words(hypothesis, hypothesis.effect),
            counted_units(hypothesis.effect.n, hypothesis.unit),
            *([_independent(hypothesis)] if several else []),
            effect_words(hypothesis, hypothesis.paper),
            hypothesis.verdict,
        ]
        for hypothesis in finding.tested
    ]
    beside = ["as if independent"] if several else []
    paper = f"paper ({finding.paper_of})"
    return _table(["claim", "effect", "95%", "n", *beside, paper, "verdict"], rows)


def _independent(hypothesis: Hypothesis) -> str:
    """The interval over all pairs or runs, as if those of one task were not alike."""
    effect = hypothesis.independent
    if effect is None:
        return MISSING
    units = counted_units(effect.n, hypothesis.independent_unit)
    return f"{interval_words(hypothesis, effect)}, {units}"


def claim_words(hypothesis: Hypothesis) -> str:
    """What is claimed, and whether the verdict depends on it."""
    return hypothesis.words + ("" if hypothesis.counts else " (shown, not counted)")


def interval_words(hypothesis: Hypothesis, effect: Effect) -> str:
    """ "+2.1 to +4.0 points"; a dash where an end is missing.

    Args:
        hypothesis: whose measure it is.
        effect: its own, or that beside it.
    """
    low, high = effect_words(hypothesis, effect.low), effect_words(hypothesis, effect.high)
    return MISSING if MISSING in (low, high) else f"{low.removesuffix(' points')} to {high}"


def effect_words(hypothesis: Hypothesis, value: float | None) -> str:
    """A number, as the hypothesis' measure is written; a dash for None and NaN."""
    measure = hypothesis.measure
    if value is None or value != value:
        return MISSING
    if measure in COLUMN:
        return COLUMN[measure].difference_words(value)
    return percent(value, digits=0) if measure == "share" else f"{value:+.3f}"


def card_rows(findings: Sequence[Finding]) -> list[CardRow]:
    """Every hypothesis that decides, as `card_figure` draws it."""
    return [
        CardRow(
            str(finding.number),
            hypothesis.words,
            hypothesis.verdict,
            hypothesis.effect.mean,
            hypothesis.effect.low,
            hypothesis.effect.high,
            hypothesis.paper,
        )
        for finding in findings
        for hypothesis in finding.deciding
    ]


def predictor_title(name: str) -> str:
    """What a predictor of the regression is called."""
    return COLUMN[name].column_title if name in COLUMN else name.replace("_", " ").capitalize()


def coefficient_interval(term: Coefficient) -> str:
    """ "+0.100 to +0.300"."""
    return f"{term.low:+.3f} to {term.high:+.3f}"


def p_cell(p: float) -> str:
    """A p-value under a head that says so: "0.032", "< .001"."""
    return f"{p:.3f}" if p >= 0.001 else "< .001"


REGRESSION_HEAD = ("rows", "specification", "predictor", "coefficient", "p", "fit")


def regression_rows(study: Study) -> list[list[str]]:
    """The regression at every stage and specification, a row per coefficient."""
    rows = []
    for stage, fits in study.regression.items():
        for specification, fit in fits.items():
            if not isinstance(fit, Regression):
                rows.append([stage, specification, fit.refused, "", "", ""])
                continue
            rows += [
                [
                    stage,
                    specification,
                    predictor_title(term.name),
                    f"{term.value:+.3f} ({coefficient_interval(term)})",
                    p_cell(term.p),
                    f"R2 {fit.r2:.2f}, n {fit.n}",
                ]
                for term in fit.coefficients
            ]
    return rows


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    if not rows:
        return []
    return [
        f"| {' | '.join(map(_cell, head))} |",
        f"|{'---|' * len(head)}",
        *(f"| {' | '.join(map(_cell, row))} |" for row in rows),
    ]


def _cell(words: str) -> str:
    return " ".join(words.replace("|", "\\|").split())
