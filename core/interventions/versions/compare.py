"""Two versions side by side: what changed from the one to the other."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from core.interventions.relabelling.preview import Flow
from core.store.interventions.versions import VersionRow


@dataclass(frozen=True, slots=True)
class VersionDifference:
    """What changed from one version to another of the same run.

    Args:
        flows: texts that both keep under different labels, the largest flow first.
        relabelled: their ids.
        gone: ids of texts that only the first keeps.
        come: ids of texts that only the second keeps.
        balance: how many texts each keeps, by label in the order given: (before, after).
    """

    flows: tuple[Flow, ...]
    relabelled: tuple[str, ...]
    gone: tuple[str, ...]
    come: tuple[str, ...]
    balance: dict[str, tuple[int, int]]


def compare_versions(
    before: Sequence[VersionRow], after: Sequence[VersionRow], *, label_names: Sequence[str]
) -> VersionDifference:
    """Compare two versions.

    Args:
        before: the first version's rows, with or without removed ones.
        after: the second version's rows.
        label_names: all labels, in task order.
    """
    old = {row.sample_id: row.label for row in before if row.kept}
    new = {row.sample_id: row.label for row in after if row.kept}
    relabelled = [key for key in old if key in new and old[key] != new[key]]
    counts = Counter((old[key], new[key]) for key in relabelled)
    flows = [
        Flow(before_label, after_label, count)
        for (before_label, after_label), count in counts.items()
    ]
    held = Counter(old.values()), Counter(new.values())
    return VersionDifference(
        flows=tuple(sorted(flows, key=lambda flow: (-flow.count, flow.old, flow.new))),
        relabelled=tuple(relabelled),
        gone=tuple(key for key in old if key not in new),
        come=tuple(key for key in new if key not in old),
        balance={name: (held[0][name], held[1][name]) for name in label_names},
    )
