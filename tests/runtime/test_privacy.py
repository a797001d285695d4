"""Using pocketrnn writes no file, opens no socket and imports nothing heavy."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"tensorflow", "keras", "onnx", "onnx_ir", "tf2onnx", "sklearn", "matplotlib"}

# Reports, as JSON: what Python code opened for writing or did with sockets, the sockets that the
# process has open (native code's too), and the modules it imported.
CHILD = """
import os, sys

events = []

def audit(event, args):
    writes = event == "open" and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    changes = event in ("os.mkdir", "os.rename", "os.remove", "os.link", "os.symlink")
    if writes or changes or event.startswith(("socket.", "subprocess.", "os.system", "urllib.")):
        events.append(f"{event} {args}")

sys.addaudithook(audit)

import pocketrnn
native_at_import = "onnxruntime" in sys.modules
model = pocketrnn.load(sys.argv[1])
predictions = model.predict(["A good film", "bad"]) + [model.predict("x")]
audited = list(events)

import json
fds = "/proc/self/fd"
links = []
for fd in os.listdir(fds) if os.path.exists(fds) else []:
    try:
        links.append(os.readlink(f"{fds}/{fd}"))
    except OSError:  # the folder's own
        pass
print(json.dumps({
    "labels": [prediction.label for prediction in predictions],
    "events": audited,
    "sockets": [link for link in links if link.startswith("socket:")],
    "modules": sorted({name.partition(".")[0] for name in sys.modules}),
    "native_at_import": native_at_import,
    "telemetry_off": os.environ.get("ORT_DISABLE_TELEMETRY"),
}))
"""


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """Empty folders: the only home, temporary and working folders that a child gets."""
    for name in ("home", "tmp", "work"):
        (tmp_path / "room" / name).mkdir(parents=True)
    return tmp_path / "room"


def environment(room: Path) -> dict[str, str]:
    """Return an environment in which nothing is set but what a child can't do without."""
    names = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH")
    kept = {name: os.environ[name] for name in names if name in os.environ}
    folders = {"HOME": str(room / "home"), "TMPDIR": str(room / "tmp")}
    # Compiled modules are Python's affair.
    return {**kept, **folders, "PYTHONDONTWRITEBYTECODE": "1"}


def in_room(room: Path, *command: str) -> str:
    result = subprocess.run(
        command,
        cwd=room / "work",
        env=environment(room),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def left_behind(room: Path) -> list[str]:
    return sorted(str(path.relative_to(room)) for path in room.glob("*/**/*"))


def test_scoring_is_private_and_light(room: Path, tiny_path: Path) -> None:
    seen = json.loads(in_room(room, sys.executable, "-c", CHILD, str(tiny_path)))
    assert seen["labels"][:2] == ["positive", "negative"]
    assert seen["events"] == []
    assert seen["sockets"] == []
    assert seen["telemetry_off"] == "1"
    assert left_behind(room) == []
    assert HEAVY.isdisjoint(seen["modules"])
    assert "onnxruntime" in seen["modules"]
    assert not seen["native_at_import"]


def test_info_needs_no_onnxruntime(room: Path, tiny_path: Path) -> None:
    code = (
        "import sys; sys.modules['onnxruntime'] = None; from pocketrnn.cli import main; "
        "sys.exit(main(['info', sys.argv[1]]))"
    )
    assert "made up" in in_room(room, sys.executable, "-c", code, str(tiny_path))


@pytest.mark.parametrize(("set_before", "seen"), [("", "1"), ("0", "0"), ("false", "1")])
def test_telemetry_is_off_unless_someone_wants_it(
    set_before: str, seen: str, room: Path, tiny_path: Path
) -> None:
    # In onnxruntime's place, so that no test ever turns its telemetry on.
    (room / "onnxruntime.py").write_text(
        "import os, sys; print(os.environ.get('ORT_DISABLE_TELEMETRY')); sys.exit()"
    )
    code = (
        "import os, sys; sys.path.insert(0, '..'); "
        f"os.environ['ORT_DISABLE_TELEMETRY'] = {set_before!r}; "
        "import pocketrnn; pocketrnn.load(sys.argv[1])"
    )
    assert in_room(room, sys.executable, "-c", code, str(tiny_path)) == f"{seen}\n"


@pytest.mark.skipif(sys.platform == "win32", reason="there it is never too late")
@pytest.mark.parametrize(("set_before", "warned"), [(None, True), ("0", False), ("1", False)])
def test_onnxruntime_imported_first_is_said(
    set_before: str | None, warned: bool, room: Path
) -> None:
    (room / "onnxruntime.py").write_text("")
    chosen = {} if set_before is None else {"ORT_DISABLE_TELEMETRY": set_before}
    code = (
        f"import os, sys, warnings; sys.path.insert(0, '..'); os.environ.update({chosen}); "
        "import onnxruntime; warnings.showwarning = lambda message, *_: print(message); "
        "import pocketrnn"
    )
    printed = in_room(room, sys.executable, "-c", code)
    assert printed.startswith("onnxruntime was imported before pocketrnn") == warned
    assert ("ORT_DISABLE_TELEMETRY=1" in printed) == warned


@pytest.mark.parametrize("package", ["pocketrnn", "pocketrnn_train", "pocketrnn_export"])
def test_our_own_packages_import_in_the_right_order(package: str, room: Path) -> None:
    code = (
        "import importlib.util as u, sys; "
        f"sys.exit() if u.find_spec({package!r}) is None else __import__({package!r})"
    )
    in_room(room, sys.executable, "-W", "error::RuntimeWarning", "-c", code)


@pytest.mark.parametrize(("set_before", "called"), [(None, True), ("0", False), ("1", True)])
def test_telemetry_of_windows_is_off_too(set_before: str | None, called: bool, room: Path) -> None:
    """There the variable does nothing, but a function does."""
    (room / "onnxruntime.py").write_text("def disable_telemetry_events(): print('called')")
    chosen = {} if set_before is None else {"ORT_DISABLE_TELEMETRY": set_before}
    code = (
        f"import os, sys; sys.path.insert(0, '..'); os.environ.update({chosen}); "
        "import pocketrnn.session; pocketrnn.session.import_onnxruntime()"
    )
    assert in_room(room, sys.executable, "-c", code) == ("called\n" if called else "")


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_native_code_is_private_too(room: Path, tiny_path: Path) -> None:
    """Python's audit hooks don't see what onnxruntime's own code does; system calls tell."""
    log = room.parent / "calls.txt"
    calls = "--trace=%network,openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2"
    strace = ["strace", "--follow-forks", "--quiet=all", f"--output={log}", calls]
    trial = subprocess.run([*strace, "true"], capture_output=True, text=True, check=False)
    if trial.returncode:
        pytest.skip(f"strace doesn't work here: {trial.stderr:.80}")
    in_room(room, *strace, sys.executable, "-c", CHILD, str(tiny_path))
    lines = log.read_text().splitlines()
    assert any(str(tiny_path) in line for line in lines)  # the log is of the right process
    telling = re.compile(
        r"^\d+ +(socket|connect|bind|send|mkdir|rename|creat)|O_WRONLY|O_RDWR|O_CREAT"
    )
    suspects = [line for line in lines if telling.search(line) and '"/dev/null"' not in line]
    assert suspects == []
    assert left_behind(room) == []
