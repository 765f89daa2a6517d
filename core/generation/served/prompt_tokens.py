"""Tokens of a prompt before it is sent, told from above: caps and estimates rest on it."""

from core.generation.prompts import Prompt

_BYTES_A_TOKEN = 2
# What a server's chat template may put around it, such as a system turn of the model's own.
_AROUND = 16


def tokens_at_most(prompt: Prompt) -> int:
    """How many tokens a prompt takes, rather too many: about half more for English.

    A token is seldom shorter than two bytes. Of a chat, the words that name its turns stand for
    what the server's template puts there.
    """
    return len(prompt.preview().encode()) // _BYTES_A_TOKEN + _AROUND
