"""The cost of writing a letter, without disk and network: ``python -m bench.compose [--letter NAME …] [--turns N]``.

In turns, so that the noise of the machine meets both: messages by the slow way (``Composer.message``) and by the flat
one (``mailer.letter.flat_message``), of which every byte is compared first; and the tokens of a letter alone, as their
specification makes them and as a sender does. Printed: microseconds of processor for a letter, the median of the turns,
and the ratio.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from bench.send import LINKS, PUBLIC, RING, reader
from mailer import return_path
from mailer.letter.compile import compile_letter
from mailer.letter.compose import Composer
from mailer.outbox import Claimed, Counts, Identity, Mailing, MailingSpec
from mailer.signing import LETTER_TOKENS, Purpose, Token, letter_sealer, seal, to_local_part, to_text
from mailer.transport.base import OutgoingMessage
from mailer.worker import Filled
from mailer.worker.message_builder import _MailingContext
from tests.support.letters import example

RETURN_PATH = "bounces@vng.nl"
TOGETHER = 10  # letters that are claimed at one moment
NOW = datetime(2024, 9, 18, 7, 0, tzinfo=UTC)
FIRST_NAMES = ("Esther", "José", "", "Anne-Marie", "Mohammed", "Zoë", "J. P.")
ROLES = ("councillor", "clerk", "", "alderman")

Work = Callable[[Claimed, Filled], object]


def people(number: int) -> list[tuple[Claimed, Filled]]:
    """Return claims and values of ``number`` invented readers."""
    found = []
    for one in range(number):
        contact: dict[str, object] = dict(reader(one))
        contact |= {"first_name": FIRST_NAMES[one % 7], "role": ROLES[one % 4], "topics": ["water", "bos"][: one % 3]}
        at = NOW + timedelta(milliseconds=3 * (one // TOGETHER))
        if one % TOGETHER:
            at = found[-1][0].first_claimed_at
        claim = Claimed(one, 1, one, reader(one)["email"], b"", "", 1, 0, at)
        found.append((claim, Filled(f"Reader {one}", {"contact": contact})))
    return found


def kits(letter: str) -> tuple[_MailingContext, _MailingContext]:
    """Return the makers of a letter's messages: the slow way, the flat one."""
    identity = Identity(PUBLIC, RETURN_PATH, RING.current.id)
    spec = MailingSpec("bench", "campaign", "news", "", identity)
    mailing = Mailing(1, spec, "open", "", True, 0, Counts(), NOW, NOW)
    composer = Composer(compile_letter(example(letter)).letter)
    slow, flat = (_MailingContext(composer, RING.current, mailing, LINKS, None) for _ in range(2))
    slow._flat = None
    return slow, flat


def plain_tokens(claim: Claimed, _filled: Filled) -> tuple[object, ...]:
    """The tokens of a letter as their specification has them."""
    texts = [to_text(seal(RING.current, Token(purpose, 1, claim.recipient))) for purpose in LETTER_TOKENS]
    back = to_local_part(seal(RING.current, Token(Purpose.RETURN_PATH, 1, claim.recipient)))
    local, domain = RETURN_PATH.split("@")
    return "".join(texts).encode(), f"{local}+{back}@{domain}"


def quick_tokens() -> Work:
    """The same as a sender makes them."""
    three, back = letter_sealer(RING.current, 1), return_path.maker(RETURN_PATH, RING.current, 1)
    return lambda claim, _filled: (three(claim.recipient), back(claim.recipient))


def spent(work: Work, on: Sequence[tuple[Claimed, Filled]]) -> float:
    """Microseconds of processor for each."""
    begun = time.process_time()
    for claim, filled in on:
        work(claim, filled)
    return (time.process_time() - begun) / len(on) * 1e6


def compare(label: str, plain: Work, quick: Work, on: Sequence[tuple[Claimed, Filled]], turns: int) -> None:
    """Compare what the two make, measure them in turns, print."""
    for claim, filled in on:
        if plain(claim, filled) != quick(claim, filled):
            raise SystemExit(f"{label}: the two ways differ for reader {claim.recipient}")
    gc.disable()
    pairs = [(spent(plain, on), spent(quick, on)) for _ in range(turns)]
    gc.enable()
    one, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(quick / plain for plain, quick in pairs)
    print(f"{label:24} slow {one:6.2f} us, fast {other:6.2f} us, ratio {ratio:.2f}", flush=True)


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.compose", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--letter", nargs="*", default=["denkt-u-mee", "have-your-say", "alle-blokken"])
    parser.add_argument("--letters", type=int, default=5_000)
    parser.add_argument("--turns", type=int, default=15)
    arguments = parser.parse_args()
    readers = people(arguments.letters)
    for name in arguments.letter:
        slow, flat = kits(name)
        size = len(_message(flat, *readers[0]).content)
        compare(f"{name} ({size:,} B)", slow.message, flat.message, readers, arguments.turns)
    compare("the tokens alone", plain_tokens, quick_tokens(), readers, arguments.turns)


def _message(kit: _MailingContext, claim: Claimed, filled: Filled) -> OutgoingMessage:
    return kit.message(claim, filled)


if __name__ == "__main__":
    main()
