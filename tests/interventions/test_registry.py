"""From a preview to a version, in one step, and only where the run still stands."""

import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from core.diversity.embedding.encoder import EncoderChoice
from core.domain.errors import BadInput, StaleEdit
from core.domain.registries.stages import STAGE, STAGES
from core.domain.serialization import from_json, to_json
from core.interventions.annotators import Consensus
from core.interventions.card import version_card
from core.interventions.previews import (
    BudgetRequest,
    FilterPreview,
    RelabelPreview,
    RelabelRequest,
)
from core.interventions.registry import (
    INTERVENTIONS,
    AcceptedFilter,
    AcceptedLabels,
    Edits,
    Implementation,
    NumberSetting,
    Proposal,
    apply_intervention,
    preview_intervention,
)
from core.interventions.relabelling.relabel import Replacement, relabel_all
from core.interventions.scope_filter import HeldOut, ScopeFilter
from core.interventions.versions import (
    Subject,
    consensus_of_people,
    subject_of,
)
from core.store.database import Database
from core.store.generation.samples import add_samples
from core.store.interventions.judgements import Verdict, add_judgements, judgements_of
from core.store.interventions.versions import head, list_versions, redo, undo, version_rows
from tests.interventions.runs import TASK, Made, make_moods, text_of
from tests.store.making import make_sample


def all_right(made: Made, subject: Subject) -> Replacement:
    ids = subject.dataset.ids
    right = [made.right[key] or "" for key in ids]
    sure = [0.9] * len(ids)
    return relabel_all(subject.dataset.labels, right, label_names=TASK.label_names, confidence=sure)


def accepted(db: Database, made: Made, subject: Subject, ids: set[str]) -> str:
    decision = AcceptedLabels(
        replacement=all_right(made, subject), accepted=ids, spec={"seed": 0}, facts={"x": 1}
    )
    return apply_intervention(db, subject, "lr", decision, who="ada").id


def wrong(made: Made, subject: Subject) -> set[str]:
    pairs = zip(subject.dataset.ids, subject.dataset.labels, strict=True)
    return {key for key, label in pairs if made.right[key] != label}


def test_labels_are_accepted_undone_and_redone(db: Database) -> None:
    made = make_moods(db, each=4)
    subject = subject_of(db, made.run_id, None)
    bad = wrong(made, subject)
    assert len(bad) == 3  # every fourth of twelve
    version_id = accepted(db, made, subject, bad)
    version = head(db, made.run_id)
    assert version is not None
    assert version.id == version_id
    assert version.facts["changed"] == 3
    assert version.facts["x"] == 1
    assert (version.facts["n"], version.facts["inspected"]) == (12, 12)
    after = subject_of(db, made.run_id, version_id)
    assert after.dataset.labels == tuple(made.right[key] for key in after.dataset.ids)
    assert tuple(after.specified) == subject.dataset.labels
    # The oracle's judgements are events of the same step, and nobody takes them for a person's.
    events = judgements_of(db, made.run_id)
    assert {(one.who, one.why, one.session) for one in events} == {("oracle", "oracle", version_id)}
    assert len(events) == 12
    assert consensus_of_people(db, made.run_id) == {}
    before = undo(db, made.run_id, who="ada", seen=version_id)
    assert subject_of(db, made.run_id, before.id).dataset.labels == subject.dataset.labels
    assert redo(db, made.run_id, who="ada", seen=before.id).id == version_id


def test_only_what_is_accepted_changes(db: Database) -> None:
    made = make_moods(db, each=4)
    subject = subject_of(db, made.run_id, None)
    one = min(wrong(made, subject))
    version_id = accepted(db, made, subject, {one})
    rows = {row.sample_id: row for row in version_rows(db, version_id)}
    old = dict(zip(subject.dataset.ids, subject.dataset.labels, strict=True))
    assert [key for key in rows if rows[key].label != old[key]] == [one]
    assert rows[one].confidence == 0.9
    assert all(row.human_label == made.right[key] for key, row in rows.items())


def test_a_preview_of_another_version_is_refused(db: Database) -> None:
    made = make_moods(db, each=4)
    subject = subject_of(db, made.run_id, None)
    bad = wrong(made, subject)
    accepted(db, made, subject, bad)
    with pytest.raises(StaleEdit, match="stands at another version"):
        accepted(db, made, subject, bad)
    assert len(list_versions(db, made.run_id)) == 2
    assert len(judgements_of(db, made.run_id)) == 12


