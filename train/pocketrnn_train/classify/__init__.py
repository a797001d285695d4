"""Train a network that tells which label a text has."""
