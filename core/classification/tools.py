"""Tools: what a training takes from the store and from this machine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.classification.llm.llm import LabelModel, ScoredLabels
from core.diversity.embedding.encoder import EncoderChoice, embedded
from core.diversity.measures.live import Encoders
from core.diversity.measures.remote_clique import Vectors, no_pause
from core.domain.errors import BadInput
from core.domain.runs import ModelChoice
from core.store.database import Database


@dataclass(frozen=True, slots=True)
class StoreTools:
    """Embeds by way of the store, where each vector is computed once.

    Args:
        db: the store.
        encoders: opens encoders.
        models: folder of converted models and measurements.
        between: called now and then; what it raises ends the training.
        progress: told of texts embedded and texts in all.
        served: opens a model behind a server to be asked; None knows none.
    """

    db: Database
    encoders: Encoders
    models: Path
    between: Callable[[], None] = no_pause
    progress: Callable[[int, int], None] | None = None
    served: Callable[[ModelChoice], LabelModel] | None = None

    def embed(self, texts: Sequence[str], choice: EncoderChoice) -> tuple[Vectors, str]:
        """Embeddings, (texts, size), and the encoder's fingerprint."""
        encoder = self.encoders.encoder(choice)
        vectors = embedded(self.db, encoder, texts, between=self.between, progress=self.progress)
        return vectors, encoder.fingerprint

    def label_model(self, choice: ModelChoice) -> LabelModel:
        """The language model that is asked for labels.

        Raises:
            BackendFailed: it is not to be had.
            BadInput: it is of a kind that can't be asked.
        """
        if choice.backend != "local":
            if self.served is None:
                raise BadInput(
                    "A model behind a server can't be asked for labels here.",
                    "Ask a local one, or use python -m core classify.",
                )
            return self.served(choice)
        from core.classification.llm.phrase_scorer import load_scorer

        return ScoredLabels(load_scorer(choice, models=self.models))
