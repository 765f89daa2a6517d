"""What chat models put around a text: recognised, taken off, and named so that it can be counted.

The rule takes these off, in this order, each at most once and only if a text is left:

- `end mark`: the first mark by which a model ends its turn, such as `<|im_end|>`, and all after it;
- `closing remark`: a last paragraph such as "Let me know if you need more.";
- `preamble`: a first line that only announces the text, such as "Sure! Here is a review:";
- `code fence`: three backticks around the whole;
- `title`: a bold title with a colon in front, such as "**Review:**".

Wording that a text may well have of its own stays: "Here's the thing:" is no announcement.
"""

import re

_ANNOUNCES = r"(?:sure(?: thing)?|certainly|of course|absolutely|okay|ok|alright|no problem)"
_QUOTED = r"\"[^\"]+\"|“[^”]+”|«[^»]+»"
_RULES = (
    (
        "end mark",
        re.compile(
            r"(?s)\A(?P<text>.*?)(?:<\|(?:im_end|im_start|eot_id|eom_id|end|endoftext|end_of_text"
            r"|return|start|start_header_id|user|assistant)\|>|<end_of_turn>|<eos>|</s>).*\Z"
        ),
    ),
    (
        "closing remark",
        re.compile(
            r"(?is)\A(?P<text>.*\S)[ \t]*\n\s*\n(?:let me know if|i hope (?:this|that) helps"
            r"|feel free to|(?:would you like|do you want) me to)\b[^\n]*\Z"
        ),
    ),
    (
        "preamble",
        re.compile(
            rf"(?is)\A(?:{_ANNOUNCES}\b|here(?:['’]s| is| are) (?:an?|one|another|your)\b)"
            rf"[^\n:]{{0,200}}:[ \t]*(?:\n\s*(?P<text>\S.*)|(?P<quoted>{_QUOTED}))\Z"
            rf"|\A{_ANNOUNCES}[!.,]*[ \t]*\n\s*(?P<after>\S.*)\Z"
        ),
    ),
    ("code fence", re.compile(r"(?s)\A```[\w+-]*[ \t]*\n(?P<text>(?:(?!```).)*?)\n?```\Z")),
    (
        "title",
        re.compile(r"(?s)\A(?:\*\*[^*\n:]{1,40}:\*\*|\*\*[^*\n:]{1,40}\*\*:)\s*(?P<text>\S.*)\Z"),
    ),
)

_LONGEST_REFUSAL = 500  # characters
_SORRY = r"(?:i(?:['’]m| am) (?:\w+ )?sorry|sorry|i apologi[sz]e|my apologies|unfortunately)"
_AS_AN_AI = r"(?:as an ai[^,.]*, )?"
_CANNOT = (
    r"(?:i(?:['’]m| am) (?:not able|unable) to|i must (?:decline|refuse) to"
    r"|i (?:can(?:['’]?t|not| not)|won['’]?t|will not)(?: be able to)?)"
)
_REFUSAL = re.compile(
    rf"(?is)\A(?:{_SORRY}[,.;:]?\s+(?:but )?{_AS_AN_AI}{_CANNOT} (?:help|assist|comply|fulfill?"
    r"|create|generate|write|produce|provide|do|continue|respond|answer|engage)"
    rf"|{_AS_AN_AI}{_CANNOT} (?:help (?:you )?with|assist|comply|fulfill? (?:that|this|your)))\b"
)


def unwrap(text: str) -> tuple[str, tuple[str, ...]]:
    """A text without what was put around it, and the names of what was taken off."""
    stripped = []
    for name, pattern in _RULES:
        match = pattern.match(text.strip())
        left = "" if match is None else next(filter(None, match.groups()), "").strip()
        if left:
            text = left
            stripped.append(name)
    return text, tuple(stripped)


def is_refusal(text: str) -> bool:
    """Whether a model says in a text that it won't write one."""
    return len(text) <= _LONGEST_REFUSAL and _REFUSAL.match(text.strip()) is not None
