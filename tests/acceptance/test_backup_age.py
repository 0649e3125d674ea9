"""The age of the last good backup is told by ``doctor`` and ``/metrics``."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaigns.ops.backup import age, record
from tests.support.commandline import Desk, fetch, free_port


def findings(desk: Desk) -> list[dict[str, str]]:
    told = desk.run("doctor", "--json").json["findings"]
    return [one for one in told if one["subject"] == "backup" and "journal" not in one["words"]]


def test_doctor_says_when_there_was_none_when_it_is_old_and_when_it_is_good(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.do("init")
    (never,) = findings(desk)
    assert (never["kind"], "none was made yet" in never["words"]) == ("warning", True)
    desk.do("backup")
    (good,) = findings(desk)
    assert good["kind"] == "ok"
    path = tmp_path / "data" / record.FILE
    made = json.loads(path.read_bytes())
    made["made_at"] = (datetime.now(UTC) - timedelta(days=3)).isoformat()
    path.write_text(json.dumps(made))
    (old,) = findings(desk)
    assert (old["kind"], "3 days old" in old["words"]) == ("warning", True)
    path.write_text("torn {")
    (torn,) = findings(desk)
    assert torn["kind"] == "warning"


def test_metrics_have_the_time_of_the_last_good_backup(tmp_path: Path) -> None:
    """Expected: 0 before the first one, then its time; a web process reads it at each request."""
    desk, port = Desk(tmp_path), free_port()
    desk.do("init")
    with desk.running("serve", "--public-only", "--port", str(port)):
        _, text = fetch(f"http://127.0.0.1:{port}/metrics")
        assert f"{age.METRIC} 0.0\n" in text
        desk.do("backup")
        _, text = fetch(f"http://127.0.0.1:{port}/metrics")
    made = record.last(tmp_path / "data")
    assert made is not None
    (line,) = [line for line in text.splitlines() if line.startswith(f"{age.METRIC} ")]
    assert float(line.split()[1]) == made.at.timestamp()


@pytest.mark.parametrize("content", ["", "[]", "{}", "[" * 9999, '{"archive": 1, "made_at": "2026-01-01", "size": 1}'])
def test_a_record_that_cannot_be_read_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / record.FILE).write_text(content)
    assert record.last(tmp_path) is None
    assert [gauge.value for gauge in age.gauges(tmp_path)] == [0.0]
