"""The task of generating sequences: characters in, what may follow them out."""
