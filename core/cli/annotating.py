"""Vectors and the oracle for a command."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.cli.intervening import Work
from core.cli.sources import find_dataset
from core.domain.errors import BadInput

if TYPE_CHECKING:
    from core.diversity.embedding.loading import EncoderKeeper
    from core.diversity.measures.remote_clique import Vectors
    from core.interventions.relabelling.oracle import Oracle
    from core.store.database import Database


class Embedding:
    """Embeds texts by the embedded encoder, which is loaded at the first call.

    Args:
        db: the store, where vectors are kept.
    """

    def __init__(self, db: "Database") -> None:
        self.db = db
        self._encoders: EncoderKeeper | None = None

    def __call__(self, texts: Sequence[str]) -> "Vectors":
        """The texts' embeddings, float32 (texts, size), with progress on stderr."""
        from core.cli.measure_report import Progress
        from core.diversity.embedding.embedding import embedded
        from core.diversity.embedding.encoder import EncoderChoice
        from core.diversity.embedding.loading import EncoderKeeper
        from core.domain.settings import home_from

        with Progress(sys.stderr) as progress:
            progress.say("Loading the encoder")
            self._encoders = self._encoders or EncoderKeeper(home_from().models)
            encoder = self._encoders.encoder(EncoderChoice())
            return embedded(self.db, encoder, texts, progress=progress.embedded)


def oracle_of(
    embed: Embedding, wanted: str, work: Work, *, seed: int
) -> "tuple[Oracle, tuple[str, ...], list[str]]":
    """The oracle that learned from a reference.

    Args:
        embed: embeds the reference.
        wanted: the reference, as `find_dataset` takes it; of one in the store the train part.
        work: whose labels it is to know.
        seed: of its measure.

    Returns:
        The oracle; all labels, the dataset's first; sentences on labels that don't meet.

    Raises:
        BadInput: the reference is refused, or its labels are others.
    """
    from core.interventions.relabelling.oracle import train_oracle
    from core.store.datasets import load_dataset

    db = embed.db
    reference = find_dataset(db, wanted)
    known = dict.fromkeys(reference.labels)
    stray = [name for name in known if name not in work.dataset.label_names]
    lacking = [name for name in dict.fromkeys(work.dataset.labels) if name not in known]
    if stray and (work.run_id is not None or len(stray) == len(known)):
        raise BadInput(
            f"The reference has the label '{stray[0]}', which {work.dataset.name} lacks.",
            f"Its labels are {', '.join(work.dataset.label_names[:20])}.",
        )
    vectors = embed(reference.texts)
    test = None
    if reference.key.startswith("reference:") and reference.key.endswith(":train"):
        held_out = load_dataset(db, reference.key.removesuffix("train") + "test")
        test = (embed(held_out.texts), held_out.labels)
    oracle = train_oracle(vectors, reference.labels, test=test, seed=seed)
    notes = []
    if lacking:
        listed = ", ".join(f"'{name}'" for name in lacking[:5])
        notes.append(f"The reference has no text of {listed}: the oracle never says so.")
    if stray:
        listed = ", ".join(f"'{name}'" for name in stray[:5])
        notes.append(f"The texts had no label {listed}, the reference has.")
    return oracle, (*work.dataset.label_names, *stray), notes
