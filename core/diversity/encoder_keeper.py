"""Keeps the encoder that was used last, so that the next texts are embedded at once."""

from pathlib import Path

from core.diversity.encoder import Encoder, EncoderChoice
from core.diversity.encoder_loading import load_encoder


class EncoderKeeper:
    """Loads encoders and keeps the last one.

    Args:
        models: folder of converted models.
    """

    def __init__(self, models: Path) -> None:
        self._models = models
        self._choice: EncoderChoice | None = None
        self._encoder: Encoder | None = None

    def kept(self, choice: EncoderChoice) -> Encoder | None:
        """The encoder of that choice if it is loaded already."""
        return self._encoder if choice == self._choice else None

    def encoder(self, choice: EncoderChoice) -> Encoder:
        """An encoder, loaded unless it is kept.

        Raises:
            BackendFailed: it is not to be had.
        """
        kept = self.kept(choice)
        if kept is not None:
            return kept
        # Free the old one before the new one comes.
        self._choice, self._encoder = None, None
        encoder = load_encoder(choice, models=self._models)
        self._choice, self._encoder = choice, encoder
        return encoder
