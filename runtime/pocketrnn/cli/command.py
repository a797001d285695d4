"""What the commands share: one clear line for an error, and a fitting exit code."""

import argparse
import contextlib
import logging
import math
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from ..errors import ConfigError, PocketRNNError
from ..files import refuse, refuse_existing
from ..streams import say, standard_output

_TRACEBACK = "POCKETRNN_TRACEBACK"
_TERMINATED = 128 + 15  # as shells call the end by SIGTERM

# What messages name as Python's callers know it: `force=True`, `text_column=...`.
_SETTING = re.compile(
    r"\b(batch_size|encoding|force|format|frequency|header|horizon|label_separator|\w+_column"
    r"|learning_rate|max_characters|max_lines|on_error|output_format|prefix|rename|resume|trusted)"
    r"=(True|False|\.\.\.|\"(\w+)\")"
)
_WANTED = re.compile(r"^[a-z]+(_[a-z]+)+(?= must be )")
_EXTRA = re.compile(r"add the extra (pocketrnn\[\w+\])")


def run(name: str, body: Callable[[], int | None]) -> int:
    """Run a command's body; return its exit code.

    0 done, 1 an error, 2 wrong usage (as argparse's), 130 interrupted, 143 ended by SIGTERM. What
    is neither an error of ours nor of the system's is a bug: it is named in one line too.
    """
    _fill_standard_handles()
    logging.getLogger("pocketrnn").addHandler(_WARNINGS)
    with contextlib.suppress(ValueError):  # not in the main thread
        # So that what isn't whole is removed, as after Ctrl-C.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    try:
        code = body() or 0
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        say(f"{name}: interrupted")
        return 130
    except Exception as error:  # noqa: BLE001 (the last net)
        if not isinstance(error, BrokenPipeError):  # the reader of our output has left (`| head`)
            say(f"{name}: {printable(_message(error))}")
        if isinstance(error, OSError):
            _drop_output()
        return 2 if isinstance(error, ConfigError) else 1
    return code


def import_quietly(module: str, variable: str, level: str) -> None:
    """Import a library without its start-up notes, unless its `variable` says how much it may say.

    Some are written before a library reads that, and past Python's own standard error.
    """
    if os.environ.get(variable, level) != level:  # a parent of this process may have set it
        return
    os.environ[variable] = level
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        import_module(module)
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        import_module(module)
    finally:
        os.dup2(kept, 2)
        os.close(kept)


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong; argparse's own usage takes a screen."""

    def parse_known_args(self, *given: Any, **more: Any) -> Any:
        """Return the namespace and an empty list; end with a usage error for what isn't known."""
        namespace, unknown = super().parse_known_args(*given, **more)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")  # of this command
        return namespace, []

    def error(self, message: str) -> NoReturn:
        """End with what is wrong, and where the usage stands."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def command(
    commands: Any, name: str, run: Callable[..., int | None], text: str, **more: Any
) -> argparse.ArgumentParser:
    """Add a command to argparse's subparsers, which calls `run`; `text` is its help."""
    raw = argparse.RawDescriptionHelpFormatter
    parser: argparse.ArgumentParser = commands.add_parser(
        name, allow_abbrev=False, formatter_class=raw, help=text, **more
    )
    parser.set_defaults(run=run)
    return parser


def add(parser: Any, option: str, text: str, **more: Any) -> None:
    """Add an option: a flag, or one that takes what is named behind it, as in `--model FILE`.

    The flag `--no-x` sets `x` to False. The type of a number follows from its default.
    """
    words = option.split()
    names = [word for word in words if word.startswith("-")]
    if len(names) < len(words):
        more["metavar"] = words[-1]
        if isinstance(more.get("default"), int | float):
            more.setdefault("type", type(more["default"]))
    elif not more:
        no = option.startswith("--no-")
        more = {"action": "store_false", "dest": option[5:]} if no else {"action": "store_true"}
    parser.add_argument(*names, help=text, **more)


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands that run one model."""
    add(parser, "--model FILE", "model file (default: the bundled one)")
    add_trusted(parser)


def add_only_model(parser: argparse.ArgumentParser) -> None:
    """Add the model of commands that take nothing else, with `--model` before it or without."""
    group = parser.add_mutually_exclusive_group()
    default = "default: the bundled one"
    group.add_argument("model", nargs="?", metavar="MODEL", default=argparse.SUPPRESS, help=default)
    add(group, "--model FILE", "the same")


def add_trusted(parser: argparse.ArgumentParser) -> None:
    """Add the option of all commands that run a model."""
    text = "run a model file that brings a graph of its own: you trust whoever made it"
    add(parser, "--trusted", text)


def add_unsure(parser: argparse.ArgumentParser) -> None:
    """Add the option that gives no label to what the model can't tell."""
    parser.add_argument(
        "--unsure",
        nargs="*",
        action=_Band,
        metavar=("LOW", "HIGH"),
        help="give no label where the second label's probability is from LOW to HIGH (with more "
        "than two labels: where the most probable one's is); without numbers, where it is in the "
        "band that training found",
    )


