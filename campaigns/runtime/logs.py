"""The logs of a process that runs for long: ours and those of libraries, one line each on standard error.

Promises: on a terminal a line is for people, elsewhere it is one JSON object with ``timestamp``, ``level``, ``logger``
and ``event``. No character that a terminal obeys is in it (:mod:`campaigns.terminal`). Libraries are heard from
``warning`` on, our own loggers from ``info`` on. A traceback has no value of a variable, which may be an address, a
token or a key. A second call changes nothing but the stream. Nothing here raises.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter

from campaigns.terminal import harmless

OURS = "postiljon"


def configure_logs(stream: TextIO | None = None) -> None:
    """Send the logs of this process to a stream; default: standard error."""
    target = stream or sys.stderr
    shared: list[Any] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    terminal = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    written: Any = terminal if target.isatty() else structlog.processors.JSONRenderer(ensure_ascii=False)
    shown: list[Any] = [structlog.processors.format_exc_info, _harmless, written]
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        ProcessorFormatter(foreign_pre_chain=shared, processors=[ProcessorFormatter.remove_processors_meta, *shown])
    )
    logging.getLogger().handlers[:] = [handler]
    logging.getLogger(OURS).setLevel(logging.INFO)
    structlog.configure(
        processors=[*shared, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _harmless(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = harmless(value)
    return event
