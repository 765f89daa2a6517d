"""What a replication card rests on, for people."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from core.analysis.findings.hypotheses import counted
from core.analysis.naming import TITLES
from core.generation.local.conversion import EMBEDDED_NAME


def facts_of(results: pd.DataFrame, *, now: float | None = None) -> dict[str, str]:
    """Date, model, tasks, sizes, encoder and classifier, as `card_text` shows them.

    Args:
        results: a results frame with one row as generated at least.
        now: seconds since 1970, UTC; None is this moment.
    """
    raw = results[(results["inspected"].astype(str) == "0") & ~results["filtered"].astype(bool)]

    def listed(column: str) -> str:
        return ", ".join(sorted({str(one) for one in raw[column] if str(one)}))

    n = [f"{size:.0f}" for size in sorted({raw["n"].min(), raw["n"].max()})]
    conditions = raw.drop_duplicates(["condition"])["condition"].nunique()
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime(now)),
        "language model": listed("model").replace("embedded", f"{EMBEDDED_NAME} (embedded)"),
        "tasks": listed("task"),
        "runs": f"{raw['run_id'].nunique()} of {conditions} conditions, "
        f"{' to '.join(dict.fromkeys(n))} texts each",
        "encoder": listed("encoder"),
        "classifier": listed("classifier"),
        "oracle's own accuracy": ", ".join(
            f"{task} {mean:.3f}"
            for task, mean in raw.groupby("task")["oracle_accuracy"].mean().items()
        ),
    }


_VERDICTS = {"holds": "holds", "does not": "**does not hold**", "undecided": "undecided"}


def card_text(study: Mapping[str, Any], *, title: str, facts: Mapping[str, str]) -> str:
    """The card.

    Args:
        study: of `study`.
        title: of the page.
        facts: what it rests on, for people: date, model, sizes and the like.
    """
    lines = [f"# {_cell(title)}", ""]
    lines += [f"- {_cell(name)}: {_cell(value)}" for name, value in facts.items()]
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
        lines += ["## Not comparable as they stand", "", *(f"- {one}" for one in study["mixtures"])]
        lines.append("")
    lines.append(study["paper_source"])
    return "\n".join(lines).rstrip() + "\n"


def chance_words(findings: Sequence[Mapping[str, Any]]) -> str:
    """What to think of so many tests at once.

    A finding that holds has passed all of its tests, so they make it no likelier by chance; that
    one of many tests fails or passes is another matter.

    Args:
        findings: of a card (`Finding.to_dict`).
    """
    count = sum(
        claim["counts"] and not claim["missing"] for one in findings for claim in one["claims"]
    )
    if count < 2:
        return ""
    return (
        f"{count} claims are tested, each by its own 95 % interval, none made wider for the "
        "others: where there is nothing, about one in twenty is decided by chance."
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
    tested = [one["verdict"] for one in finding["claims"] if one["counts"] and not one["missing"]]
    if finding["verdict"] != "undecided" or len(tested) < 2:
        return ""
    held = tested.count("holds")
    return f" ({held} of {len(tested)} claims {'holds' if held == 1 else 'hold'})"


def _claims(finding: Mapping[str, Any]) -> list[str]:
    tested = [claim for claim in finding["claims"] if not claim["missing"]]
    several = any(claim.get("independent") for claim in tested)
    rows = [
        [
            claim["words"] + ("" if claim["counts"] else " (told, not counted)"),
            _effect(claim, "mean"),
            _between(claim),
            counted(claim["n"], claim["unit"]),
            *([_independent(claim)] if several else []),
            _effect(claim, "paper"),
            claim["verdict"],
        ]
        for claim in tested
    ]
    beside = ["as if independent"] if several else []
    paper = f"paper ({finding['paper_of']})"
    return _table(["claim", "effect", "95 %", "n", *beside, paper, "verdict"], rows)


def _independent(claim: Mapping[str, Any]) -> str:
    """The interval over all pairs or runs, as if those of one task were not alike."""
    found = claim.get("independent")
    if not found:
        return "-"
    ends = _between({**found, "measure": claim["measure"]})
    return f"{ends}, {counted(found['n'], claim['independent_unit'])}"


def _between(claim: Mapping[str, Any]) -> str:
    low, high = _effect(claim, "low"), _effect(claim, "high")
    return "-" if "-" in (low, high) else f"{low.removesuffix(' points')} to {high}"


def _effect(claim: Mapping[str, Any], key: str) -> str:
    value = claim.get(key)
    if value is None or value != value:
        return "-"
    if claim["measure"] == "share":
        return f"{value:.0%}"
    if claim["measure"].endswith("accuracy"):
        return f"{100 * value:+.1f} points"
    return f"{value:+.3f}"


def _regressions(study: Mapping[str, Any]) -> list[str]:
    rows = []
    for stage, fits in study["regression"].items():
        for specification, fit in fits.items():
            if "refused" in fit:
                rows.append([stage, specification, fit["refused"], "", "", ""])
                continue
            for one in fit["coefficients"]:
                rows.append(
                    [
                        stage,
                        specification,
                        TITLES.get(one["name"], one["name"]),
                        f"{one['value']:+.3f} ({one['low']:+.3f} to {one['high']:+.3f})",
                        f"{one['p']:.3f}" if one["p"] >= 0.001 else "< .001",
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
