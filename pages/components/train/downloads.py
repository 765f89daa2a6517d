"""A row of the ladder to take away: predictions, the trained model; or to take off the ladder."""

import io

import streamlit as st

from core.classification.package import packed
from core.classification.trained import best_seed, folder_of
from core.exports import export_table
from core.store.trainings import training_folder
from pages.components.office import Office
from pages.components.train.answers import answers_frame, answers_of
from pages.components.train.entries import Entry
from pages.components.train.going import remove


def show_downloads(office: Office, entry: Entry) -> None:
    """Draw the buttons."""
    db, record = office.db, entry.record

    def predictions() -> io.BytesIO:
        result = entry.result
        frame = answers_frame(answers_of(db, entry), result["label_names"], result["seeds"])
        rows = frame.to_dict("records")
        return io.BytesIO(export_table(rows, columns=[str(name) for name in frame], format="csv"))

    st.download_button(
        "Predictions",
        predictions,
        file_name=f"wideset-predictions-{record.id}.csv",
        icon=":material/download:",
        on_click="ignore",
        key="train_predictions",
        help="Every test text, its label and what each repeat said, as CSV.",
    )
    if entry.trained:
        seed = best_seed(entry.result)
        folder = folder_of(training_folder(office.home, record.id), record.spec["kind"], seed)
        st.download_button(
            "Trained model",
            lambda: packed(folder, f"wideset-{record.id}", entry.result),
            file_name=f"wideset-{record.id}.zip",
            icon=":material/folder_zip:",
            on_click="ignore",
            key="train_model_zip",
            disabled=not folder.is_dir(),
            help=f"Of the repeat that was best on its own held-out texts (seed {seed}), as ZIP. "
            + (
                "AutoModelForSequenceClassification.from_pretrained loads it."
                if record.spec["kind"] == "fine-tuning"
                else "Weights and bias as safetensors, for embeddings of length 1."
            ),
        )
    st.button(
        "Remove",
        icon=":material/delete:",
        type="tertiary",
        key="train_remove",
        help="Takes the row off the ladder; undo brings it back.",
        on_click=remove,
        args=(office, record.id),
    )