def test_a_run_that_grew_is_refused(db: Database) -> None:
    made = make_moods(db, each=4)
    subject = subject_of(db, made.run_id, None)
    add_samples(db, [make_sample(made.run_id, 12, text=text_of("joy", 50), label="joy")])
    with pytest.raises(StaleEdit, match="more texts"):
        accepted(db, made, subject, wrong(made, subject))
    assert list_versions(db, made.run_id) == []
    assert judgements_of(db, made.run_id) == []


def test_nothing_accepted_changes_nothing(db: Database) -> None:
    made = make_moods(db, each=4)
    with pytest.raises(BadInput, match="No change was accepted"):
        accepted(db, made, subject_of(db, made.run_id, None), set())
    assert list_versions(db, made.run_id) == []


def scope_of(confidence: list[float], judged: dict[int, bool]) -> ScopeFilter:
    split = HeldOut((0.2, 0.8), (False, True))
    return ScopeFilter(np.array(confidence), judged, (split, split))


def test_what_is_out_of_scope_leaves_and_comes_back(db: Database) -> None:
    made = make_moods(db, each=2)
    subject = subject_of(db, made.run_id, None)
    ids = subject.dataset.ids
    scope = scope_of([0.9, 0.8, 0.7, 0.4, 0.9, 0.1], {0: False, 5: True})
    decision = AcceptedFilter(scope=scope, threshold=0.5, by={ids[0]: "bo"})
    version = apply_intervention(db, subject, "oosf", decision, who="ada")
    after = subject_of(db, made.run_id, version.id)
    assert after.dataset.ids == (ids[1], ids[2], ids[4], ids[5])
    assert version.facts["removed"] == 2
    assert version.spec["threshold"] == 0.5
    assert version.facts["quality"]["recall"]["mean"] == 1.0
    rows = {row.sample_id: row for row in after.rows}
    assert (rows[ids[0]].who, rows[ids[0]].kept, rows[ids[3]].who) == ("bo", False, None)
    # Relabelling what is left keeps what went where it is; a person brings it back.
    bad = wrong(made, after)
    accepted(db, made, after, bad)
    now = head(db, made.run_id)
    assert now is not None
    back = subject_of(db, made.run_id, now.id)
    edits = Edits(labels={ids[1]: "joy"}, scopes={ids[0]: True}, who="ada")
    edit = apply_intervention(db, back, "manual", edits, who="ada")
    assert (edit.facts["brought_back"], edit.facts["removed"]) == (1, 0)
    last = subject_of(db, made.run_id, edit.id)
    assert ids[0] in last.dataset.ids
    assert ids[3] not in last.dataset.ids


@pytest.mark.parametrize(("threshold", "message"), [(0.0, "No text would"), (1.0, "Every text")])
def test_a_filter_that_takes_none_or_all_is_refused(
    db: Database, threshold: float, message: str
) -> None:
    made = make_moods(db, each=2)
    subject = subject_of(db, made.run_id, None)
    scope = scope_of([0.5] * 6, {})
    decision = AcceptedFilter(scope=scope, threshold=threshold)
    with pytest.raises(BadInput, match=message):
        apply_intervention(db, subject, "oosf", decision, who="ada")
    assert list_versions(db, made.run_id) == []


def test_an_edit_of_nothing_is_refused(db: Database) -> None:
    made = make_moods(db, each=2)
    subject = subject_of(db, made.run_id, None)
    first = subject.rows[0]
    edits = Edits(labels={first.sample_id: first.label}, who="ada")
    with pytest.raises(BadInput, match="are so already"):
        apply_intervention(db, subject, "manual", edits, who="ada")
    assert list_versions(db, made.run_id) == []


def keep_first(subject: Subject, settings: Mapping[str, float]) -> Proposal:
    rows = [
        replace(row, kept=row.kept and place < settings["n"])
        for place, row in enumerate(subject.rows)
    ]
    return Proposal(rows=rows, spec=dict(settings))


