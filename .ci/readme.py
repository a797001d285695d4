"""Print the N-th shell block of the README, so that CI runs what it tells newcomers."""

import re
import sys
from pathlib import Path

readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
print(re.findall(r"^```sh\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)[int(sys.argv[1])])
