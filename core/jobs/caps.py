"""The cap of a generation: where it is carried, and whether it can be kept."""

from core.connections import Prices
from core.errors import BadInput
from core.runs import ModelChoice, RunSpec
from core.spending import Cap, check_cap
from core.store.connections import find_capabilities, find_connection
from core.store.database import Database


def check_run_cap(db: Database, spec: RunSpec, cap: Cap) -> None:
    """Refuse a cap that can't be kept for a run, before anything is spent.

    Raises:
        BadInput: the model runs on this machine, a price is unknown, or the server reports no
            tokens.
    """
    check_model_cap(db, spec.model, cap)


def check_model_cap(db: Database, model: ModelChoice, cap: Cap) -> None:
    """The same for whatever a model is asked."""
    if not cap.on:
        return
    if model.backend == "local":
        raise BadInput(
            "A cap is for a server's model; one on this machine costs nothing.", "Leave it out."
        )
    connection = find_connection(db, model.base_url)
    probed = find_capabilities(db, model.base_url, model.model)
    check_cap(
        cap,
        prices=Prices() if connection is None else connection.prices,
        usage="unknown" if probed is None else str(probed.result.get("usage", "unknown")),
    )
