"""What `relabel` and `filter` share: what is asked for, and what is stored, written and printed."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Option

from core.cli.app import OptionGroup, Session
from core.cli.lookup import find_dataset
from core.cli.options import ExportOption, JsonOption, check_seed
from core.cli.output import print_json, print_lines
from core.cli.progress import WorkProgress
from core.diversity.embedding.encoder import EncoderChoice
from core.domain.errors import BadInput
from core.files.exports import check_export
from core.interventions.registry import Proposal
from core.interventions.versions import Subject, subject_of_dataset
from core.services.embedding import Embedder
from core.services.interventions import save_version

_WHO = "command line"


@dataclass(frozen=True)
class InterventionOptions(OptionGroup):
    """What an intervention writes."""

    out: ExportOption
    card: Annotated[Path | None, Option(help="Write a data card to FILE.md or FILE.json.")] = None
    as_json: JsonOption = False
    seed: Annotated[int, Option(help="Seed of every random draw and of training.")] = 0

    def check(self) -> None:
        """See that everything can be written, before anything is spent.

        Raises:
            BadInput: it can't, or the seed is negative.
        """
        check_export(self.out)
        if self.card is not None:
            if self.card.suffix.lower() not in (".md", ".json"):
                raise BadInput(
                    f"The card '{self.card.name}' is neither .md nor .json.", "Rename it."
                )
            check_export(self.card.with_suffix(".jsonl"))  # the folder is what counts
        check_seed(self.seed)


def find_subject(session: Session, source: str) -> Subject:
    """The texts that a person means.

    Raises:
        BadInput: there are none.
    """
    return subject_of_dataset(session.db, find_dataset(session.db, source))


@contextmanager
def embedder(session: Session) -> Iterator[Embedder]:
    """Embeds texts by the embedded encoder, with progress on standard error."""
    with WorkProgress(sys.stderr) as progress:
        yield Embedder(session.db, session.tools.encoders, EncoderChoice(), progress)


def finish_intervention(
    session: Session,
    options: InterventionOptions,
    subject: Subject,
    kind: str,
    proposal: Proposal,
    lines: Sequence[str],
    *,
    store: bool = True,
) -> None:
    """Store the version of a run, write the files, and print what came of it.

    Args:
        session: has the store.
        options: what is written.
        subject: what the version derives from.
        kind: the intervention.
        proposal: the version.
        lines: what came of it, in words.
        store: see `save_version`.
    """
    version_id = save_version(
        session.db,
        subject,
        kind,
        proposal,
        who=_WHO,
        out=options.out,
        card=options.card,
        store=store,
    )
    if options.as_json:
        names = {"source": subject.dataset.name, "version": version_id, "out": str(options.out)}
        print_json({**proposal.facts, **proposal.spec, **names})
        return
    kept = sum(row.kept for row in proposal.rows)
    stored = "" if version_id is None else f" Stored as version:{version_id}."
    print_lines(*lines, f"Wrote {kept} texts to {options.out}.{stored}")
