"""What the worker keeps loaded for its jobs: the one model, encoder, map and so on."""

import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from core.domain.settings import Home
from core.files.hub import fetch_dataset
from core.generation.servers.keys import key_of
from core.store.database import Database, open_database

if TYPE_CHECKING:
    from core.classification.trained import ClassifierCache
    from core.diversity.map.umap import MapCache
    from core.diversity.measures.live import Encoders
    from core.generation.local.backend import ModelCache
    from core.jobs.context import JobContext
    from core.services.generate import Models
    from core.services.knob_lab import Lab
    from core.services.servers.served_models import ServedLabelModel


class WorkerTools:
    """Opens models when a job needs them, and keeps them; heavy modules are imported then.

    Args:
        home: where the store and converted models lie.
        models: opens language models; None opens real ones, as for all of these.
        encoders: opens encoders.
        maps: fits maps.
        timer: monotonic seconds.

    Attributes:
        model_is_needed: the loaded language model belongs to the job that runs.
        fetch_dataset: fetches a dataset of the Hugging Face hub.
        find_key: finds the key of a connection.
    """

    def __init__(
        self,
        home: Home,
        *,
        models: "Models | None" = None,
        encoders: "Encoders | None" = None,
        maps: "MapCache | None" = None,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.home = home
        self.timer = timer
        self.model_is_needed = False
        self.fetch_dataset = fetch_dataset
        self.find_key = key_of
        given = {"models": models, "encoders": encoders, "maps": maps}
        # What is given takes the place of the cached properties below.
        self.__dict__.update({name: tool for name, tool in given.items() if tool is not None})

    def open_store(self) -> Database:
        """The store, opened anew; for whoever answers a question beside a running job."""
        return open_database(self.home)

    @cached_property
    def models(self) -> "ModelCache":
        """Opens language models, local and served ones; keeps the one used last."""
        from core.generation.local.backend import ModelCache
        from core.generation.servers.probing.probe import probe
        from core.services.servers.served_models import ServedModels

        served = ServedModels(self.open_store, probe=probe)
        return ModelCache(self.home.models, open_served=served.open)

    @cached_property
    def encoders(self) -> "Encoders":
        """Opens encoders; keeps the one used last."""
        from core.diversity.embedding.loading import EncoderCache

        return EncoderCache(self.home.models)

    @cached_property
    def maps(self) -> "MapCache":
        """Fits maps; keeps the one fitted last."""
        from core.diversity.map.umap import MapCache

        return MapCache(self.home.models / "numba")

    @cached_property
    def classifiers(self) -> "ClassifierCache":
        """Loads trained classifiers; keeps those used last."""
        from core.classification.trained import ClassifierCache

        return ClassifierCache(self.encoders)

    @cached_property
    def lab(self) -> "Lab":
        """Answers the knob lab's questions."""
        from core.services.knob_lab import Lab

        return Lab(self.models, self.home, busy=lambda: self.model_is_needed)

    def label_model_session(self, context: "JobContext") -> "ServedLabelModel":
        """A served model that a job asks for labels, within the job's spending limit."""
        from core.services.servers.served_models import ServedLabelModel

        limit = context.job.cap
        return ServedLabelModel(context.db, self.models.backend, limit=limit, job_id=context.job.id)
