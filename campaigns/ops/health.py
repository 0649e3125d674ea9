"""The health check of the container: ``python3 -m campaigns.ops.health [PORT]`` asks ``/health`` of this machine.

Promises: ends with 0 if an opt-out would be kept now (200), else with 1 and the answer on standard output. Without PORT
it asks at the ``--port`` of the container's command (process 1), else at 8000. Waits for eight seconds at most, asks no
proxy, and loads nothing but the standard library.
"""

from __future__ import annotations

import http.client
import re
import sys
from pathlib import Path

PORT = 8000
LONGEST = 8.0  # seconds; the image gives up after ten


def ask(port: int) -> tuple[int, str]:
    """Return the status and the text of the answer; 0 and the reason where there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LONGEST)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        return answer.status, answer.read(1_000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error) or type(error).__name__
    finally:
        connection.close()


def port_of(command: bytes) -> int:
    """Return the port in a command line, as ``/proc`` shows it; the usual one if there is none."""
    found = re.findall(rb"\0--port[\0=](\d{1,5})(?=\0|$)", command)
    return int(found[-1]) if found else PORT


if __name__ == "__main__":
    command = Path("/proc/1/cmdline")
    status, text = ask(int(sys.argv[1]) if sys.argv[1:] else port_of(command.read_bytes()))
    print(text)
    sys.exit(0 if status == 200 else 1)
