"""A tokenizer of the real shape: a word is a token, numbered as it is first met."""

from dataclasses import dataclass, field


@dataclass
class FakeTokenizer:
    """A `Tokenizer` with `vocabulary_size` ids, of which the first two are no words."""

    vocabulary_size: int | None = 500
    name: str = "fake"
    end_tokens: frozenset[int] = frozenset({0})
    quote_tokens: frozenset[int] = frozenset({1})
    words: list[str] = field(default_factory=lambda: ["<end>", '"'])

    def encode(self, text: str) -> list[int]:
        for word in text.split():
            if word not in self.words:
                self.words.append(word)
        return [self.words.index(word) for word in text.split()]

    def token_text(self, token: int) -> str:
        return self.words[token]