class _Band(argparse.Action):
    """Takes two numbers, or none for the band in the model's card."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:
        try:
            band = [*map(float, values)]
        except ValueError:
            band = [math.nan]
        if len(band) not in (0, 2):
            parser.error("--unsure takes two numbers, LOW and HIGH, or none; texts stand before it")
        setattr(namespace, self.dest, tuple(band) or True)


def refuse_files(texts: Iterable[str]) -> None:
    """Raise ConfigError for the name of a file: who gives one wants its rows scored."""
    for text in texts:
        if ("." in text or os.sep in text) and os.path.isfile(text):  # noqa: PTH113 (takes any)
            raise ConfigError(
                f"{text} is a file; to score its rows, run: pocketrnn score {text} -o OUTPUT (to "
                "score its name as a text, give it to pocketrnn predict on standard input)"
            )


def new_file(
    name: str, *, force: bool, inputs: Iterable[str] = (), models: Iterable[str | None]
) -> Path:
    """Return the path of a file to write. Raises OutputError if it exists, without `force`.

    Raises ConfigError where it is one of the inputs or models.
    """
    path = Path(name)
    refuse(path, inputs, "input")
    refuse(path, models, "model")
    refuse_existing(path, force=force)
    return path


def done(line: str, summary: Any) -> int:
    """Say what was done, and where the list of errors is; return 3 if there are any, or else 0."""
    listed = f", listed in {summary.errors_path}" if summary.errors_path else ""
    say(printable(line + listed))
    return 3 if summary.errors else 0


def output(text: str, end: str = "\n") -> None:
    """Print at once, escaping what standard output's encoding lacks; OutputError without one."""
    stream = standard_output()
    encoding = getattr(stream, "encoding", None) or "utf-8"
    text = text.encode(encoding, "backslashreplace").decode(encoding)
    print(text, file=stream, flush=True, end=end)


def printable(text: str) -> str:
    """Escape what isn't printable: names in a model file could otherwise steer the terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def in_options(message: str) -> str:
    """Return a message with its settings as the shell's options, and its extra as a command."""

    def option(found: re.Match[str]) -> str:
        name, value, word = found.groups()
        dashed = ("no-" if value == "False" else "") + name.replace("_", "-")
        return f"--{dashed} {word}" if word else f"--{dashed}"

    message = _WANTED.sub(lambda name: "--" + name[0].replace("_", "-"), message)
    return _EXTRA.sub(r"run: pip install '\1'", _SETTING.sub(option, message))


class _Warnings(logging.Handler):
    """Prints what the library warns of."""

    def emit(self, record: logging.LogRecord) -> None:
        say(printable(in_options(record.getMessage())))


_WARNINGS = _Warnings(logging.WARNING)


def visible(text: str) -> str:
    """Escape what isn't printable, but for tabs and the ends of lines."""
    return "".join(c if c in "\n\t" else printable(c) for c in text)


def _message(error: Exception) -> str:
    if isinstance(error, PocketRNNError):
        return " ".join(in_options(str(error)).split())
    if isinstance(error, OSError):
        return (f"{error.filename}: " if error.filename else "") + str(error.strerror or error)
    if isinstance(error, MemoryError):
        return "out of memory"
    if isinstance(error, ImportError | SystemError):  # of a library, whose text may be a page
        what = " ".join(str(error.__cause__ or error).split())[:300]
        return f"can't load a library ({what}); too little memory, or damaged?"
    from .. import __version__

    if os.environ.get(_TRACEBACK):
        say("".join(traceback.format_exception(error)).rstrip())
    *_, frame = traceback.extract_tb(error.__traceback__)
    what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    where = f"{Path(frame.filename).name}, line {frame.lineno}"
    return (
        f"this is a bug in pocketrnn {__version__} ({what}; {where}); please report it where you "
        f"got pocketrnn from, with what is printed when {_TRACEBACK}=1 is set"
    )


def _fill_standard_handles() -> None:
    """Open what the shell closed (`>&-`): a file of ours would else take the place of a stream."""
    for handle in range(3):
        try:
            os.fstat(handle)
        except OSError:
            with contextlib.suppress(OSError):
                os.open(os.devnull, os.O_RDWR)


def _drop_output() -> None:
    """Let go of output that can't be written: Python would complain again at exit."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
