"""Make the pictures of the docs: pages in headless Chromium, and the desktop example under Xvfb.

    python docs/pictures.py [FOLDER]

The texts are those of tests/data/sentences.tsv, of our own making. FOLDER is docs by default.
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
TEXTS = (
    "At first I expected a dull film, but it is a masterpiece.",
    "It is not bad, but a waste of money.",
)
# Name, page, pixels across and down, and whether it is dark.
PICTURES = (
    ("evaluate.png", "report.html", 1100, 690, False),
    ("evaluate-phone.png", "report.html", 390, 760, True),
    ("explain.png", "explain.html", 900, 290, False),
)


def run(*command: str, **environment: str) -> None:
    """Run a command, quietly unless it fails."""
    done = subprocess.run(  # noqa: S603
        command, env={**os.environ, **environment}, cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def main() -> None:
    """Make all pictures."""
    folder = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "docs"
    pocketrnn = (sys.executable, "-m", "pocketrnn")
    with TemporaryDirectory() as pages:
        report, explained = f"{pages}/report.html", f"{pages}/explain.html"
        table = "tests/data/sentences.tsv"
        run(*pocketrnn, "evaluate", table, "--by", "domain", "--html", report)
        run(*pocketrnn, "explain", *TEXTS, "--html", explained)
        for name, page, across, down, dark in PICTURES:
            run(
                "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                f"--blink-settings=preferredColorScheme={0 if dark else 1}",
                f"--window-size={across},{down}",
                f"--screenshot={folder.resolve() / name}",
                f"file://{pages}/{page}",
            )  # fmt: skip
        test = ("tests/examples/test_desktop.py", "-k", "usual and 96", "-q")
        run(sys.executable, "-m", "pytest", *test, POCKETRNN_SCREENSHOTS=pages)
        (folder / "desktop.png").write_bytes(Path(pages, "96-usual-light.png").read_bytes())


if __name__ == "__main__":
    main()
