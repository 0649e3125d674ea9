"""The surroundings, checked by ``doctor``: disk, clock, writing, proxies, public pages, and a process that serves.

Promises: each finding that is not *ok* names the command or line that mends it. Nothing is changed; data written as a
test is removed again. The public address is asked once, for ``TIMEOUT`` seconds, and only where readers elsewhere
could ask it too. Raises the errors of the database.
"""

from __future__ import annotations

import json
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select, text

from campaigns.context import AppContext
from campaigns.lifecycle import records
from campaigns.lifecycle.states import CampaignState
from campaigns.ops.findings import Finding, of_fault
from campaigns.source.campaign_source import house_brand
from campaigns.source.local_time import local_text
from mailer import outbox, settings_file
from mailer.messages import Message
from mailer.reach import reach_of_url
from unsubscribe import dropped, probe

TIMEOUT = 5.0  # seconds
LEAST, SCARCE = 100_000_000, 1_000_000_000  # bytes left on the disk: too few, few
OFF = timedelta(minutes=1)
_REMOTE = ("nfs", "cifs", "smb", "9p", "ceph", "gluster", "lustre", "afs", "fuse.sshfs", "fuse.s3fs", "fuse.rclone")
_LONGEST = 10_000  # bytes of an answer that are read


def disk(context: AppContext) -> Iterator[Finding]:
    """Check the free space, and whether SQLite's locks hold there."""
    folder, subject = context.data.absolute(), Message("disk")
    left = shutil.disk_usage(folder).free
    if left < SCARCE:
        words = Message(
            "{free} MB left at {path}; a full disk cannot store an opt-out. See what takes the room: du -xh {path}"
        )
        shown = words.format(free=left // 1_000_000, path=folder)
        yield Finding("error" if left < LEAST else "warning", subject, shown)
    found = _file_system(context.db.sqlite_path.parent if context.db.sqlite_path else folder)
    if found.startswith(_REMOTE):
        words = Message(
            "{path} lies on a network share ({kind}), where locks may not hold: two senders could send the same "
            'letter. Move it to a local disk and write data = "/var/lib/postiljon", or use PostgreSQL'
        )
        yield Finding("warning", subject, words.format(path=folder, kind=found))
    if left >= SCARCE and not found.startswith(_REMOTE):
        yield Finding("ok", subject, Message("{free} GB left", free=left // 1_000_000_000))


def _file_system(folder: Path) -> str:
    """Return the kind of file system that a folder lies on; empty where the system does not say."""
    try:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text("utf-8", "replace").splitlines()]
    except OSError:
        return ""
    path = os.path.realpath(folder)
    there = [(mount[1].replace("\\040", " "), mount[2]) for mount in mounts if len(mount) > 2]
    above = [item for item in there if os.path.commonpath([item[0], path]) == item[0]]
    return max(above, key=lambda item: len(item[0]), default=("", ""))[1]


def clock(context: AppContext) -> Iterator[Finding]:
    """Compare our clock with that of the database, or with the latest time that was stored."""
    now = context.clock()
    with context.db.read() as conn:
        if context.db.is_sqlite:
            latest = conn.execute(select(func.max(records.CAMPAIGN.c.changed_at))).scalar()
            ahead = latest - now if latest else timedelta()
        else:
            ahead = abs(conn.execute(text("SELECT clock_timestamp()")).scalar_one() - now)
    if ahead > OFF:
        words = Message(
            "it says {now}, {seconds} seconds away from the database; letters would leave at a wrong hour. Set it: "
            "timedatectl set-ntp true"
        )
        shown = words.format(now=f"{now:%Y-%m-%d %H:%M:%S} UTC", seconds=round(ahead.total_seconds()))
        yield Finding("warning", Message("clock"), shown)
    else:
        yield Finding("ok", Message("clock"), f"{now:%Y-%m-%d %H:%M:%S} UTC")


def writing(context: AppContext) -> Iterator[Finding]:
    """Check whether an opt-out that came now would be kept, as ``/health`` does."""
    probe.look(context.db)
    with context.db.write() as conn:
        probe.write(conn, context.clock())
    senders = context.data / "senders"
    if senders.exists() and not os.access(senders, os.R_OK | os.W_OK | os.X_OK):
        words = Message("the folder {path} cannot be written, so no sender can start; do: chown -R {owner} {path}")
        yield Finding("error", Message("writing"), words.format(path=senders, owner=context.data.owner()))
    else:
        yield Finding("ok", Message("writing"), Message("the database and the journal can be written"))


def brand(context: AppContext) -> Iterator[Finding]:
    """Check the brand of the installation, with its pictures."""
    path = context.campaign.brand
    found = house_brand(path, "-")
    for fault in found.warnings:
        yield Finding("warning", Message("brand"), of_fault(fault))
    if not found.warnings:
        plain = Message(
            "plain: none is set. For your name, address and colours in every letter, make a file brand.toml "
            '(docs/campaign-file.md says how) and write brand = "brand.toml" into {path}'
        )
        yield Finding("ok", Message("brand"), str(path) if path else plain.format(path=settings_file.in_use()))


def proxies(context: AppContext) -> Iterator[Finding]:
    """Report sign-ups that limits turned away, and proxies that are not trusted."""
    subject, now, zone = Message("sign-ups"), context.clock(), context.reader.timezone
    for all_of_it in sorted(one for one in context.reader.trusted_proxies if one.endswith("/0")):
        words = Message(
            "trusted_proxies has {network}: everybody is believed, so any visitor can pass for another and no limit "
            "holds. Name your reverse proxy alone, such as 127.0.0.1 or 172.18.0.0/16"
        )
        yield Finding("warning", Message("proxy"), words.format(network=all_of_it))
    with context.db.read() as conn:
        away, speakers = dropped.found(conn, now), dropped.speakers(conn, now)
    for speaker in (one for one in speakers if one.is_near):
        words = Message(
            "{peer} speaks for others (X-Forwarded-For) and is no trusted proxy: all its readers count as one visitor, "
            "with one limit ({number} requests, the last on {when}). If it is your reverse proxy, write {line} into "
            "postiljon.toml, or its network where its address changes, and start 'postiljon serve' again"
        )
        when, line = local_text(speaker.last.replace(microsecond=0), zone), speaker.line(context.reader.trusted_proxies)
        shown = words.format(peer=speaker.name, number=speaker.number, when=when, line=line)
        yield Finding("warning", Message("proxy"), shown)
    for one in away:
        words = Message(
            "{number} turned away since {day}: {reason}. If these were people behind one proxy or in one building, see "
            "trusted_proxies"
        )
        reason = dropped.REASONS[one.reason]
        yield Finding("warning", subject, words.format(number=one.number, day=one.since, reason=reason))
    strangers = [one.name for one in speakers if not one.is_near]
    if strangers:
        words = Message("not believed as proxies: {names}; only if one of them is yours, name it in trusted_proxies")
        yield Finding("ok", Message("proxy"), words.format(names=", ".join(strangers)))
    if not away:
        yield Finding("ok", subject, Message("none turned away in the last {days} days", days=dropped.KEPT.days))


def pages(context: AppContext) -> Iterator[Finding]:
    """Check whether the public address leads to us; asked only where everybody could ask."""
    url = context.reader.public_url
    if not url.startswith("https://") or reach_of_url(url) != "world":
        return
    why = _asked(f"{url}/health")
    if why:
        words = Message(
            "{url}/health does not answer as Postiljon does ({why}), so links in letters may lead nowhere. Look: "
            "curl -i {url}/health, the certificate, the reverse proxy, and whether 'postiljon serve' runs"
        )
        yield Finding("warning", Message("public pages"), words.format(url=url, why=why))
    else:
        yield Finding("ok", Message("public pages"), Message("{url} leads here", url=url))


def _asked(url: str) -> str:
    """Return the fault of the answer; empty when it is our own, even if it reports a problem."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:  # noqa: S310 - https, as was checked
            found = answer.read(_LONGEST)
    except urllib.error.HTTPError as error:
        if error.code != 503:
            return f"{error.code}"
        found = error.read(_LONGEST)
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", "") or error)
    try:
        return "" if "status" in json.loads(found) else "-"
    except (ValueError, TypeError):
        return "200, and not our words"


def serving(context: AppContext) -> Iterator[Finding]:
    """Check whether a process sends the campaigns that are planned or under way."""
    with context.db.read() as conn:
        due = records.in_states(conn, [CampaignState.SCHEDULED, CampaignState.SENDING])
        senders = outbox.running(conn)
    if due and not senders:
        words = Message("{slugs}: planned or being sent, and no sender runs. Do: systemctl start postiljon")
        yield Finding("warning", Message("sender"), words.format(slugs=", ".join(one.slug for one in due)))
    else:
        number = len(senders)
        yield Finding(
            "ok",
            Message("sender"),
            Message("{number} running", number=number) if number else Message("none is needed"),
        )
