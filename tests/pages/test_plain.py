import pytest

from pages.components.shell import WORD_JOINER, escape_markdown


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a fine film", "a fine film"),
        ("  two\n\tlines ", "two lines"),
        ("*b* _i_ `c` ~~s~~", r"\*b\* \_i\_ \`c\` \~\~s\~\~"),
        ("![i](p) <b> $x^2$", r"\!\[i\]\(p\) \<b\> \$x\^2\$"),
        (":red[r] :material/home:", r"\:red\[r\] \:material\/home\:"),
        ("1. # - + > |", r"1\. \# \- \+ \> \|"),
        ("&lt; \\ {x}", r"\&lt; \\ \{x\}"),
        ("", ""),
    ],
)
def test_what_markdown_is_made_of_is_escaped(text: str, escaped: str) -> None:
    assert escape_markdown(text) == escaped


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see http://a.b", "see http|://a.b"),
        ("HTTPS://A.B", "HTTPS|://A.B"),
        ("www.a.b", "www|.a.b"),
        ("me@a.b", "me|@a.b"),
        ("http and www, 3.5", "http and www, 3.5"),
    ],
)
def test_addresses_are_split_so_that_they_are_no_links(text: str, shown: str) -> None:
    assert escape_markdown(text).replace("\\", "").replace(WORD_JOINER, "|") == shown
