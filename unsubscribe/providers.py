"""Domains at which anybody can have a mailbox, and no mailbox gets the mail for names that do not exist.

Promises: many people of one network may sign up at one of these. At any other domain all names may lead to one mailbox
(a *catch-all*). The list need not be complete: addresses at a missing domain share one limit.
"""

from __future__ import annotations

PUBLIC_PROVIDERS = frozenset(
    {
        "aol.com",
        "fastmail.com",
        "freenet.de",
        "gmail.com",
        "gmx.com",
        "gmx.de",
        "gmx.net",
        "googlemail.com",
        "home.nl",
        "hotmail.be",
        "hotmail.com",
        "hotmail.fr",
        "hotmail.nl",
        "icloud.com",
        "kpnmail.nl",
        "kpnplanet.nl",
        "laposte.net",
        "libero.it",
        "live.be",
        "live.com",
        "live.nl",
        "mac.com",
        "mail.ru",
        "me.com",
        "msn.com",
        "online.nl",
        "orange.fr",
        "outlook.be",
        "outlook.com",
        "outlook.de",
        "outlook.fr",
        "planet.nl",
        "proton.me",
        "protonmail.com",
        "skynet.be",
        "solcon.nl",
        "t-online.de",
        "telenet.be",
        "upcmail.nl",
        "web.de",
        "xs4all.nl",
        "yahoo.com",
        "yahoo.de",
        "yahoo.fr",
        "yandex.com",
        "yandex.ru",
        "ziggo.nl",
        "zonnet.nl",
    }
)
