"""A real OpenAI-compatible server by someone else: `transformers serve`, with a tiny model of random weights.

Its replies are gibberish, and always the same.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

from tests.processes import environment


def make_model(folder: Path) -> None:
    """Writes a model that knows bytes and nothing else."""
    import torch  # noqa: PLC0415  (seconds, which collecting tests should not take)
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers  # noqa: PLC0415
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast  # noqa: PLC0415

    words = Tokenizer(models.BPE())
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    words.train_from_iterator([], trainers.BpeTrainer(special_tokens=["</s>"], initial_alphabet=alphabet))
    marks = dict.fromkeys(("bos_token", "eos_token", "pad_token"), "</s>")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, **marks)  # type: ignore[no-untyped-call]  # theirs
    tokenizer.chat_template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"
    tokenizer.save_pretrained(folder)
    torch.manual_seed(1)
    sizes = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=65_536,
    )
    LlamaForCausalLM(sizes).save_pretrained(folder)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serves the model in `folder`; its base URL. The model's name is `str(folder)`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "server.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [
                Path(sys.executable).with_name("transformers"),
                *("serve", str(folder), "--device", "cpu", "--host", "127.0.0.1", "--port", str(port)),
            ],
            env=environment(HF_HUB_OFFLINE="1"),
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        _await(f"http://127.0.0.1:{port}/health", server, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait()


def _await(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + 200
    while time.monotonic() < ends:
        assert server.poll() is None, log.read_text("utf-8", "replace")[-2_000:]
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310  (loopback)
        except (URLError, OSError):
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"the server did not start: {log.read_text('utf-8', 'replace')[-2_000:]}")
