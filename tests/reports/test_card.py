"""The card as Markdown: every verdict, effect and coefficient of the study stands in it."""

from core.analysis.findings.findings import FINDING_TITLES
from core.analysis.frames.paper import paper_conditions
from core.analysis.regression import PAPER_NOTE
from core.analysis.study import Study, study
from core.reports.card import card_text, chance_words


def text_of(*tasks: str) -> tuple[str, Study]:
    frame = paper_conditions(*tasks)
    frame = frame.assign(
        run_id=frame["point"], run_name="", sweep_id="", repeat=0, seed=0, oracle_accuracy=0.9
    )
    found = study(frame)
    return card_text(found, title="A | title", metadata={"date": "today", "odd": "a\nb"}), found


def test_what_was_found_stands_there() -> None:
    text, found = text_of("SST2", "CARER")
    assert text.startswith("# A \\| title\n")
    assert "- odd: a b" in text
    for number, title in FINDING_TITLES.items():
        assert f"### {number}. {title}" in text
    for finding in found.card:
        assert finding.sentence in text
    for tasks_name in ("SST2", "CARER"):
        assert f" {tasks_name} |" in text
    assert found.sentence in text
    assert PAPER_NOTE in text
    assert text.endswith("\n")
    assert "nan" not in text


def test_rows_have_as_many_cells_as_their_heads() -> None:
    text, _ = text_of("SST2")
    width = None
    for line in text.splitlines():
        if not line.startswith("|"):
            width = None
            continue
        cells = line.replace("\\|", "").count("|")
        assert width in (None, cells), line
        width = cells


def test_over_tasks_both_intervals_stand_there_and_so_does_how_many_are_tested() -> None:
    text, found = text_of("SST2", "CARER", "SUBJ")
    head = "| claim | effect | 95% | n | as if independent | paper (CARER, SST2 and SUBJ) |"
    row = text.split(head)[1].splitlines()[2]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    claim = found.card[0].hypotheses[0]
    assert claim.independent is not None
    assert cells[3:5] == [
        "3 tasks",
        f"{claim.independent.low:+.3f} to {claim.independent.high:+.3f}, 24 pairs of runs",
    ]
    counted = sum(
        claim.counts and not claim.missing for finding in found.card for claim in finding.hypotheses
    )
    assert f"{counted} claims are tested, each by its own 95% interval" in text
    assert "as if independent" not in text_of("SST2")[0].split("## Which knob")[0].split("###")[1]
    assert chance_words([]) == ""


def test_an_undecided_finding_says_how_much_of_it_holds() -> None:
    # In the paper's own values of one task little is decided.
    text, found = text_of("SST2")
    for finding in found.card:
        (row,) = (one for one in text.splitlines() if one.startswith(f"| {finding.number}. "))
        tested = [c.verdict for c in finding.hypotheses if c.counts and not c.missing]
        if finding.verdict == "undecided" and len(tested) > 1:
            assert f"undecided ({tested.count('holds')} of {len(tested)} claims hold" in row
        else:
            assert "claims" not in row
