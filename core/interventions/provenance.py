"""A version's texts with where each label comes from, for export."""

from collections.abc import Iterator, Sequence
from typing import Any

from core.exports import ExportFormat, export_table
from core.store.versions import VersionRow

COLUMNS = (
    "id",
    "text",
    "label",
    "specified",
    "proxy",
    "human",
    "confidence",
    "in_scope",
    "scope_confidence",
    "who",
)
"""`label` is the version's, `specified` the one the text was generated for, `proxy` the proxies',
`human` the annotator's (a person or, as `who` says, the oracle); what nobody said is unknown."""


def provenance_rows(
    texts: Sequence[str], specified: Sequence[str], rows: Sequence[VersionRow]
) -> Iterator[dict[str, Any]]:
    """The texts that a version keeps, a value for each of `COLUMNS`.

    Args:
        texts: of all the version's rows, in their order.
        specified: the labels that they were generated for.
        rows: the version's rows.
    """
    for text, label, row in zip(texts, specified, rows, strict=True):
        if row.kept:
            yield {
                "id": row.sample_id,
                "text": text,
                "label": row.label,
                "specified": label,
                "proxy": row.proxy_label,
                "human": row.human_label,
                "confidence": row.confidence,
                "in_scope": row.in_scope,
                "scope_confidence": row.scope_confidence,
                "who": row.who,
            }


def export_version(
    texts: Sequence[str],
    specified: Sequence[str],
    rows: Sequence[VersionRow],
    *,
    format: ExportFormat,
) -> bytes:
    """The content of a version's export; arguments as `provenance_rows`."""
    table = list(provenance_rows(texts, specified, rows))
    fractions = ("confidence", "scope_confidence")
    return export_table(table, columns=COLUMNS, format=format, fractions=fractions)
