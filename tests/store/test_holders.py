"""Holders of leases: a process lives, or has certainly ended; in doubt it lives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from labelwright.store import holders
from labelwright.store.holders import this_process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says when a process began")


def test_a_process_that_was_killed_has_ended_before_its_parent_asks():
    child = os.fork()
    if not child:
        signal.pause()
        os._exit(0)
    holder = replace(this_process(), process=child, began=holders._state(child)[1])
    assert holder.lives
    os.kill(child, signal.SIGKILL)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # it has ended, and is a zombie
    assert not holder.lives
    os.waitpid(child, 0)
    assert not holder.lives


def test_a_name_that_looks_like_fields_confuses_nobody(tmp_path):
    program = tmp_path / "a) Z 1 (b"
    program.symlink_to("/bin/sleep")
    process = subprocess.Popen([str(program), "60"])
    try:
        state, began = holders._state(process.pid)
        assert state in "RSD"
        assert began >= this_process().began
    finally:
        process.kill()
        process.wait()


def test_in_doubt_it_lives(monkeypatch):
    holder = this_process()
    monkeypatch.setattr(holders, "_state", lambda process: None)
    assert holder.lives
    assert this_process() is None
    monkeypatch.setattr(holders, "_machine", lambda: None)
    assert holder.lives
    assert not holder.here
