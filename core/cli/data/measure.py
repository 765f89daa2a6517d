"""`measure`: how diverse texts are, from a file or a run."""

import sys
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from typer import Option

from core.cli.app import App, OptionGroup, Session
from core.cli.options import ColumnOptions, JsonOption, SourceArgument, check_seed
from core.cli.output import one_line, print_json, table
from core.cli.progress import WorkProgress
from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.measures.fluency import GIBBERISH
from core.diversity.measures.results import Measurement, MeasureResult
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.domain.registries.metrics import MEASURED, Metric
from core.domain.runs import Device
from core.domain.wording import counted, percent
from core.services.measure import measure as measure_dataset
from core.store.database import Database

_BULKY = ("texts", "pairs")
_LEFT_OUT = "reference_distance"  # 1 minus the similarity: one of them per label is enough

app = App()


@dataclass(frozen=True)
class EncoderOptions(OptionGroup):
    """Which encoder embeds the texts."""

    panel = "Encoder"

    encoder: Annotated[
        str,
        Option(metavar="ID", help="embedded (all-MiniLM-L6-v2), a Hugging Face id or a folder."),
    ] = "embedded"
    pooling: Annotated[
        Literal["mean", "cls"], Option(help="How tokens become a text's vector.")
    ] = "mean"
    device: Annotated[Device, Option(help="Where the encoder runs.")] = "auto"

    def choice(self) -> EncoderChoice:
        """The encoder that the options name."""
        return EncoderChoice(self.encoder, self.pooling, self.device)


@app.add(epilog="Example: python -m core measure reviews.jsonl --reference real.csv")
def measure(
    session: Session,
    source: SourceArgument,
    columns: ColumnOptions,
    encoder: EncoderOptions,
    reference: Annotated[
        str | None, Option(metavar="FILE", help="Real texts to compare with; named likewise.")
    ] = None,
    label: Annotated[
        str | None, Option(metavar="NAME", help="Measure the texts of this label only.")
    ] = None,
    seed: Annotated[int, Option(help="Seed of resamples and samples.")] = 0,
    as_json: JsonOption = False,
    texts: Annotated[
        bool, Option("--texts", help="With --json: the measures of each text, too.")
    ] = False,
) -> None:
    """Measure how diverse texts are, all together and per label, and how near they are to real
    ones. Each vector is computed once for an encoder and kept in the store.
    """
    # Nine parameters: the options of the command.
    check_seed(seed)
    db = session.db
    dataset = _dataset(db, source, columns, label)
    real = None if reference is None else _dataset(db, reference, columns, label)
    if real is not None and not set(real.labels) & set(dataset.labels):
        raise BadInput(
            f"The reference's labels ({_labels_of(real)}) are none of the dataset's "
            f"({_labels_of(dataset)}).",
            "Name the labels alike in both.",
        )
    with WorkProgress(sys.stderr) as progress:
        result = measure_dataset(
            db,
            dataset,
            encoder.choice(),
            encoders=session.tools.encoders,
            reference=real,
            seed=seed,
            progress=progress,
        )
    if as_json:
        data = result.to_dict()
        print_json({key: data[key] for key in data if texts or key not in _BULKY})
    else:
        print(_in_words(result))


def _dataset(db: Database, wanted: str, columns: ColumnOptions, label: str | None) -> Dataset:
    """The texts that a person means; of one label if it is named.

    Raises:
        BadInput: there are none such, or the file is refused.
    """
    dataset = columns.find_dataset(db, wanted)
    if label is None:
        return dataset
    rows = dict(dataset.rows_by_label()).get(label)
    if rows is None:
        raise BadInput(
            f"{dataset.name} has no text with the label '{label}'.",
            f"Its labels are {_labels_of(dataset)}.",
        )
    taken = dataset.take([int(row) for row in rows])
    return replace(taken, name=f"{dataset.name}, {label}", label_names=(label,))


def _labels_of(dataset: Dataset) -> str:
    names = [name for name, _ in dataset.rows_by_label()]
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "") or "none"


