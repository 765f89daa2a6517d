"""`measure`: how diverse texts are, from a file or a run."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from typer import Option

from core.cli.app import App, OptionGroup, Session
from core.cli.options import ColumnOptions, JsonOption, SourceArgument, check_seed
from core.cli.output import one_line, print_json, table
from core.cli.progress import WorkProgress
from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.measures.fluency import GIBBERISH
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.domain.metrics import MEASURED, Metric
from core.domain.runs import Device
from core.domain.wording import counted
from core.services.measure import measure as measure_texts
from core.store.database import Database

_BULKY = ("texts", "pairs")
_LEFT_OUT = "reference_distance"  # 1 minus the similarity: one of them per label is enough
_SHARES = ("exact_duplicates", "near_duplicates")

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
        measurement = measure_texts(
            db,
            dataset,
            encoder.choice(),
            encoders=session.encoders,
            reference=real,
            seed=seed,
            progress=progress,
        )
    result = measurement.result.to_dict()
    if as_json:
        print_json({k: v for k, v in result.items() if texts or k not in _BULKY})
    else:
        print(in_words(result))


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


def in_words(result: Mapping[str, Any]) -> str:
    """A result as text: a table of all texts, one by label, and what to mind."""
    heads = ("", "value", "95% interval", "texts", "direction")
    parts = [
        one_line(
            f"{result['name']}: {counted(result['n'], 'text')}. Encoder: {result['encoder']}; "
            f"{result['distance']} distance."
        ),
        table([heads, *_rows(result)], left=(0, 4)),
    ]
    if len(result["labels"]) > 1:
        parts.append(_table_by_label(result))
    if result["openings"]:
        openings = ", ".join(f'"{o["words"]}" {o["share"]:.1%}' for o in result["openings"][:5])
        parts.append(one_line(f"Commonest openings: {openings}."))
    return "\n\n".join([*parts, "\n".join(_notes(result))]).rstrip()


def _rows(result: Mapping[str, Any]) -> list[list[str]]:
    rows = []
    for metric in MEASURED:
        entry = result.get(metric.name)
        if entry is None or metric.field is None:
            continue
        title = metric.title
        if metric.name == "near_duplicates":
            title += f" (within {entry['threshold']})"
        direction = metric.direction + (" *" if metric.grows_with_n else "")
        rows.append([title, _value(metric, entry), _interval(entry), f"{entry['n']:,}", direction])
    return rows


def _table_by_label(result: Mapping[str, Any]) -> str:
    shown = [
        metric
        for metric in MEASURED
        if metric.by_label and metric.field and metric.name in result and metric.name != _LEFT_OUT
    ]
    rows = [["label", "texts", *(metric.name.replace("_", " ") for metric in shown)]]
    for name, n in result["labels"].items():
        cells = [_with_interval(m, result[m.name]["per_label"][name]) for m in shown]
        rows.append([name, f"{n:,}", *cells])
    return table(rows)


def _value(metric: Metric, entry: Mapping[str, Any]) -> str:
    value = entry[metric.field or "value"]
    if value is None:
        return "-"
    if metric.name in _SHARES:
        return f"{value:.1%}"
    if metric.name == "fluency":
        return f"{value:.2f}" + (f" ± {entry['sd']:.2f}" if entry["sd"] is not None else "")
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.1f}"


def _with_interval(metric: Metric, entry: Mapping[str, Any]) -> str:
    ends = "" if entry.get("low") is None else f" [{entry['low']:.3f}, {entry['high']:.3f}]"
    return _value(metric, entry) + ends


def _interval(entry: Mapping[str, Any]) -> str:
    if entry.get("low") is None:
        return ""
    return f"{entry['low']:.4f} to {entry['high']:.4f}"


def _notes(result: Mapping[str, Any]) -> list[str]:
    notes = ["* depends on the number of texts: compare datasets of equal size only."]
    if "interval" in result["remote_clique"]:
        notes.append(f"Interval of Remote-Clique: {result['remote_clique']['interval']}.")
    if result["self_bleu"]["sampled"]:
        notes.append(f"Self-BLEU is of {result['self_bleu']['n']:,} texts, drawn at random.")
    if "reference" in result:
        notes += _comparison(result)
    for metric in MEASURED:
        entry = result.get(metric.name)
        if isinstance(entry, Mapping) and entry.get("why"):
            notes.append(f"{metric.title}: {entry['why']}")
    fluency = result["fluency"]["mean"]
    if fluency is not None and fluency <= GIBBERISH:
        notes.append(
            f"A fluency of {fluency:.1f} per token is that of gibberish, which lies far from "
            "everything: read the texts before trusting a score."
        )
    return [one_line(note) for note in notes]


def _comparison(result: Mapping[str, Any]) -> list[str]:
    real, matched = result["reference"], result["size_matched"]
    clique = real["remote_clique"]
    notes = []
    if clique["value"] is not None:
        notes.append(
            f"Reference {real['name']}: {real['n']:,} texts, its own Remote-Clique is "
            f"{_value_and_interval(clique)}."
        )
    if real["n"] != result["n"] and matched["dataset"]["value"] is not None:
        notes.append(
            f"The two differ in size; at {matched['n']:,} texts each, Remote-Clique is "
            f"{_value_and_interval(matched['dataset'])} here and "
            f"{_value_and_interval(matched['reference'])} in the reference."
        )
    missing = [
        name
        for name, similarity in result["similarity"]["per_label"].items()
        if similarity["value"] is None and result["labels"][name]
    ]
    if missing:
        notes.append(f"The reference has no texts of: {', '.join(missing)}.")
    return notes


def _value_and_interval(entry: Mapping[str, Any]) -> str:
    interval = _interval(entry)
    return f"{entry['value']:.4f}" + (f" ({interval})" if interval else "")
