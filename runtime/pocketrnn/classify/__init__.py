"""Texts to labels: the tokenizer, padding, and the model that a person holds."""
