"""Stages of repair: declared once, written one way."""

from core.domain.registries.stages import ALL, RAW, STAGE, STAGES, stage_words


def test_stages_are_written_one_way() -> None:
    assert stage_words(RAW) == "as generated"
    assert stage_words("180") == "LR with 180 inspected texts"
    assert stage_words("1") == "LR with 1 inspected text"
    assert stage_words(ALL, filtered=True) == "LR with all texts inspected and OOSF"
    assert stage_words(RAW, filtered=True) == "OOSF"


def test_kinds_are_those_that_the_store_allows_in_order() -> None:
    assert [stage.kind for stage in STAGES] == ["raw", "lr", "oosf", "manual"]
    assert [stage.order for stage in STAGES] == sorted(stage.order for stage in STAGES)


def test_settings_of_a_version_are_written_on_one_line() -> None:
    lr = STAGE["lr"].settings_words(
        {"annotator": "oracle", "weight": 0.3, "confidence": [0.5, 0.9], "error_rate": 0.1},
        {"inspected": 1234},
    )
    assert lr == "1,234 inspected by oracle, weight 0.3, 10% errors, confidence 50% to 90%"
    oosf = STAGE["oosf"].settings_words({"threshold": 0.5}, {"removed": 12})
    assert oosf == "12 removed, below 50%"
    manual = STAGE["manual"].settings_words({}, {"changed": 3, "brought_back": 1, "removed": 0})
    assert manual == "3 labels set, 1 restored"
