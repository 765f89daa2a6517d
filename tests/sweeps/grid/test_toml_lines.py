import tomllib

import pytest

from core.sweeps.grid.file import line_of_error, lines_of_keys

TEXT = '''# a = 0
a = 1
"b c" = "x # no comment ' = \\" y"
d.e = [
  "]", # ]
  [1, 2],
]
f = """
g = 3
\\""" still
""""
h = 'c:\\' # raw

[i]  # j = 1
k = { l = 1, m = "}" }
[i . "n.o"]
p = \'\'\'
[q]
\'\'\'
[[r]]
s = 2020-01-01
[[r]]
s = 1
'''


def test_every_key_has_its_line() -> None:
    assert lines_of_keys(TEXT) == {
        ("a",): 2,
        ("b c",): 3,
        ("d",): 4,
        ("d", "e"): 4,
        ("f",): 8,
        ("h",): 12,
        ("i",): 14,
        ("i", "k"): 15,
        ("i", "k", "l"): 15,
        ("i", "k", "m"): 15,
        ("i", "n.o"): 16,
        ("i", "n.o", "p"): 17,
        ("r",): 20,
        ("r", "s"): 21,
    }


def test_the_keys_are_those_that_tomllib_reads() -> None:
    def paths(data: object, above: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
        if isinstance(data, list) and data and isinstance(data[0], dict):
            return set().union(*(paths(one, above) for one in data))
        if not isinstance(data, dict):
            return set()
        found = {(*above, key) for key in data}
        return found.union(*(paths(value, (*above, key)) for key, value in data.items()))

    assert set(lines_of_keys(TEXT)) == paths(tomllib.loads(TEXT))


def test_windows_line_ends_count_once() -> None:
    assert lines_of_keys("a = 1\r\n[b]\r\nc = 2\r\n") == {("a",): 1, ("b",): 2, ("b", "c"): 3}


@pytest.mark.parametrize(
    ("text", "line"), [("a = 1\nb = ]\n", 2), ("a = 1\na = 2\n", 2), ("[x\n", 1), ("a = [1,", None)]
)
def test_the_line_of_what_is_no_toml(text: str, line: int | None) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        tomllib.loads(text)
    found, reason = line_of_error(caught.value)
    assert found == line
    assert "line" not in reason.replace("newline", "")


def test_a_value_of_very_many_lines_does_not_take_long() -> None:
    text = "a = 1\nb = [\n" + "0,\n" * 100_000 + "]\nc = 1\n"
    assert lines_of_keys(text) == {("a",): 1}
