"""Three ways to write the same cycle: ours, transformers' `generate`, and llama.cpp.

Each gets what is best for it: as many threads as ours has, the number type that our loader chose,
every closing token as an end token, and llama.cpp one prefill for all texts of a label.
"""

import json
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from core.domain.runs import RunSpec
from core.generation.local.backend import LocalBackend
from core.models.embedded import find_llm_file
from tests.benchmarks.work import MAX_TOKENS, TEMPERATURE, TEXTS_A_LABEL, requests_of

Texts = list[list[int]]


@dataclass(frozen=True, slots=True)
class Order:
    """What one label is to be written from: the prompt's token ids, a seed, how many texts."""

    prompt: list[int]
    seed: int
    count: int = TEXTS_A_LABEL


@dataclass(frozen=True, slots=True)
class Setting:
    """What another contender is told of ours: where the model is, its type, threads and ends."""

    model: Path
    dtype: str
    threads: int
    closing: tuple[int, ...]


class Apart:
    """A contender in a process of its own, so that no idle threads of it slow the others.

    Args:
        name: its name in the table.
        make: builds it there; at the top of a module, as it is pickled.
        setting: given to `make`.
    """

    def __init__(
        self, name: str, make: Callable[[Setting], Callable[[Order], Texts]], setting: Setting
    ) -> None:
        self.name = name
        self._pool = ProcessPoolExecutor(
            1, get_context("spawn"), initializer=_begin, initargs=(make, setting)
        )

    def write(self, orders: Sequence[Order]) -> list[Texts]:
        """The tokens of each order's texts, one order after the other."""
        return list(self._pool.map(_write, orders))

    def close(self) -> None:
        """End its process."""
        self._pool.shutdown()


def ours(backend: LocalBackend, spec: RunSpec, *, cycle: int, count: int) -> list[Texts]:
    """A cycle by the local backend, all labels together, as every cycle of a run but its first.

    (The first lets one label begin alone, so that somebody who waits reads a text sooner.)
    """
    closing = min(backend.exempt_tokens)
    requests = requests_of(spec, cycle, count=count)
    texts: list[Texts] = [[] for _ in requests]
    for batch in backend.complete(
        requests, spec.condition, first_soon=False, between_steps=lambda: None
    ):
        for text in batch:
            end = [closing] if text.finish_reason == "stop" else []
            texts[text.request].append([*text.token_ids, *end])
    return texts


def generate(setting: Setting) -> Callable[[Order], Texts]:
    """`generate(num_return_sequences=20)`, which runs the prompt 20 times."""
    return _generate(setting, prefilled=False)


def generate_prefilled(setting: Setting) -> Callable[[Order], Texts]:
    """`generate` on a cache that was filled once and copied to 20 rows by hand."""
    return _generate(setting, prefilled=True)


def _generate(setting: Setting, *, prefilled: bool) -> Callable[[Order], Texts]:
    import torch
    import transformers

    torch.set_num_threads(setting.threads)
    dtype = getattr(torch, setting.dtype)
    model = transformers.AutoModelForCausalLM.from_pretrained(setting.model, dtype=dtype).eval()

    def write(order: Order) -> Texts:
        prompt = torch.tensor([order.prompt])
        more: dict[str, Any] = {"num_return_sequences": order.count}
        if prefilled:
            with torch.inference_mode():
                out = model(input_ids=prompt[:, :-1], use_cache=True, logits_to_keep=1)
                out.past_key_values.batch_repeat_interleave(order.count)
            prompt = prompt.expand(order.count, -1)
            more = {"past_key_values": out.past_key_values}
        torch.manual_seed(order.seed)
        rows = model.generate(
            input_ids=prompt,
            attention_mask=torch.ones_like(prompt),
            do_sample=True,
            temperature=TEMPERATURE,
            top_k=0,
            top_p=1.0,
            max_new_tokens=MAX_TOKENS,
            eos_token_id=list(setting.closing),
            pad_token_id=setting.closing[0],
            **more,
        )
        texts: Texts = rows[:, prompt.shape[1] :].tolist()
        return texts

    return write


def llama_cpp_requests(setting: Setting) -> Callable[[Order], Texts]:
    """llama.cpp's server, 20 requests with the same prompt at once, as a client sends them."""
    post = _llama_cpp_server(setting, kv_unified=False)

    def write(order: Order) -> Texts:
        body = _llama_cpp_body(order)
        with ThreadPoolExecutor(order.count) as pool:
            bodies = [{**body, "seed": order.seed * 1000 + n} for n in range(order.count)]
            return [answer["tokens"] for answer in pool.map(post, bodies)]

    return write


def llama_cpp_shared(setting: Setting) -> Callable[[Order], Texts]:
    """llama.cpp's server, one request for 20 completions: one prefill, one shared cache."""
    post = _llama_cpp_server(setting, kv_unified=True)

    def write(order: Order) -> Texts:
        answers = post({**_llama_cpp_body(order), "n_cmpl": order.count, "seed": order.seed * 1000})
        return [answer["tokens"] for answer in answers]

    return write


def _llama_cpp_server(setting: Setting, *, kv_unified: bool) -> Callable[[dict[str, Any]], Any]:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(find_llm_file())
    params.n_parallel = TEXTS_A_LABEL
    params.n_ctx = TEXTS_A_LABEL * 512
    params.kv_unified = kv_unified
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = setting.threads
    params.n_gpu_layers = 0
    params.verbosity = 0
    server = xllamacpp.Server(params)

    def post(body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            f"{server.listening_address}/completion",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=1200) as answer:
            return json.load(answer)

    return post


def _llama_cpp_body(order: Order) -> dict[str, Any]:
    return {
        "prompt": order.prompt,
        "temperature": TEMPERATURE,
        "top_k": 0,
        "top_p": 1.0,
        "min_p": 0.0,
        "stop": ['"'],
        "n_predict": MAX_TOKENS,
        "cache_prompt": True,
        "return_tokens": True,
    }


_writer: Callable[[Order], Texts] | None = None


def _begin(make: Callable[[Setting], Callable[[Order], Texts]], setting: Setting) -> None:
    global _writer  # one contender a process
    _writer = make(setting)


def _write(order: Order) -> Texts:
    assert _writer is not None
    return _writer(order)
