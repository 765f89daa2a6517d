"""The data card: counts by hand, and names that Markdown would obey."""

import json

from core.domain.serialization import to_json
from core.domain.tasks import Label, Task
from core.interventions.card import DataCard, card_markdown, data_card
from core.store.interventions.versions import VersionRecord, VersionRow

TASK = Task("Reviews", "movie review", (Label("pos", "a good review"), Label("neg", "a bad one")))
ROWS = [
    VersionRow("1", "pos"),
    VersionRow("2", "neg", "neg", 0.9),
    VersionRow("3", "neg", None, None, "neg", "Ann"),
    VersionRow("4", "pos", None, None, "pos", "oracle"),
    VersionRow("5", "pos", in_scope=False, kept=False),
]
LINEAGE = [
    VersionRecord("v1", "r", None, "raw", "Raw", {}, {}, 0.0),
    VersionRecord("v2", "r", "v1", "lr", "My repair", {"weight": 0.3, "seed": 0}, {}, 1.0),
]


def card(name: str = "Mine", task: Task | None = TASK, **more: object) -> DataCard:
    return data_card(
        **{
            "name": name,
            "task": task,
            "generation": {"condition": {"temperature": 0.9}, "seed": 3},
            "lineage": LINEAGE,
            "rows": ROWS,
            "specified": ["pos", "pos", "pos", "pos", "pos"],
            "measures": {"label_accuracy": {"before": 0.5, "after": None}},
            "made": "2026-01-02",
            **more,
        }  # type: ignore[arg-type]
    )


def test_the_counts() -> None:
    found = to_json(card())
    assert json.loads(json.dumps(found)) == found
    assert found["task"] == to_json(TASK)
    assert found["texts"] == {"n": 4, "removed": 1, "per_label": {"pos": 2, "neg": 2}}
    assert found["edits"] == {
        "inspected": 2,
        "inspected_by_people": 1,
        "inspected_by_machines": 1,
        "annotators": ["Ann", "oracle"],
        "labels_changed": 2,
        "labels_changed_by_judgement": 1,
        "labels_changed_by_proxies": 1,
    }
    assert [step["kind"] for step in found["lineage"]] == ["raw", "lr"]


def test_the_card_as_a_page() -> None:
    page = card_markdown(card())
    for line in (
        "# Mine",
        "Text type: movie review",
        "| pos | a good review | 2 |",
        "4 texts; 1 were removed.",
        "| condition temperature | 0.9 |",
        "1. Label replacement (My repair): weight 0.3, seed 0",
        "| annotators | Ann, oracle |",
        r"| label accuracy before | 0.5 |",
        "| label accuracy after | unknown |",
    ):
        assert line in page.splitlines(), line


def test_texts_of_a_file_have_no_task_nor_run() -> None:
    page = card_markdown(card(task=None, generation=None, lineage=(), measures={}))
    assert "## Generation" not in page
    assert "## Interventions" not in page
    assert "| neg | 2 |" in page.splitlines()


def test_names_are_plain_text_whatever_they_hold() -> None:
    name = "![x](http://evil/x.png) <script> `a` | b\n# head\u202e www.evil.org"
    line = card_markdown(card(name)).splitlines()[0]
    assert line == (r"# \!\[x\](http\://evil/x.png) \<script\> \`a\` \| b \# head www\.evil.org")
