"""Watch a sensor: read a value a line, and say which ones are unusual as they come.

    sensor-program | python watch.py hourly.onnx [SHARE]

A line that is no number is an unknown value. Each value is compared with what those before it let
the model expect; SHARE, 0.01 by default, is how many usual ones are called unusual as well.
"""

import sys
from collections import deque

import pocketrnn


def main() -> None:
    """Read standard input to its end."""
    model = pocketrnn.Forecaster.load(sys.argv[1])
    share = float(sys.argv[2]) if len(sys.argv) > 2 else 0.01
    values: deque[float] = deque(maxlen=model.config.context + 1)
    for number, line in enumerate(sys.stdin, 1):
        try:
            values.append(float(line))
        except ValueError:
            values.append(float("nan"))
        if model.flag(list(values), share=share, last=1)[-1]:
            print(f"{number}: {values[-1]:g} is unusual", flush=True)
            values[-1] = float("nan")  # what comes next shouldn't be expected to be like it


if __name__ == "__main__":
    main()
