"""The replication card as Markdown: the paper's findings, one by one, with their basis."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from core.analysis.findings.hypotheses import as_generated
from core.analysis.findings.hypotheses import counted as counted_units
from core.domain.registries.metrics import COLUMN
from core.domain.runs import EMBEDDED_TITLE
from core.domain.wording import MISSING, counted, percent


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


def card_text(study: Mapping[str, Any], *, title: str, metadata: Mapping[str, str]) -> str:
    """The card.

    Args:
        study: of `study`.
        title: of the page.
        metadata: what it is based on, for people: date, model, sizes and the like.
    """
    lines = [f"# {_cell(title)}", ""]
    lines += [f"- {_cell(name)}: {_cell(value)}" for name, value in metadata.items()]
    lines += ["", "## The paper's findings here", "", *_verdicts(study), ""]
    lines += [chance_words(study["card"]), ""]
    for finding in study["card"]:
        lines += [
            f"### {finding['finding']}. {finding['title']}",
            "",
            finding["sentence"],
            "",
            *_claims(finding),
            "",
            *(f"- {note}" for note in [*finding["missing"], *finding["notes"]]),
            "",
        ]
    lines += ["## Which knob matters", "", study["sentence"], "", *_regressions(study), ""]
    lines += [study["paper_note"], ""]
    if study["mixtures"]:
        lines += [
            "## Not comparable as they stand",
            "",
            *(f"- {note}" for note in study["mixtures"]),
        ]
        lines.append("")
    lines.append(study["paper_source"])
    return "\n".join(lines).rstrip() + "\n"


def chance_words(findings: Sequence[Mapping[str, Any]]) -> str:
    """What so many tests at once mean for chance.

    A finding holds only if all its tests pass, so their number makes it no likelier by chance; a
    single test that passes or fails may be chance.

    Args:
        findings: of a card (`Finding.to_dict`).
    """
    count = sum(
        claim["counts"] and not claim["missing"]
        for finding in findings
        for claim in finding["claims"]
    )
    if count < 2:
        return ""
    return (
        f"{count} claims are tested, each by its own 95% interval, without correction for multiple "
        "tests: where there is no effect, about one in twenty is decided by chance."
    )


def _verdicts(study: Mapping[str, Any]) -> list[str]:
    by_task: Mapping[str, Sequence[Mapping[str, Any]]] = study["card_by_task"]
    rows = [
        [
            f"{finding['finding']}. {finding['title']}",
            _VERDICTS[finding["verdict"]] + how_many(finding),
            *(_VERDICTS[own[place]["verdict"]] for own in by_task.values()),
        ]
        for place, finding in enumerate(study["card"])
    ]
    return _table(["finding", "all tasks" if by_task else "verdict", *by_task], rows)


def how_many(finding: Mapping[str, Any]) -> str:
    """Of an undecided finding, how much of it holds: " (2 of 3 claims hold)"."""
    tested = [
        claim["verdict"] for claim in finding["claims"] if claim["counts"] and not claim["missing"]
    ]
    if finding["verdict"] != "undecided" or len(tested) < 2:
        return ""
    held = tested.count("holds")
    return f" ({held} of {len(tested)} claims {'holds' if held == 1 else 'hold'})"


def _claims(finding: Mapping[str, Any]) -> list[str]:
    tested = [claim for claim in finding["claims"] if not claim["missing"]]
    several = any(claim.get("independent") for claim in tested)
    rows = [
        [
            claim["words"] + ("" if claim["counts"] else " (shown, not counted)"),
            effect_words(claim, "mean"),
            interval_words(claim),
            counted_units(claim["n"], claim["unit"]),
            *([_independent(claim)] if several else []),
            effect_words(claim, "paper"),
            claim["verdict"],
        ]
        for claim in tested
    ]
    beside = ["as if independent"] if several else []
    paper = f"paper ({finding['paper_of']})"
    return _table(["claim", "effect", "95%", "n", *beside, paper, "verdict"], rows)


def _independent(claim: Mapping[str, Any]) -> str:
    """The interval over all pairs or runs, as if those of one task were not alike."""
    words = independent_words(claim)
    if not words:
        return MISSING
    return f"{words}, {counted_units(claim['independent']['n'], claim['independent_unit'])}"


def independent_words(claim: Mapping[str, Any]) -> str:
    """The interval beside that of an effect over tasks; empty for one of a single task."""
    effect = claim.get("independent")
    return interval_words({**effect, "measure": claim["measure"]}) if effect else ""


def interval_words(claim: Mapping[str, Any]) -> str:
    """ "+2.1 to +4.0 points"; a dash where an end is missing."""
    low, high = effect_words(claim, "low"), effect_words(claim, "high")
    return MISSING if MISSING in (low, high) else f"{low.removesuffix(' points')} to {high}"


def effect_words(claim: Mapping[str, Any], key: str) -> str:
    """A number of a claim, as its measure is written; a dash for a missing one.

    Args:
        claim: of a finding.
        key: "mean", "low", "high" or "paper".
    """
    value, measure = claim.get(key), claim["measure"]
    if value is None or value != value:
        return MISSING
    if measure in COLUMN:
        return COLUMN[measure].difference_words(value)
    return percent(value, digits=0) if measure == "share" else f"{value:+.3f}"


def predictor_title(name: str) -> str:
    """What a predictor of the regression is called."""
    return COLUMN[name].column_title if name in COLUMN else name.replace("_", " ").capitalize()


def _regressions(study: Mapping[str, Any]) -> list[str]:
    rows = []
    for stage, fits in study["regression"].items():
        for specification, fit in fits.items():
            if "refused" in fit:
                rows.append([stage, specification, fit["refused"], "", "", ""])
                continue
            for row in fit["coefficients"]:
                rows.append(
                    [
                        stage,
                        specification,
                        predictor_title(row["name"]),
                        f"{row['value']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})",
                        f"{row['p']:.3f}" if row["p"] >= 0.001 else "< .001",
                        f"R2 {fit['r2']:.2f}, n {fit['n']}",
                    ]
                )
    return _table(["rows", "specification", "predictor", "coefficient", "p", "fit"], rows)


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
