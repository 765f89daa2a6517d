import sqlite3
import struct
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.conditions import Condition
from core.domain.errors import StoreFull
from core.domain.runs import FinishedRound, Sample
from core.domain.settings import Home
from core.store.database import Database, open_database
from core.store.generation.rounds import finish_round, rounds_of
from core.store.generation.runs import create_run
from core.store.generation.samples import (
    SAMPLE_COLUMNS,
    Counts,
    add_samples,
    counts,
    next_order,
    pack_tokens,
    sample_rows,
    samples_of,
    tokens_by_temperature,
    unpack_tokens,
)
from tests.store.making import make_sample, make_spec


@pytest.fixture
def run_id(db: Database) -> str:
    return create_run(db, make_spec()).id


def test_samples_come_back_exactly(db: Database, run_id: str) -> None:
    given = [
        make_sample(run_id, 0, text="\u202eright to left\u202c\n\ttab", token_ids=()),
        replace(make_sample(run_id, 1), fluency=None, duplicate_of="example:3", outcome="empty"),
    ]
    assert add_samples(db, given) == given
    assert samples_of(db, run_id) == given
    assert add_samples(db, []) == []


def test_a_sample_is_stored_once_and_the_first_stays(db: Database, run_id: str) -> None:
    first = make_sample(run_id, 0, text="first")
    add_samples(db, [first])
    again = replace(first, text="second", id="another", order=9)
    third = make_sample(run_id, 1)
    assert add_samples(db, [again, third]) == [third]
    assert samples_of(db, run_id) == [first, third]


def test_another_samples_id_or_place_is_refused_whole(db: Database, run_id: str) -> None:
    first = make_sample(run_id, 0)
    add_samples(db, [first])
    fine = make_sample(run_id, 1)
    for clash in (
        replace(make_sample(run_id, 2), id=first.id),
        replace(make_sample(run_id, 2), order=first.order),
    ):
        with pytest.raises(ValueError, match="another sample's"):
            add_samples(db, [fine, clash])
        assert samples_of(db, run_id) == [first]


def test_values_out_of_range_are_refused(db: Database, run_id: str) -> None:
    sample = make_sample(run_id, 0)
    for wrong in (
        replace(sample, run_id="norun"),
        replace(sample, cycle=0),
        replace(sample, index=-1),
        replace(sample, outcome="great"),  # type: ignore[arg-type]
    ):
        with pytest.raises(sqlite3.IntegrityError):
            add_samples(db, [wrong])
    assert samples_of(db, run_id) == []


def test_samples_are_filtered(db: Database, run_id: str) -> None:
    given = [
        make_sample(run_id, 0),
        make_sample(run_id, 1, label="neg"),
        make_sample(run_id, 2, outcome="truncated"),
        make_sample(run_id, 3),
    ]
    add_samples(db, reversed(given))
    assert [s.order for s in samples_of(db, run_id)] == [0, 1, 2, 3]
    assert [s.order for s in samples_of(db, run_id, after_order=1)] == [2, 3]
    assert [s.order for s in samples_of(db, run_id, label="pos")] == [0, 2, 3]
    assert [s.order for s in samples_of(db, run_id, label="pos", outcome="usable")] == [0, 3]
    assert [s.order for s in samples_of(db, run_id, limit=2)] == [0, 1]
    assert samples_of(db, "other") == []
    assert next_order(db, run_id) == 4
    assert next_order(db, "other") == 0


def test_rows_for_a_data_frame(db: Database, run_id: str) -> None:
    add_samples(db, [make_sample(run_id, 21, token_ids=(5, 6))])
    (row,) = sample_rows(db, run_id)
    assert dict(zip(SAMPLE_COLUMNS, row, strict=True)) == {
        "id": f"{run_id}-21",
        "cycle": 2,
        "label": "pos",
        "index": 1,
        "order": 21,
        "text": "text 21",
        "finish_reason": "stop",
        "outcome": "usable",
        "fluency": -1.5,
        "tokens": 2,
        "duplicate_of": None,
        "seconds": 2.1,
    }


def test_counts_by_label(db: Database, run_id: str) -> None:
    add_samples(
        db,
        [
            make_sample(run_id, 0),
            make_sample(run_id, 1, duplicate_of="example:0"),
            make_sample(run_id, 2, label="neg", outcome="truncated"),
            make_sample(run_id, 3, label="neg", outcome="empty"),
        ],
    )
    assert counts(db, run_id) == {
        "pos": Counts(usable=2, duplicates=1),
        "neg": Counts(empty=1, truncated=1),
    }


