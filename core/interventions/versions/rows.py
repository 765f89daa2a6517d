"""Interventions as the rows of a version: each sets its own columns and keeps the others."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from core.interventions.relabelling.relabel import Replacement
from core.interventions.scope_filter.out_of_scope import THRESHOLD, ScopeFilter
from core.store.interventions.versions import VersionRow


def kept_rows(rows: Sequence[VersionRow]) -> list[VersionRow]:
    """The rows that an intervention works on: those of the parent's dataset, in order."""
    return [row for row in rows if row.kept]


def relabelled(
    rows: Sequence[VersionRow], replacement: Replacement, *, who: str | Mapping[str, str]
) -> list[VersionRow]:
    """The parent's rows with replaced labels.

    Args:
        rows: all rows of the parent.
        replacement: of its kept rows, in their order.
        who: the annotator, or the annotators by text id.

    Returns:
        All rows again; those that the parent does not keep are as they were.
    """
    places = iter(range(len(replacement.new)))
    made = []
    for row in rows:
        if not row.kept:
            made.append(row)
            continue
        at = next(places)
        judged = replacement.judged[at]
        signed = who if isinstance(who, str) else who.get(row.sample_id)
        made.append(
            replace(
                row,
                label=replacement.new[at],
                proxy_label=replacement.proxy[at],
                confidence=replacement.confidence[at],
                human_label=row.human_label if judged is None else judged,
                who=row.who if judged is None else signed,
            )
        )
    if next(places, None) is not None:
        raise ValueError("the replacement is of other rows")
    return made


def filtered(
    rows: Sequence[VersionRow],
    scope: ScopeFilter,
    *,
    threshold: float = THRESHOLD,
    who: str | Mapping[str, str],
) -> list[VersionRow]:
    """The parent's rows, those kept that the filter lets through.

    Args:
        rows: all rows of the parent.
        scope: trained on its kept rows, in their order.
        threshold: see `ScopeFilter.kept`.
        who: the annotator, or the annotators by text id.
    """
    stays = scope.kept(threshold)
    places = np.flatnonzero([row.kept for row in rows]).tolist()
    if len(places) != len(stays):
        raise ValueError("the filter is of other rows")
    made = list(rows)
    for at, place in enumerate(places):
        row = rows[place]
        signed = who if isinstance(who, str) else who.get(row.sample_id)
        made[place] = replace(
            row,
            kept=bool(stays[at]),
            in_scope=bool(stays[at]),
            scope_confidence=float(scope.confidence[at]),
            who=signed if at in scope.judged else row.who,
        )
    return made


def edited(
    rows: Sequence[VersionRow],
    labels: Mapping[str, str],
    scopes: Mapping[str, bool],
    *,
    who: str | Mapping[str, str],
) -> list[VersionRow]:
    """The parent's rows with people's edits of single texts.

    Args:
        rows: all rows of the parent.
        labels: right labels by text id.
        scopes: whether texts are in scope, by id; those in scope are restored if removed.
        who: the annotator, or the annotators by text id.
    """
    made = []
    for row in rows:
        key = row.sample_id
        if key not in labels and key not in scopes:
            made.append(row)
            continue
        label = labels.get(key)
        made.append(
            replace(
                row,
                label=label or row.label,
                confidence=row.confidence if label is None else None,
                human_label=label or row.human_label,
                in_scope=scopes.get(key, row.in_scope),
                kept=scopes.get(key, row.kept),
                who=who if isinstance(who, str) else who.get(key),
            )
        )
    return made
