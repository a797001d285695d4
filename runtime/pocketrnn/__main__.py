"""`python -m pocketrnn` is the command `pocketrnn`."""

import sys

from .cli import main

sys.exit(main())
