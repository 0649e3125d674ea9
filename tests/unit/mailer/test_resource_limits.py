"""Errors of a machine that has run out of something, and errors that are none (E18)."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys

import pytest

from mailer import resource_limits
from mailer.errors import MachineShort

MEMORY = [
    MemoryError(),
    OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
    ImportError("x.so: failed to map segment from shared object"),
]
THREAD = [RuntimeError("can't start new thread"), BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))]
FILES = [OSError(number, os.strerror(number)) for number in (errno.EMFILE, errno.ENFILE)]
OTHER = [
    RuntimeError("no running event loop"),
    OSError(errno.EIO, "Input/output error"),
    ImportError("no x"),
    ValueError(),
    BlockingIOError(errno.EAGAIN, "write could not complete without blocking"),
]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        *((one, resource_limits.NO_MEMORY) for one in MEMORY),
        *((one, resource_limits.NO_THREAD) for one in THREAD),
        *((one, resource_limits.NO_FILES) for one in FILES),
    ],
)
def test_what_says_that_nothing_is_left_is_told_in_our_words_and_can_be_tried_again(
    error: Exception, words: str
) -> None:
    with pytest.raises(MachineShort) as raised, resource_limits.named():
        raise error
    assert (str(raised.value), raised.value.exit_code, raised.value.permanent) == (words, 3, False)
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("error", OTHER, ids=repr)
def test_any_other_error_passes_as_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, resource_limits.named():
        raise error
    assert raised.value is error


def test_a_process_may_open_as_many_files_as_the_machine_allows_or_as_we_ever_need() -> None:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    program = (
        "import resource as r; from mailer.resource_limits import raise_files\n"
        f"r.setrlimit(r.RLIMIT_NOFILE, (64, {hard})); print(raise_files(), *r.getrlimit(r.RLIMIT_NOFILE))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    wanted = resource_limits.MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, resource_limits.MOST_FILES)
    assert [int(word) for word in done.stdout.split()] == [wanted, wanted, hard]
