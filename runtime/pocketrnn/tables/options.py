"""What can be chosen when files are scored; apart, so that the command starts without the rest."""

STDIN = "-"  # as an input; as an output it means standard output

INPUT_FORMATS = ("text", "folder", "csv", "tsv", "jsonl", "parquet")
OUTPUT_FORMATS = ("csv", "tsv", "jsonl", "parquet")

ON_ERROR = ("fail", "skip", "null")
