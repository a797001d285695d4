"""Labels that are likely to be one label, spelled in several ways."""

from collections import Counter, defaultdict

from pocketrnn.errors import counted

from .splits import plain


def look_alikes(counts: Counter[str]) -> list[str]:
    """Return a line for each group of labels that differ in case, spaces or Unicode's forms."""
    alike = defaultdict(list)
    for label in sorted(counts):
        alike[plain(label)].append(f"{label!r:.60} ({counted(counts[label], 'row')})")
    return [", ".join(labels) for labels in alike.values() if len(labels) > 1]