def _in_words(result: MeasureResult) -> str:
    """A result as text: a table of all texts, one by label, and what to mind."""
    parts = [
        one_line(
            f"{result.name}: {counted(result.n, 'text')}. Encoder: {result.encoder}; cosine "
            "distance."
        ),
        _table_of_all(result),
    ]
    if len(result.labels) > 1:
        parts.append(_table_by_label(result))
    if result.openings:
        openings = ", ".join(f'"{o.words}" {percent(o.share)}' for o in result.openings[:5])
        parts.append(one_line(f"Commonest openings: {openings}."))
    return "\n\n".join([*parts, "\n".join(map(one_line, _notes(result)))]).rstrip()


def _table_of_all(result: MeasureResult) -> str:
    rows = [["", "value", "95% interval", "texts", "direction"]]
    for metric in MEASURED:
        own = result.measurements.get(metric.name)
        if own is None:
            continue
        title = metric.title
        if "threshold" in own.details:
            title += f" (within {own.details['threshold']})"
        interval = "" if own.low is None else f"{own.low:.4f} to {own.high:.4f}"
        direction = metric.direction + (" *" if metric.grows_with_n else "")
        rows.append([title, _value(metric, own), interval, f"{own.n:,}", direction])
    return table(rows, left=(0, 4))


def _table_by_label(result: MeasureResult) -> str:
    shown = [m for m in MEASURED if m.name in result.measurements and m.name != _LEFT_OUT]
    rows = [["label", "texts", *(metric.name.replace("_", " ") for metric in shown)]]
    for label, n in result.labels.items():
        cells = []
        for metric in shown:
            own = (result.measurements[metric.name].per_label or {})[label]
            ends = "" if own.low is None else f" [{own.low:.3f}, {own.high:.3f}]"
            cells.append(_value(metric, own) + ends)
        rows.append([label, f"{n:,}", *cells])
    return table(rows)


def _value(metric: Metric, own: Measurement) -> str:
    value = own.value
    if value is None:
        return "-"
    if metric.unit == "share":
        return metric.words(value)
    if own.details.get("sd") is not None:
        return f"{value:.2f} ± {own.details['sd']:.2f}"
    if metric.digits == 2:
        return f"{value:.2f}"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.1f}"


def _notes(result: MeasureResult) -> list[str]:
    measurements = result.measurements
    clique, bleu = measurements["remote_clique"], measurements["self_bleu"]
    notes = ["* depends on the number of texts: compare datasets of equal size only."]
    if "interval" in clique.details:
        notes.append(f"Interval of Remote-Clique: {clique.details['interval']}.")
    if bleu.details["sampled"]:
        notes.append(f"Self-BLEU is of {bleu.n:,} texts, drawn at random.")
    whys = {name: own.why for name, own in measurements.items()}
    whys |= {"vocabulary": result.vocabulary.why, "curve": result.curve.why}
    if result.reference is not None:
        notes += _comparison(result)
        whys["size_matched"] = result.reference.size_matched.why
    notes += [f"{m.title}: {whys[m.name]}" for m in MEASURED if whys.get(m.name)]
    fluency = measurements["fluency"].value
    if fluency is not None and fluency <= GIBBERISH:
        notes.append(
            f"A fluency of {fluency:.1f} per token is that of gibberish, which lies far from "
            "everything: read the texts before trusting a score."
        )
    return notes


def _comparison(result: MeasureResult) -> list[str]:
    real = result.reference
    assert real is not None
    matched = real.size_matched
    notes = []
    if real.remote_clique.value is not None:
        notes.append(
            f"Reference {real.name}: {real.n:,} texts, its own Remote-Clique is "
            f"{_with_interval(real.remote_clique)}."
        )
    if real.n != result.n and matched.dataset.value is not None:
        notes.append(
            f"The two differ in size; at {matched.n:,} texts each, Remote-Clique is "
            f"{_with_interval(matched.dataset)} here and "
            f"{_with_interval(matched.reference)} in the reference."
        )
    by_label = result.measurements["similarity"].per_label or {}
    missing = [name for name, own in by_label.items() if own.value is None and result.labels[name]]
    if missing:
        notes.append(f"The reference has no texts of: {', '.join(missing)}.")
    return notes


def _with_interval(own: Measurement) -> str:
    interval = "" if own.low is None else f" ({own.low:.4f} to {own.high:.4f})"
    return f"{own.value:.4f}{interval}"
