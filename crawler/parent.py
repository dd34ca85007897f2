"""Tie a child process to its parent's life."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int | None = None) -> None:
    """Ask the kernel to kill this process when its parent dies (Linux, prctl(2)).

    The archive's lock is held by the service and everything it started; a child that outlived a
    killed service would keep the next one waiting. So call it before anything else is imported,
    which takes a second. End at once if ``parent`` has died before the kernel was asked.
    """
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        sys.exit(1)