def test_a_new_kind_is_previewed_and_applied(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    setting = NumberSetting(name="n", title="Texts", low=0, high=9, default=4)
    new = Implementation(propose=keep_first, settings=(setting,))
    monkeypatch.setitem(INTERVENTIONS, "first", new)
    stage = replace(STAGES[-1], kind="first", title="First texts")
    monkeypatch.setitem(STAGE, "first", stage)  # type: ignore[arg-type]
    made = make_moods(db, each=2)
    subject = subject_of(db, made.run_id, None)
    assert preview_intervention(subject, "first", {"n": 4}).facts["removed"] == 2
    for n, message in ((0, "Every text"), (6, "are so already")):
        with pytest.raises(BadInput, match=message):
            apply_intervention(db, subject, "first", {"n": n}, who="ada")
    version = apply_intervention(db, subject, "first", {"n": 4}, who="ada")
    assert (version.kind, version.name, version.spec) == ("first", "First texts", {"n": 4})
    assert len(subject_of(db, made.run_id, version.id).dataset) == 4
    assert head(db, made.run_id) == version


def test_results_survive_json() -> None:
    replacement = Replacement(
        ("a", "b"),
        ("a", "b", "a"),
        ("b", "b", "a"),
        ("b", None, None),
        ("b", "b", "a"),
        (None, 0.123456, 1.0),
        ("Why.",),
    )
    preview = RelabelPreview.of(replacement, ids=("1", "2", "3"), seen=4, encoder="e")
    again = from_json(RelabelPreview, json.loads(json.dumps(to_json(preview))))
    assert again == preview
    kept = again.replacement
    assert kept.confidence == (None, 0.12346, 1.0)
    assert (kept.old, kept.new, kept.judged) == (
        replacement.old,
        replacement.new,
        replacement.judged,
    )
    assert (kept.proxy, kept.explanations) == (replacement.proxy, ("Why.",))
    scope = scope_of([0.25, 0.75], {1: False})
    learned = FilterPreview.of(scope, ids=("1", "2"), seen=4, encoder="e")
    stored = from_json(FilterPreview, json.loads(json.dumps(to_json(learned))))
    assert stored == learned
    assert stored.scope.going() == scope.going() == [0, 1]
    assert stored.scope.quality() == scope.quality()


def test_requests_out_of_range_are_refused() -> None:
    good = {"n": 10, "encoder": EncoderChoice(), "annotator": "oracle", "reference": "r"}
    request = RelabelRequest(**good)
    assert from_json(RelabelRequest, to_json(request)) == request
    for bad in (
        {"reference": None},
        {"inspect": 11},
        {"inspect": 1},
        {"weight": 1.1},
        {"seed": -1},
    ):
        with pytest.raises(BadInput):
            RelabelRequest(**{**good, **bad})
    with pytest.raises(BadInput):
        BudgetRequest(**{**good, "error_rate": -0.1})


def test_the_card_of_a_version_leaks_no_seed_text(db: Database) -> None:
    made = make_moods(db, each=4)
    subject = subject_of(db, made.run_id, None)
    version_id = accepted(db, made, subject, wrong(made, subject))
    after = subject_of(db, made.run_id, version_id)
    card = version_card(db, after, measures={"x": 1}, made="today")
    assert card.texts.n == 12
    assert card.edits.labels_changed == 3
    assert card.edits.inspected_by_machines == 12
    assert [step.kind for step in card.lineage] == ["raw", "lr"]
    assert card.generation is not None
    assert card.generation["seed_examples"] == 0


def test_what_people_said_stands_beside_the_oracle(db: Database) -> None:
    made = make_moods(db, each=2)
    key = next(iter(made.right))
    add_judgements(db, made.run_id, [Verdict(key, "joy")], who="oracle", why="oracle")
    add_judgements(db, made.run_id, [Verdict(key, "calm")], who="ada", why="bulk")
    assert consensus_of_people(db, made.run_id)[key].label == "calm"


def other_label(label: str) -> str:
    return next(name for name in TASK.label_names if name != label)


def test_a_person_wins_over_the_oracle(db: Database) -> None:
    made = make_moods(db, each=4)
    subject = subject_of(db, made.run_id, None)
    old = dict(zip(subject.dataset.ids, subject.dataset.labels, strict=True))
    # Of four texts a person says otherwise than both the run and the oracle.
    said = {
        key: next(n for n in TASK.label_names if n not in (old[key], made.right[key]))
        for key in subject.dataset.ids[:4]
    }
    verdicts = [Verdict(key, label) for key, label in said.items()]
    add_judgements(db, made.run_id, verdicts, who="bo", why="uncertain", session="s")
    # The preview is older than the judgements, and none of the four is among what was accepted.
    subject = subject_of(db, made.run_id, None)
    version_id = accepted(db, made, subject, wrong(made, subject) - set(said))
    rows = {row.sample_id: row for row in version_rows(db, version_id)}
    assert {key: rows[key].label for key in said} == said
    assert {(rows[key].human_label, rows[key].who) for key in said} == {
        (label, "bo") for label in said.values()
    }
    assert {row.who for key, row in rows.items() if key not in said} == {"oracle"}
    by_oracle = {j.verdict.sample_id for j in judgements_of(db, made.run_id) if j.who == "oracle"}
    assert by_oracle == set(rows) - set(said)


def test_the_audit_set_keeps_people_labels_and_measures_the_repair(db: Database) -> None:
    made = make_moods(db, each=4)
    subject = subject_of(db, made.run_id, None)
    ids = subject.dataset.ids
    bad = sorted(wrong(made, subject), key=ids.index)
    # Of three wrong texts Bo says what is right. A repair mends two, one of them not surely.
    add_judgements(
        db, made.run_id, [Verdict(key, made.right[key]) for key in bad], who="bo", why="audit"
    )
    subject = subject_of(db, made.run_id, None)
    audit = subject.accuracy_by_people(audit=True)
    assert audit is not None
    assert (audit.overall.hits, audit.overall.n) == (0, 3)
    proposed = [
        made.right[key] if key in bad[:2] else old
        for key, old in zip(ids, subject.dataset.labels, strict=True)
    ]
    replacement = relabel_all(
        subject.dataset.labels,
        proposed,
        label_names=TASK.label_names,
        confidence=[0.6 if key == bad[1] else 0.9 for key in ids],
    )
    decision = AcceptedLabels(replacement=replacement, accepted={bad[0]})
    version = apply_intervention(db, subject, "lr", decision, who="ada")
    after = subject_of(db, made.run_id, version.id)
    rows = {row.sample_id: row for row in after.rows}
    assert version.facts["changed"] == 3
    assert {(rows[key].label, rows[key].who) for key in bad} == {
        (made.right[key], "bo") for key in bad
    }
    # The repair's own labels are measured: one of three, as one change of its two was accepted.
    assert [rows[key].proposed_label for key in bad] == [
        None,
        *(subject.dataset.labels[ids.index(key)] for key in bad[1:]),
    ]
    audit = after.accuracy_by_people(audit=True)
    assert audit is not None
    assert (audit.overall.hits, audit.overall.n) == (1, 3)
    # The next repair works on its own labels, and the person's stay.
    again = relabel_all(after.proposed_labels, after.proposed_labels, label_names=TASK.label_names)
    assert after.overrule(again).new == after.dataset.labels
    assert after.overrule(again).changed == ()


def test_what_was_judged_since_the_page_was_drawn_wins(db: Database) -> None:
    made = make_moods(db, each=4)
    subject = subject_of(db, made.run_id, None)
    bad = min(wrong(made, subject))
    old = dict(zip(subject.dataset.ids, subject.dataset.labels, strict=True))
    add_judgements(db, made.run_id, [Verdict(bad, old[bad])], who="bo", why="bulk")
    version_id = accepted(db, made, subject, wrong(made, subject))
    row = {row.sample_id: row for row in version_rows(db, version_id)}[bad]
    assert (row.label, row.who, row.proposed_label) == (old[bad], "bo", made.right[bad])


def test_a_label_that_the_task_lost_overrules_nothing(db: Database) -> None:
    made = make_moods(db, each=4)
    subject = subject_of(db, made.run_id, None)
    key = subject.dataset.ids[0]
    subject = replace(subject, people={key: Consensus("lost", None, "bo", False)})
    assert subject.labels_of_people == {}
    assert "bo" not in subject.annotators("oracle").values()


def test_an_edit_by_hand_stands_when_the_oracle_relabels(db: Database) -> None:
    made = make_moods(db, each=4)
    subject = subject_of(db, made.run_id, None)
    key = next(key for key in subject.dataset.ids if key not in wrong(made, subject))
    label = other_label(made.right[key] or "")
    edits = Edits(labels={key: label}, who="bo")
    record = apply_intervention(db, subject, "manual", edits, who="bo")
    subject = subject_of(db, made.run_id, record.id)
    version_id = accepted(db, made, subject, wrong(made, subject) - {key})
    row = {row.sample_id: row for row in version_rows(db, version_id)}[key]
    assert (row.label, row.human_label, row.who) == (label, label, "bo")


def test_nobody_is_named_for_a_label_of_the_oracle(db: Database) -> None:
    made = make_moods(db, each=4)
    subject = subject_of(db, made.run_id, None)
    version_id = accepted(db, made, subject, wrong(made, subject))
    subject = subject_of(db, made.run_id, version_id)
    scope = scope_of([0.1, *[0.9] * 11], {0: False, 1: True})
    by = dict.fromkeys(subject.dataset.ids[:2], "bo")
    decision = AcceptedFilter(scope=scope, threshold=0.5, by=by)
    record = apply_intervention(db, subject, "oosf", decision, who="bo")
    subject = subject_of(db, made.run_id, record.id)
    key = subject.dataset.ids[0]
    edits = Edits(scopes={key: False}, who="bo")
    record = apply_intervention(db, subject, "manual", edits, who="bo")
    assert {row.who for row in version_rows(db, record.id)} == {"oracle"}
