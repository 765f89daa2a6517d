"""The canary: whether a server's logit bias does what it says, before any run rests on it.

+100 on one token must force it, and -100 on the tokens that begin the likeliest answer must remove
that answer. A server may accept a bias and drop it, which leaves a run without suppression.
"""

from collections.abc import Callable, Mapping

from core.domain.registries.capabilities import Canary, Verdict
from core.generation.servers.http_client import HttpResponse
from core.generation.servers.probing.questions import first_text
from core.generation.servers.tokenizers import Tokenizer

QUESTION = "Name a colour."
ANSWER_TOKENS = 3
_MAX_BIASES = 100
# One of these is a single token of about every model, and no answer to the question.
_WORDS = (" seven", " the", "the", " and", "and", ",", ".", "7")

Ask = Callable[[str, Mapping[int, float], int], HttpResponse]
"""Asks (question, biases, most new tokens) at temperature 0."""


def run_canary(ask: Ask, tokenizer: Tokenizer) -> Canary:
    """Try logit bias out: three short requests, a fourth where it seems reversed.

    Args:
        ask: sends one.
        tokenizer: gives the ids.

    Raises:
        BackendFailed: the server did not answer.
    """
    untouched = first_text(ask(QUESTION, {}, ANSWER_TOKENS))
    if not untouched.strip():
        return Canary(why="The model gave no answer to try a bias on.")
    token = _single_token(tokenizer, untouched)
    if token is None:
        return Canary(untouched=untouched, why="The tokenizer has no token to try a bias on.")
    forced = tokenizer.token_text(token)
    response = ask(QUESTION, {token: 100.0}, ANSWER_TOKENS)
    if not response.ok:
        return Canary(
            verdict="refused",
            forced=forced,
            untouched=untouched,
            why="The server refuses a request with a logit bias.",
        )
    forced_answer = first_text(response)
    forces = repeats(forced_answer, forced)
    beginnings = _beginnings(tokenizer, untouched)
    removed_answer = first_text(ask(QUESTION, dict.fromkeys(beginnings, -100.0), ANSWER_TOKENS))
    removes = bool(removed_answer.strip()) and first_word(removed_answer) != first_word(untouched)
    reversed_ = not forces and repeats(
        first_text(ask(QUESTION, {token: -100.0}, ANSWER_TOKENS)), forced
    )
    verdict, why = _verdict(forces=forces, removes=removes, reversed_=reversed_)
    return Canary(
        verdict=verdict,
        untouched=untouched,
        forced=forced,
        forced_answer=forced_answer,
        removed=tuple(tokenizer.token_text(token) for token in beginnings),
        removed_answer=removed_answer,
        why=why,
    )


def _verdict(*, forces: bool, removes: bool, reversed_: bool) -> tuple[Verdict, str]:
    if forces and removes:
        return "exact", "A bias of +100 forces a token, and one of -100 removes it."
    if reversed_:
        return "reversed", "A bias of -100 forces a token: the sign is reversed."
    if forces:
        return "partial", "+100 forces a token, but -100 does not remove one."
    if removes:
        return "partial", "-100 removes a token, but +100 does not force one."
    return "ignored", "The server accepts a logit bias and does nothing with it."


def repeats(answer: str, token: str) -> bool:
    """Whether an answer is that token alone, once or more; white space aside."""
    piece, whole = "".join(token.split()), "".join(answer.split())
    return bool(piece) and bool(whole) and whole == piece * (len(whole) // len(piece))


def first_word(text: str) -> str:
    """The first word, in lower case."""
    return (text.split() or [""])[0].casefold()


def _single_token(tokenizer: Tokenizer, untouched: str) -> int | None:
    """A token of its own that the answer does not begin with."""
    for word in _WORDS:
        ids = tokenizer.encode(word)
        if len(ids) == 1 and first_word(word) != first_word(untouched):
            return ids[0]
    return None


def _beginnings(tokenizer: Tokenizer, answer: str) -> list[int]:
    """The tokens that the answer's first word can begin with, however it is spelled."""
    word = answer.split()[0]
    tokens: dict[int, None] = {}
    for spelled in (word, word.lower(), word.capitalize(), word.upper()):
        for end in range(len(spelled), 0, -1):
            for beginning in (spelled[:end], f" {spelled[:end]}"):
                ids = tokenizer.encode(beginning)
                if len(ids) == 1:
                    tokens.setdefault(ids[0])
    return list(tokens)[:_MAX_BIASES]
