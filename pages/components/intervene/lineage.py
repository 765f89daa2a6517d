"""The lineage of versions: an order for a tree, names and settings in words."""

from collections.abc import Iterator, Sequence

from core.diversity.map.frame import display_names
from core.store.interventions.versions import VersionRecord


def depth_first(versions: Sequence[VersionRecord]) -> Iterator[tuple[VersionRecord, int]]:
    """The versions, each followed by what derives from it, with its depth from 0.

    Args:
        versions: each after its parent; one whose parent is not among them counts as a root.
    """
    there = {version.id for version in versions}
    children: dict[str | None, list[VersionRecord]] = {}
    for version in versions:
        parent = version.parent_id if version.parent_id in there else None
        children.setdefault(parent, []).append(version)
    waiting = [(version, 0) for version in reversed(children.get(None, []))]
    while waiting:
        version, depth = waiting.pop()
        yield version, depth
        waiting += [(child, depth + 1) for child in reversed(children.get(version.id, []))]


def version_names(versions: Sequence[VersionRecord]) -> dict[str, str]:
    """Names for display by id, in the tree's order, told apart where two are the same."""
    ordered = [version for version, _ in depth_first(versions)]
    return dict(
        zip(
            [version.id for version in ordered],
            display_names([version.name for version in ordered]),
            strict=True,
        )
    )


def settings_in_words(version: VersionRecord) -> str:
    """What made a version, on one line."""
    spec, facts = version.spec, version.facts
    parts = []
    if version.kind == "lr":
        parts.append(f"{facts.get('inspected', 0):,} inspected")
        if spec.get("annotator"):
            parts[-1] += f" by {spec['annotator']}"
        if spec.get("weight") is not None:
            parts.append(f"weight {spec['weight']:g}")
        if spec.get("error_rate"):
            parts.append(f"{spec['error_rate']:.0%} errors")
        low, high = spec.get("confidence") or (0.0, 1.0)
        if (low, high) != (0.0, 1.0):
            parts.append(f"from {low:.0%} to {high:.0%}" if high < 1 else f"from {low:.0%}")
    elif version.kind == "oosf":
        parts.append(f"{facts.get('removed', 0):,} removed below {spec.get('threshold', 0):.0%}")
    elif version.kind == "manual":
        for key, words in (
            ("changed", "labels set"),
            ("removed", "removed"),
            ("brought_back", "brought back"),
        ):
            if facts.get(key):
                parts.append(f"{facts[key]:,} {words}")
    return ", ".join(parts)