def test_counting_reads_no_text(db: Database, run_id: str) -> None:
    plan = db.connection().execute(
        "EXPLAIN QUERY PLAN SELECT label, sum(outcome = 'usable' AND duplicate_of IS NOT NULL)"
        " FROM samples WHERE run_id = ? GROUP BY label",
        (run_id,),
    )
    assert "COVERING INDEX samples_counts" in plan.fetchall()[0]["detail"]


def test_a_full_disk_undoes_the_batch_and_keeps_the_earlier(db: Database, run_id: str) -> None:
    first = [make_sample(run_id, 0)]
    add_samples(db, first)
    connection = db.connection()
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    batch = [make_sample(run_id, n, text="long " * 2000) for n in range(1, 20)]
    with pytest.raises(StoreFull):
        add_samples(db, batch)
    assert samples_of(db, run_id) == first
    connection.execute("PRAGMA max_page_count = 1000000")
    assert add_samples(db, first + batch) == batch
    assert samples_of(db, run_id) == first + batch


def test_a_round_is_complete_once(db: Database, run_id: str) -> None:
    later = FinishedRound(2, 0, {"pos": 20, "neg": 7}, 1.5, 99)
    earlier = FinishedRound(1, 1, {}, 0, 0)
    assert finish_round(db, run_id, later)
    assert finish_round(db, run_id, earlier)
    assert not finish_round(db, run_id, FinishedRound(2, 0, {}, 9, 1))
    assert rounds_of(db, run_id) == [earlier, later]


def test_samples_and_their_round_can_be_one_step(db: Database, run_id: str) -> None:
    def fail_at_the_end() -> None:
        with db.write():
            add_samples(db, [make_sample(run_id, 0)])
            finish_round(db, run_id, FinishedRound(1, 0, {}, 0, 0))
            raise KeyError

    with pytest.raises(KeyError):
        fail_at_the_end()
    assert samples_of(db, run_id) == []
    assert rounds_of(db, run_id) == []


@given(st.lists(st.integers(-(2**31), 2**31 - 1)))
def test_token_ids_are_little_endian_int32(token_ids: list[int]) -> None:
    blob = pack_tokens(token_ids)
    assert blob == struct.pack(f"<{len(token_ids)}i", *token_ids)
    assert unpack_tokens(blob) == tuple(token_ids)


ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=30)


@settings(max_examples=20, deadline=None)
@given(
    texts=st.lists(ANY_TEXT, min_size=1, max_size=12),
    calls=st.lists(st.lists(st.integers(0, 11), max_size=8), max_size=8),
)
def test_any_order_and_repetition_of_calls_stores_the_same_set(
    texts: list[str], calls: list[list[int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        db = open_database(Home(Path(folder)))
        run_id = create_run(db, make_spec()).id
        given = [make_sample(run_id, n, text=text) for n, text in enumerate(texts)]
        wanted: dict[int, Sample] = {}
        for call in calls:
            numbers = [n for n in call if n < len(given)]
            fresh = [n for n in dict.fromkeys(numbers) if n not in wanted]
            new = add_samples(db, [given[n] for n in numbers])
            assert [s.order for s in new] == fresh
            wanted.update({s.order: s for s in new})
            assert samples_of(db, run_id) == [wanted[n] for n in sorted(wanted)]
        db.close()


def test_tokens_a_usable_text_by_temperature(db: Database) -> None:
    assert tokens_by_temperature(db, "embedded") == {}
    warm, other, cold = (
        create_run(db, replace(make_spec(), condition=Condition(temperature=t))).id
        for t in (0.9, 0.9, 0.2)
    )
    add_samples(
        db,
        [
            make_sample(warm, 0, token_ids=(1,) * 9),
            make_sample(warm, 1, token_ids=(1,) * 99, outcome="truncated"),
            make_sample(warm, 2, token_ids=()),
            make_sample(other, 0, token_ids=(1,) * 19),
            make_sample(cold, 0, token_ids=(1,) * 4),
        ],
    )
    # With each text's end: 10 + 100 + 20 tokens for two usable texts; and 5 for one.
    assert tokens_by_temperature(db, "embedded") == {0.9: 65.0, 0.2: 5.0}
    assert tokens_by_temperature(db, "gpt2") == {}


def test_only_unusable_texts_tell_nothing(db: Database) -> None:
    run = create_run(db, make_spec()).id
    add_samples(db, [make_sample(run, 0, outcome="truncated")])
    assert tokens_by_temperature(db, "embedded") == {}
