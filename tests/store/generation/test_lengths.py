from dataclasses import replace

from core.domain.conditions import Condition
from core.store.database import Database
from core.store.generation.runs import create_run
from core.store.generation.samples import add_samples, tokens_by_temperature
from tests.store.making import make_sample, make_spec


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
