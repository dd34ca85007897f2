"""Hatch processes that do one verb each: started once, so that each costs no imports.

Run as a program, with the shim loaded if its calls are to be seen; ``Nest`` of ``hatching`` talks
to it. A line of JSON on stdin names the verb, and what the shim is to do; the answer is a line with
the process id, and one with how it ended. Every verb has a process group of its own.
"""

import contextlib
import ctypes
import gc
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from crawler import build, commands, oneoff, opening, worker
from crawler.commands import capture, captures, run, verify, visit
from crawler.parent import end_with_parent
from storage.archive import hold, open_archive

PREPARE = "!prepare"
"""No verb of the command line: what every one that writes does first."""
PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    """Hatch until stdin ends."""
    end_with_parent()
    # What is left of a killed group is ours to bury.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    assert threading.active_count() == 1, "what is forked must have no threads"
    assert all((build, oneoff, worker, capture, captures, run, verify, visit))
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _do(order)
        _say(pid)
        _, status = os.waitpid(pid, 0)
        # What it started is in its group; nothing of it may live on into the next.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, 9)
        _bury()
        _say(os.waitstatus_to_exitcode(status))


def _bury() -> None:
    """Wait for all that is dead or dying."""
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _prepare(root: str) -> int:
    """Restart an archive, and tell what was mended."""
    with hold(open_archive(Path(root))):
        own = opening.parts(Path(root))
        for sentence in oneoff.prepare(own):
            print(sentence)
        own.catalogue.close()
    return 0


def _say(what: int) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def _do(order: dict[str, Any]) -> None:
    os.setsid()
    end_with_parent()
    out = os.open(order["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    if order["shim"] is not None:
        shim = order["shim"]
        # For what the verb starts itself, and which begins anew.
        os.environ |= {"SHIM_ROOT": shim["root"], "SHIM_LOG": shim["log"]}
        if shim["data"]:
            os.environ["SHIM_DATA"] = "1"
        ctypes.CDLL(None).shim_set(
            shim["root"].encode(),
            shim["log"].encode(),
            ctypes.c_int(shim["data"]),
            ctypes.c_long(shim["nth"]),
            ctypes.c_int(shim["kind"]),
            ctypes.c_long(shim["kill_after"]),
        )
    status = 70
    try:
        words = order["words"]
        status = _prepare(words[1]) if words[0] == PREPARE else commands.main(words)
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001 - told, as a command of its own would tell it
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
