"""Rules about the letter and the receiver's rules: spam, content, size, a full mailbox, policy.

See :mod:`mailer.outcome.rules`. Order matters: the first rule that applies wins.
"""

from __future__ import annotations

from mailer.outcome.rule import rule

SPAM = (
    rule(
        "spam",
        r"spam(?!haus|cop|rl)|\bjunk\b|unsolicited|\bbulk\b|\bube\b|\buce\b|\bscore\b",
        r"content (rejected|filter|denied|restriction)|5\.7\.350|suspicious|unwanted|undesir",
        r"message (looks|appears) (like|to be)|advert|marketing|pourriel|ungewollt|rejected by (content )?filter",
        r"graymail",
        examples=("dot 554 5.7.1 Message rejected as spam by Content Filtering.",),
    ),
    rule(
        "content",
        r"[45]\.6\.[0-6]\b|virus|malware|phish|trojan|infected|malicious|harmful|dangerous|attachment|executable",
        r"5\.7\.0 .*(message content|security issue)|message (content|contains)|content (of|in|is|presents|not)",
        r"\bcontent\b|\binhalt|5322|2822|not rfc|rfc.?compliant",
        r"header.{0,60}(missing|invalid|duplicate|malformed|required|too|not|bad|syntax|rejected)",
        r"(missing|invalid|duplicate|malformed|bad|no|multiple) .{0,20}(header|date:|message-id)|\burls?\b",
        r"\blinks?\b|hyperlink|illegal (char|attachment|content)|bare (lf|cr|newline|line)|surbl|uribl|\bdbl\b",
        r"line (is )?too long|lines? longer|encoding|charset|8.?bit|7.?bit|mime|invalid data",
        r"message (body|header|format|structure)|subject|signature|macro|zip\b",
        examples=("dot 550 This message contains a virus (Eicar-Test-Signature)",),
    ),
)

SIZE = (
    rule(
        "full",
        r"[45]\.2\.2\b",
        (
            r"(mail|in|post)?(box|folder|store|spool|disk|directory|fach|vak|dir)\W(\w+\W+){0,4}?(full|voll|"
            r"vol|pleine|plein|llen[oa]|cheia|piena|переполнен)"
        ),
        (
            r"(over|exceed\w*|exceeds|above|out of|violat\w+|past|reached|exhaust\w*|hit) (\w+ ){0,5}?(quota|"
            r"storage|space|allocation)"
        ),
        (
            r"(quota|storage|space|allocation|speicherplatz|speicher) (\w+ ){0,5}?(exceed\w*|violation|full|"
            r"reached|exhausted|over|limit|überschritten|erschöpft|depleted|ran out|is|check)"
        ),
        r"over ?quota|overquota|\bquota\b|out of (storage|space|disk)",
        r"insufficient (user |mailbox |disk )?(storage|space)|no space",
        r"mailbox (size|is over|has exceeded|limit|is at)|user is over|mailbox.{0,30}(too large|exceed)",
        r"inbox is out of|not enough (storage |disk |free )?(space|room)|postfach.*voll|speicherplatz",
        r"bo[iî]te.*pleine|casilla.*llena|buz[oó]n.*lleno|is full\b|mailfolder is full",
        r"too many (messages|mails) (on this mailbox|in (the|this) (mailbox|inbox|folder))",
        examples=(
            "552 5.2.2 Mailbox full",
            "552 5.1.1 <x@example.org> extended quota violation",
        ),
    ),
    rule(
        "too_big",
        r"[45]\.3\.4\b|5\.2\.3\b",
        (
            r"(message|mail|size|letter|e-?mail|nachricht|bericht|attachment|body).{0,40}(too (large|big|"
            r"long)|exceed\w*|limit|larger|bigger|maximum|over the|groß|groot)"
        ),
        r"(exceed\w*|over|above|larger than|bigger than|maximum|max) .{0,40}\bsize\b|too (big|large)|te groot",
        r"zu gro[sß]|trop (gros|grand|volumineux)|\bsize\b",
        examples=("dot 552 5.3.4 Message size exceeds fixed limit",),
    ),
    rule(
        "needs_utf8",
        r"[45]\.6\.7\b|smtputf8|internationali[sz]ed|non.?ascii|utf.?8",
    ),
)

POLICY = (
    rule(
        "policy",
        r"polic(y|ies|ía)|policyd|administrative(ly)?|access (was |is |has been )?(denied|restricted|forbidden)",
        r"access control|not (authori[sz]ed|allowed|permitted|accepted|acceptable)(?! recipient)|prohibit",
        r"forbidden|restrict|disallow|verboden|beleid|richtlinie|unauthori[sz]ed|interdit|prohibid|vietato",
        r"block(ed|ing|s)?\b|blocage|geblokkeerd|blockiert|bloqu|заблокирован|bann?ed|security|firewall",
        r"filter(ed)?|\brules?\b|violat|suspect|abuse|blackholed|gateway|antispam|protection|challenge|whitelist",
        r"white list|allow.?list|denied|connection refused|not accepting (mail|message|e?-?mail)s? from",
        r"rejected by|refused by|does not (want|accept) (your|mail from|messages? from)|not (want|interested)",
        r"\bsenders?\b|\bspam\w*|\blimi(t|et)\w*|\bfrequen\w+|too many|exceed|attempts",
        examples=(
            "554 5.x Reject due to policy restrictions",
            "552 5.1.1 <x@example.org> policy error",
            "550 Blocked",
        ),
    ),
)
