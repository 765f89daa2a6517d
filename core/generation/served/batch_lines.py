"""The lines of a results file of the Batch API: where each belongs, and what came back."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from core.errors import BadInput
from core.generation.served.answers import Answer, read_answer
from core.generation.served.batch_plan import Place, place_of
from core.generation.served.error_responses import fault_of_error_object, fault_of_status
from core.generation.served.failures import Fault, Server, ServerFault


@dataclass(frozen=True, slots=True)
class Line:
    """A request of the file and what it brought.

    Args:
        place: where its texts belong.
        number: of the line, from 1.
        found: the answer, or why there is none.
    """

    place: Place
    number: int
    found: Answer | Fault


def run_of(lines: Iterable[str]) -> str:
    """The run that a results file belongs to, by its first line.

    Raises:
        BadInput: the file is empty, or the line is none of ours.
    """
    for number, line in enumerate(lines, start=1):
        if line.strip():
            return _place(_object(line, number), number).run_id
    raise BadInput("The file holds no results.", "Give the results file of a batch.")


def lines_of(lines: Iterable[str], run_id: str, server: Server) -> list[Line]:
    """Every line of a run's file that is not blank, in the file's order.

    Raises:
        BadInput: one can't be read, is named twice, or belongs to another run.
    """
    found: list[Line] = []
    taken: dict[tuple[int, int, int], int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        told = _object(line, number)
        place = _place(told, number)
        if place.run_id != run_id:
            raise BadInput(
                f"Line {number}: '{place.custom_id}' belongs to the run {place.run_id}.",
                "Read each run's file by itself.",
            )
        for index in place.indices:
            before = taken.setdefault((place.cycle, place.label_index, index), number)
            if before != number:
                raise BadInput(
                    f"Line {number}: '{place.custom_id}' stands in line {before} already.",
                    "Give the results file as it came.",
                )
        found.append(Line(place, number, _answer(told, place, server)))
    return found


def _answer(told: dict[str, Any], place: Place, server: Server) -> Answer | Fault:
    response = told.get("response")
    if not isinstance(response, dict):
        return fault_of_error_object(server, {"error": told.get("error") or "no response"})
    status, body = response.get("status_code"), response.get("body")
    if type(status) is int and status != 200:
        return fault_of_status(server, status, data=body)
    try:
        return read_answer(
            json.dumps(body), server=server, api="chat", asked=place.count, open_quote=True
        )
    except ServerFault as broken:
        return broken.fault


def _object(line: str, number: int) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise BadInput(f"Line {number} is no JSON object.", "Give the results file as it came.")
    return told


def _place(told: dict[str, Any], number: int) -> Place:
    place = place_of(told.get("custom_id"))
    if place is None:
        shown = " ".join(str(told.get("custom_id")).split())[:80]
        raise BadInput(
            f"Line {number}: the custom id '{shown}' is none that Wideset wrote.",
            "Give the results of a file that batch write made.",
        )
    return place
