"""The usual script: Jinja, EmailMessage and aiosmtplib over ten connections. The row to beat by 25.

Usage: python -m bench.plain_script PORT PEOPLE.csv NUMBER HTML TEXT
"""

from __future__ import annotations

import asyncio
import csv
import itertools
import sys
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import jinja2


async def main(port: int, people: Path, number: int, html: str, text: str) -> None:
    """Send ``number`` letters, each from its own template run."""
    env = jinja2.Environment(autoescape=True)
    html_template, text_template = env.from_string(html), env.from_string(text)
    with people.open(encoding="utf-8") as file:
        rows = list(itertools.islice(csv.DictReader(file), number))
    queue: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    for row in rows:
        queue.put_nowait(row)

    async def worker() -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, use_tls=False, start_tls=False) as client:
            while not queue.empty():
                contact = queue.get_nowait()
                link = f"http://127.0.0.1:8000/u/{contact['email'][:20]}"
                message = EmailMessage()
                message["From"], message["To"] = "VNG <info@vng.nl>", contact["email"]
                message["Subject"] = "Denkt u mee over regionale samenwerking?"
                message["List-Unsubscribe"] = f"<{link}>"
                message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
                message.set_content(text_template.render(contact=contact, link=link))
                message.add_alternative(html_template.render(contact=contact, link=link), subtype="html")
                await client.send_message(message)

    await asyncio.gather(*(worker() for _ in range(10)))


if __name__ == "__main__":
    asyncio.run(
        main(
            int(sys.argv[1]),
            Path(sys.argv[2]),
            int(sys.argv[3]),
            Path(sys.argv[4]).read_text(),
            Path(sys.argv[5]).read_text(),
        )
    )
