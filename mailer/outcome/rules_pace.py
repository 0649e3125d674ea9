"""Rules about *later*: too fast, greylisting, the reputation of our server, and problems of the other server.

See :mod:`mailer.outcome.rules`. Order matters: the first rule that applies wins.
"""

from __future__ import annotations

from mailer.outcome.rule import rule

SPEED = (
    rule(
        "wait",
        r"(user|recipient|mailbox|account) you are trying to (contact|reach) is receiving mail",
        r"4\.2\.1\b.*(receiving|rate|quick)",
        first=4,
        examples=("450 4.2.1 The user you are trying to contact is receiving mail too quickly.",),
    ),
    rule(
        "speed",
        r"(per|a|each|/) ?(second|minute|sec|min|connection|session)s?\b|4\.5\.3\b|separate transaction",
        r"too many recipients|number of rcpt|rcpt numbers|throttl|rate.?limit",
        r"rate (of|for) .{0,40}(exceed|limit|too)",
        r"(sending|send|message|connection|submission|mail|email|delivery|client) rate",
        r"(exceed\w*|maximum|max|high|excessive|unusual|above|over) (\w+ ){0,4}(rate|frequency)\b",
        r"(frequency|rate)\W(\w+\W+){0,3}(limit|exceed|too (high|fast))",
        (
            r"too (many|much) (\w+ ){0,3}?(connection|message|mail|e-?mail|session|concurrent|simultaneous|"
            r"parallel|rcpt|request|deliver|thread|transaction|command|connexion|verbindung)\w*"
        ),
        r"too many (\w+ ){0,3}(at once|at (the|a) (same )?time|simultaneous\w*|in (this|one|a) )",
        r"too (fast|quick|frequent|often)\w*|slow(er)? down|slow (it )?down|not so fast|zu (schnell|viele)|te snel",
        r"trop (de|vite|rapid)",
        r"(concurrent|simultaneous|parallel) (\w+ ){0,3}(connection|session|limit|thread|client|exceed)\w*",
        r"(connection|session|thread|concurrency)s? (\w+ ){0,2}(limit|count|number|maximum|max)\w*",
        r"connection refused.*too many|max(imum)? (number )?(of )?(\w+ )?(connection|session|thread)s?",
        r"max(imum)? number of messages",
        (
            r"(server|system|service|host|we) (is |are |too |currently |temporarily |very |trop )*(busy|"
            r"overload|occup)"
        ),
        r"\bbusy\b|overloaded|load (average )?(is )?(too )?high|high (system )?load|excessive load|heavy load",
        r"surcharg|überlast|overbelast|4\.7\.500\b|4\.3\.2\b.*(busy|connection|limit|rate|load)",
        r"excessive (volume|rate|connection|message|traffic)|receiving mail (too quickly|at a rate)",
        r"higher number of|limit.{0,20}(connection|concurren|simultaneous)|(interval|time) between|back ?off",
        r"trop de connexions|(demasiad|trop|troppe|muitas|zu viele|te veel) \w+",
        examples=(
            "454 Throttling failure: Maximum sending rate exceeded.",
            "dot 550 5.7.0 too many emails per second",
            "550 Sender frequency limited",
            "421 4.7.0 mx.example.org Error: too many connections from 192.0.2.1",
            "451 4.7.500 Server busy. Please try again later from [192.0.2.1].",
        ),
    ),
)

GREYLIST = (
    rule(
        "greylist",
        r"gr[ea]y.?(list|lijst|ing)|grijslijst|liste grise|lista gris|postgrey|graylist",
        r"(try|come) (again|back) (in|after) (\d+|a few|some|five) (s|m|sek)",
        (
            r"(first|initial|unknown|new) (time )?(delivery|triplet|sender.recipient|contact).{0,60}(later|"
            r"again|retry|defer)"
        ),
        r"(temporar\w+|early) (rejected|deferred|blocked).{0,30}(first|initial|unknown) |retry in \d+ ?(s|m)",
        first=4,
        examples=(
            "451 4.7.1 Greylisting in action, please come back later",
            "450 4.2.0 <x@example.org>: Recipient address rejected: Greylisted, see http://postgrey.example/help",
        ),
    ),
    rule(
        "wait",
        r"gr[ea]y.?list|grijslijst",
        first=5,
    ),
    rule(
        "wait",
        (
            r"^(?!.*(reputation|blocklist|spamhaus|dnsbl|black|\blisted\b|complain|full|quota|size|spam|"
            r"content)).*(temporar|try again|come back|later\b|retry)"
        ),
        first=4,
        examples=("454 4.7.0 Temporary authentication failure",),
    ),
)

