"""Tie a child process to its parent's life."""

import ctypes
import signal

PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies (Linux, prctl(2)).

    The archive's lock is held by the service and everything it started; a child that outlived a
    killed service would keep the next one waiting.
    """
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
