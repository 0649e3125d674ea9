"""The fixture of an issue for later code: a database, tokens and a letter, made by its own code.

``python -m tests.support.released 3`` writes ``tests/fixtures/released/issue-3/`` by the ordinary commands. It is made
once, when an issue is done, and never again: later code must migrate, verify and show what lies there.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

from tests.support.commandline import EXAMPLES, Catcher, CommandLine, Mailbox, catching, fetch, free_port

FOLDER = Path(__file__).parent.parent / "fixtures" / "released"
FILES = ("denkt-u-mee.md", "vng.toml", "vng-logo.png")
READER, SLUG = "esther@waterhoek.example", "denkt-u-mee"
PEOPLE = f"""email,name,language,salutation,role[]
{READER},Esther van der Mark,nl,mevrouw Van der Mark,raadslid|griffier
jan@münchen.example,Jan de Jong,de,heer De Jong,
communicatie@noordermeer.example,,nl,,
"""


def make(issue: str) -> Path:
    """Write the folder of an issue; refuses to write over one that is there."""
    target = FOLDER / f"issue-{issue}"
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        cli, mailbox = CommandLine(Path(folder)), Mailbox()
        for name in FILES:
            shutil.copy(EXAMPLES / name, folder)
            shutil.copy(EXAMPLES / name, target)
        with catching(Catcher(mailbox)) as port:
            cli.environment |= {"POSTILJON_SMTP_URL": f"smtp://127.0.0.1:{port}", "POSTILJON_BRAND": "vng.toml"}
            cli.write("people.csv", PEOPLE)
            cli.do("init")
            cli.do("contacts", "import", "people.csv", "--topic", "verenigingsnieuws", "--basis", "member")
            cli.do("send", f"{SLUG}.md", "--yes")
        caught = next(item for item in mailbox.all() if item.recipient == READER)
        (target / "message.eml").write_bytes(caught.content)
        facts = _facts(cli, caught.part("plain"))
        _keep(Path(folder) / "data", target)
    (target / "facts.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return target


def _facts(cli: CommandLine, text: str) -> dict[str, object]:
    """The links of the letter, what *read online* answered, and what the commands said."""
    links = {name: re.findall(rf"http://127\.0\.0\.1:8000(/{name}/[\w-]+)", text)[0] for name in "udo"}
    port = free_port()
    with cli.running("serve", "--public-only", "--port", str(port)):
        _, page = fetch(f"http://127.0.0.1:{port}{links['o']}")
    online = hashlib.sha256(page.encode()).hexdigest()
    status = {key: value for key, value in cli.status(SLUG).items() if key != "details"}
    person = cli.do("contacts", "show", READER, "--json").json
    return {"links": links, "online_sha256": online, "status": status, "reader": person}


def _keep(data: Path, target: Path) -> None:
    """The database in one file, and the secrets that go with it (made for this, and used nowhere else)."""
    with sqlite3.connect(data / "postiljon.db") as connection:
        connection.execute("VACUUM INTO ?", (str(target / "postiljon.db"),))
    connection.close()
    shutil.copy(data / "secrets.toml", target)


if __name__ == "__main__":
    print(make(sys.argv[1]))
