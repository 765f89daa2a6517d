"""The canary: whether a server's logit bias does what it says, before any run rests on it.

+100 on one token must force it, and -100 on the tokens that begin the likeliest answer must remove
that answer. A server may accept a bias and drop it, which leaves a run without suppression.
"""

from collections.abc import Callable, Mapping

from core.generation.servers.capabilities import Canary
from core.generation.servers.http_client import HttpResponse
from core.generation.servers.tokenizers import Tokenizer

QUESTION = "Name a colour."
ANSWER_TOKENS = 3
_MOST = 100  # entries of a bias
# One of these is a single token of about every model, and no answer to the question.
_WORDS = (" seven", " the", "the", " and", "and", ",", ".", "7")

Ask = Callable[[str, Mapping[int, float], int], tuple[HttpResponse, str]]
"""Asks (question, biases, most new tokens) at temperature 0; the reply and its text."""


def run_canary(ask: Ask, tokens: Tokenizer) -> Canary:
    """Try logit bias out: three short requests, a fourth where it seems reversed.

    Args:
        ask: sends one.
        tokens: gives the ids.

    Raises:
        BackendFailed: the server did not answer.
    """
    reply, untouched = ask(QUESTION, {}, ANSWER_TOKENS)
    if not reply.ok or not untouched.strip():
        return Canary(why="The model gave no answer to try a bias on.")
    forced = _single(tokens, untouched)
    if forced is None:
        return Canary(untouched=untouched, why="The tokenizer has no token to try a bias on.")
    told = {"untouched": untouched, "forced": tokens.text(forced)}
    reply, answer = ask(QUESTION, {forced: 100.0}, ANSWER_TOKENS)
    if not reply.ok:
        return Canary(
            verdict="refused",
            forced=told["forced"],
            untouched=untouched,
            why="The server refuses a request with a logit bias.",
        )
    forces = repeats(answer, told["forced"])
    beginnings = _beginnings(tokens, untouched)
    reply, other = ask(QUESTION, dict.fromkeys(beginnings, -100.0), ANSWER_TOKENS)
    removes = reply.ok and bool(other.strip()) and first_word(other) != first_word(untouched)
    backwards = False
    if not forces:
        reply, back = ask(QUESTION, {forced: -100.0}, ANSWER_TOKENS)
        backwards = reply.ok and repeats(back, told["forced"])
    removed = tuple(tokens.text(token) for token in beginnings)
    if forces and removes:
        return Canary(
            verdict="exact",
            **told,
            forced_answer=answer,
            removed=removed,
            removed_answer=other,
            why="A bias of +100 forces a token, and one of -100 removes it.",
        )
    if backwards:
        verdict, why = "reversed", "A bias of -100 forces a token: the sign is turned round."
    elif forces or removes:
        done, failed = (
            ("+100 forces", "-100 removes") if forces else ("-100 removes", "+100 forces")
        )
        verdict = "partial"
        why = f"{done} a token, but it does not hold that {failed} one."
    else:
        verdict, why = "ignored", "The server accepts a logit bias and does nothing with it."
    return Canary(
        verdict=verdict,  # type: ignore[arg-type]
        **told,
        forced_answer=answer,
        removed=removed,
        removed_answer=other,
        why=why,
    )


def repeats(answer: str, token: str) -> bool:
    """Whether an answer is that token alone, once or more; white space aside."""
    piece, whole = "".join(token.split()), "".join(answer.split())
    return bool(piece) and bool(whole) and whole == piece * (len(whole) // len(piece))


def first_word(text: str) -> str:
    """The first word, in small letters."""
    return (text.split() or [""])[0].casefold()


def _single(tokens: Tokenizer, untouched: str) -> int | None:
    """A token of its own that the answer does not begin with."""
    for word in _WORDS:
        ids = tokens.encode(word)
        if len(ids) == 1 and first_word(word) != first_word(untouched):
            return ids[0]
    return None


def _beginnings(tokens: Tokenizer, answer: str) -> list[int]:
    """The tokens that the answer's first word can begin with, however it is spelled."""
    word = answer.split()[0]
    found: dict[int, None] = {}
    for spelled in (word, word.lower(), word.capitalize(), word.upper()):
        for end in range(len(spelled), 0, -1):
            for beginning in (spelled[:end], f" {spelled[:end]}"):
                ids = tokens.encode(beginning)
                if len(ids) == 1:
                    found.setdefault(ids[0])
    return list(found)[:_MOST]