REPUTATION = (
    rule(
        "blocked",
        r"[45]\.7\.28\b|4\.7\.65[0-9]\b|\btss?0?\d|\[ts0\d\]|temporar\w+ (rate limited|deferred) due to",
        r"block.?list|black.?(list|hole)|deny.?list|denied list|spamhaus|\bzen\b|spamcop|barracudacentral",
        r"\brbl\w*\b|dnsbl|\bsbl\b|\bpbl\b|\bcss\b|\bxbl\b|sorbs|uceprotect|abusix|invaluement|cloudmark",
        r"mail-abuse|spamrl|senderbase|senderscore|abuseat|backscatterer|nixspam|truncate|psbl|mailspike|hostkarma",
        r"trustedsource|ipcheck|sophos.{0,20}list|s3140|s3150|banned sending ip|\bib\d{3}",
        r"[\[(](hvu|dns|rly|cph|ioc|tns|dyn|bad|ts|bl|con):?b?\d|reputation|complaint|complain",
        r"unsolicited mail originating|volume or user",
        (
            r"\bips? ?(address(es)?)?\b.{0,60}\b(is |are |was |has been |have been )?(temporar\w+ )?(blocked|"
            r"listed|banned|blacklisted|denied|rejected|refused|not allowed|bad|poor|prison|suspicious|"
            r"dynamic|generic|forbidden|gesperrt|geblokkeerd)"
        ),
        (
            r"(blocked|banned|listed|rejected|denied|refused|deferred) (\w+ )?(ip|host|server|network|mta|"
            r"mail ?server|sending ip|client)\b"
        ),
        (
            r"(client|client host|host|server|mta|network|sender host) .{0,60}(blocked|blacklisted|banned|"
            r"listed|rejected|denied|refused)"
        ),
        r"access denied.{0,60}(\bip\b|cloudfilter|bl\b)|access from (ip|your|this)|blocked (using|see|- see)",
        r"blocked.{0,5}https?|block(ed)? (this|your) (ip|server|host)",
        (
            r"(mail|connections?|messages?|smtp|email) (will not be |not |is not |are not |"
            r"cannot be )?(accepted )?from (this|your|dynamic|ip|@|the (ip|host|server))"
        ),
        (
            r"(your|sender'?s?|sending|source|originating|client|connecting|remote|this) (ip|server|network|"
            r"host|mail server|mta|mailserver|isp|internet service)\b"
        ),
        r"is on (a|our|the) .{0,30}list|on our (block|black|internal) ?list|internal list",
        r"local (block|black|deny|access) ?list|client host rejected: (?!cannot)|dynamic (ip|host|address|pool)",
        r"(generic|residential|consumer|home) (ip|host|line|range)|5\.7\.60[67]|5\.7\.511",
        r"5\.7\.1 service unavailable|5\.7\.1.*service unavailable|ask your postmaster for help|dnswl|\bprison\b",
        r"unusual rate of unsolicited|proofpoint.{0,30}(dynamic|pdr)",
        examples=(
            ("dot 421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address."),
            "mail 451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation.",
            "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
        ),
    ),
)

TROUBLE = (
    rule(
        "route",
        r"[45]\.4\.[034678]\b(?!.*(access denied|recipient))|hop count|too many hops|mail loop|loops? back",
        r"routing loop|(no|unable to|cannot|can't) (route|find a route)",
        r"connect(ion)? (to .{1,60})?(timed|refused|failed)|host.*(unreachable|not respond|unavailable)",
        r"(dns|mx|host(name)?) (lookup|resolution|query)? ?(fail|error|timeout|server|timed)",
        r"name service error.*(try again|timeout)|server not responding|no route to host|network (is )?unreachable",
        r"too long in queue|message expired|undeliverable for",
        first=4,
    ),
    rule(
        "route",
        r"hop count|too many hops|mail loop|loops? back|routing loop|connection timed out",
        r"(dns|mx).{0,20}(time(d )?out|server fail)|5\.4\.(3|6|8|14)\b|message expired|too long in queue",
        r"delivery time expired|4\.4\.7\b|5\.4\.7\b",
    ),
    rule(
        "trouble",
        (
            r"(insufficient|not enough|out of|low) (system |disk |free )*(storage|space|resources|"
            r"memory)(?!.*(mailbox|recipient|inbox))"
        ),
        r"local (error|problem)|internal (server |system )?(error|problem)|configuration (error|problem)",
        r"server error|system (error|problem|failure)",
        (
            r"(lookup|look-up|database|ldap|sql|queue|file|write|read|disk|io|scan\w*|policy server|milter|"
            r"content filter) (\w+ )?(failure|failed|error|problem|unavailable|timeout)"
        ),
        r"temporar\w+ (\w+ )?(failure|failed|error|problem|lookup|unavailable|out of|issue|fault|local)|time.?out",
        r"timed out|idle too long|shutting down|shutdown|going down|maintenance|starting up",
        r"not (currently )?(available|ready)|closing (transmission )?(channel|connection)",
        r"connection (is )?(closed|closing|dropped|reset|lost)|lost connection",
        (
            r"service (is )?(currently |temporarily )?(not available|unavailable|closed|"
            r"refus)(?!.*(client host|blocked))"
        ),
        r"unable to (verify|check|contact|connect|process|write|complete|accept)(?!.*sender)",
        r"cannot (verify|check|process|complete)|please (call|contact) .{0,40}(support|help ?desk)",
        r"technical (problem|difficult)|störung|storing|panne",
        first=4,
        examples=(
            "dot 451 4.3.0 Error: queue file write error",
            "421 4.4.2 mail.example.org Error: timeout exceeded",
        ),
    ),
    rule(
        "wait",
        (
            r"(try|come|retry|resend|send|call|connect) (it |the message |this message |your message |"
            r"mail )?(again|back|later|in|after)"
        ),
        r"try later|later again|again later|later\.?$|at a later (time|date)|resend your message|\bretry\b",
        r"please wait|wait|too many errors|connection expired|temporar(y|il\w*)|deferred|defer\b|delayed|postpone",
        r"momentan|vorübergehend|tijdelijk|provisoir|tempor|plus tard|später|nochmal|opnieuw|r[ée]essa|más tarde",
        r"mais tarde|più tardi|позже|попробуйте|too many recipients|4\.5\.3\b|5\.5\.3\b|multiple recipients",
        r"one recipient at a time|separate transaction|service (is )?(currently|temporarily) unavailable",
        examples=("550 Requested action not taken: mailbox unavailable Failure sending mail. Try again later.",),
    ),
)
