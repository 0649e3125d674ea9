"""Rules about the mailbox: it does not exist (*clear*), or it is not available (*unclear*).

See :mod:`mailer.outcome.rules`. They come last: any other cause in a reply contradicts a statement about the mailbox.
``RFC_5321`` and ``FIRST`` come before all others, since their words are misleading.
"""

from __future__ import annotations

from mailer.outcome.rule import rule

_WHO = (
    r"(user|recipient|rcpt|mailbox|mail ?box|(?<!ip )address|account|e-?mail|addressee|alias|person|inbox|customer|"
    r"username|destination|local.part|login|uid|contact|member|subscriber|identity|entry|postbox)"
)

_IN_BETWEEN = r"(\s+(\S+\s+){0,6}?|[\s:,;.<>()\[\]\"'-]+)"

FIRST = (
    rule(
        "unavailable",
        r"mailbox unavailable \(e\.?g\.?,? ?mailbox not found",
        r"5\.4\.1\b.{0,20}recipient address(es)? rejected ?: access denied",
        r"^(5\.5\.0 )?requested (mail )?action not taken: mailbox unavailable\W*(\(s\d+\))?\W*(\[[^\]]*\])?\W*$",
        stages="rcpt data dot",
        first=5,
        examples=(
            (
                "550 Requested action not taken: mailbox unavailable (e.g., mailbox not found, no access, or com"
                "mand rejected for policy reasons)"
            ),
            "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)",
        ),
    ),
    rule(
        "policy",
        r"resolver\.rst\.(sendernotauth|notauthorized|authrequired)|5\.7\.13[0-9]\b|5\.7\.12[0-9]\b",
        r"envelope blocked|\[cs01\]|anti-?spoof|refused to receive this|5\.7\.50[12]\b",
    ),
    rule(
        "trouble",
        r"temporary .{0,40}(lookup|dns) (failure|error)|unverified address: |server configuration (error|problem)",
        first=4,
    ),
    rule(
        "unproven",
        r"[45]\.7\.(2[03467]|3[012]|40|515|509|15)\b(?!.*(null|tls))|invalid dns mx|invalid ip for sending",
    ),
    rule(
        "tls",
        r"[45]\.7\.29\b|without (ssl|tls|ssl/tls) |tls not (supported|available)",
    ),
    rule(
        "route",
        r"\bhops?\b|mail loop|loop detected",
    ),
    rule(
        "blocked",
        r"[45]\.7\.28\b|4\.7\.65\d\b|\btss\d+|\[ts0\d\]|(low|poor|bad) (\w+ )?reputation|due to (\w+ )?reputation",
        r"unusual rate of unsolicited|unsolicited e?-?mail originating|not authori[sz]ed to send e?mail directly",
        r"5\.7\.708\b",
    ),
    rule(
        "wait",
        r"recipient has exceeded .{0,40}limit|mailbox busy",
    ),
    rule(
        "full",
        r"inbox is out of storage|user has too many (messages|mails)|zuviele mails|out of storage space",
        r"[45]\.2\.2\b(?!.*(rate|gr[ea]y))",
    ),
    rule(
        "too_big",
        r"[45]\.3\.4\b.*size|message size (limit|exceed)|length of data|too much mail data|body is too big",
        r"stream is more than",
    ),
    rule(
        "inactive",
        r"5\.2\.1\b.*(disabled|inactive|suspend|lock|d.?sactiv)",
        stages="rcpt data dot",
    ),
    rule(
        "no_address",
        r"invalid mailbox\. local mailbox.{0,80}(not found|terminated)|dd this user",
        first=5,
    ),
    rule(
        "inactive",
        r"invalid mailbox\. local mailbox.{0,80}disabled|not found or inactiv|disabled or discontinued",
        first=5,
    ),
    rule(
        "bad_address",
        r"mailbox name not allowed|not a valid rfc",
        first=5,
    ),
    rule(
        "content",
        r"\bvirus\b|\bmalware\b|\bphish|5322 compliant|\bdbl\b|surbl|uribl|domain present in",
    ),
    rule(
        "spam",
        r"content judged to be spam(?!.{0,60}\bip\b)|dt:spm",
        stages="data dot",
    ),
    rule(
        "relay_denied",
        r"credentials for relay",
    ),
)

CLEAR = (
    rule(
        "unavailable",
        (
            r"\b(unknown|not found|exists?|sconosciut[oa]|desconocid[oa]|inconnue?|unbekannt|onbekend) (or|"
            r"oder|of|ou|o) (?!illegal|invalid)"
        ),
        first=5,
        examples=("550 <x@example.org>: User unknown or not accepting mail",),
    ),
    rule(
        "inactive",
        r"\b(disabled|deactivated|suspended|inactive|expired)\b(?!.*(domain|server|service))",
        first=5,
    ),
    rule(
        "bad_address",
        r"[45]\.1\.3\b|(bad|invalid|illegal|malformed) (recipient |destination |mailbox )*address syntax",
        r"(syntax|format)\W(\w+\W+){0,4}?(address|recipient|mailbox)",
        r"(address|recipient|mailbox)\W(\w+\W+){0,4}?(syntax|format|malformed|not rfc)|mailbox name not allowed",
        r"mailbox syntax",
        examples=("501 5.1.3 Bad recipient address syntax",),
    ),
    rule(
        "no_mail_domain",
        r"null ?mx|5\.7\.27\b.*null|does not accept (any )?(e?-?mail|incoming)|accepts no (e?-?mail|incoming)",
        r"domain never (sends|receives)|domain (is )?not (accepting|configured to receive)",
        r"(does not|doesn't) (receive|accept) (any )?(e?-?mail|incoming)",
        r"no (mail|smtp) (service|server|mailboxes) (here|for (this|that) domain)|not a mail (host|domain)",
        r"host does not accept mail",
        examples=("556 5.1.10 Recipient address has null MX",),
    ),
    rule(
        "closed",
        r"\bdd (this|user|not a valid)|dd .*doesn't have|554\.30",
        (
            r"(mailbox|account|address|user|recipient|e-?mail|inbox|alias|domain)\W(\w+\W+){0,5}?(closed|"
            r"deleted|removed|terminated|cancell?ed|retired|abandoned|purged|opgeheven|gelöscht|supprim|"
            r"eliminad|chius|удал)"
        ),
        r"discontinued|no longer on system",
        (
            r"no longer (in use|used|active|exists?|valid|available|on (this )?server|accept|receiv|works?|"
            r"with|employed|a |monitored|here|part|maintained|supported)"
        ),
        r"(has|is|have) left (the|this|our)|is opgeheven|bestaat niet meer|existiert nicht mehr|n'existe plus",
        r"ya no existe|mailbox (is )?no longer",
        r"(closed|deleted|discontinued|terminated|cancell?ed|retired) (mailbox|account|address|user|recipient)",
        examples=("550 5.1.1 This account has been closed",),
    ),
    rule(
        "no_domain",
        (
            r"(host|domain|domein|domaine|dominio|hostname|name service error).{0,60}?(not found|does(n'?t|"
            r" not) exist|unknown|nxdomain|non.?existent|onbekend|bestaat niet|inconnu|has no (valid )?(mx|"
            r"mail)|no valid mx|invalid)"
        ),
        r"nxdomain|find the (recipient )?domain|no such (domain|host)",
        r"(unknown|invalid|non-?existent|bad) (mail )?(domain|host|destination (system|host))",
        r"unrouteable (mail )?domain|all relevant mx records point to non-?existent|no (mx|mail exchanger)",
        r"bad destination (system|host)",
        examples=("550 5.1.2 <x@example.org>: Recipient address rejected: Domain not found",),
    ),
    rule(
        "moved",
        r"5\.1\.6\b.*(moved|new|try|forward)|(has|have|was) moved|user not local|new address is|is verhuisd",
        r"changed (his|her|their|its)? ?(e-?mail )?address|mailbox owner has changed|please (use|try) <?@|now at @",
        r"forward(ing)? address",
        examples=("551 5.1.6 User has moved; please try <y@example.org>",),
    ),
    rule(
        "no_address",
        (
            r"(no such|unknown|invalid|non-?existent|unrecogni[sz]ed|bad|undefined|no|not a valid|not a known|"
            r"nonexisting|unallocated|incorrect|not valid|illegal|unknown or illegal|missing) (local |"
            r"destination |e-?mail |mail |smtp |delivery |virtual |final |rcpt )*"
        )
        + _WHO
        + (
            r"s?\b(?!.{0,12}(verification|provided|policy|is (disabled|full|busy|inactive)))(?! (is )?(access|"
            r"unavailable))"
        ),
        _WHO
        + r"s?\b( address)?"
        + _IN_BETWEEN
        + (
            r"(is |was |has been |does |do |could |can |cannot |may |has |are |be |currently |marked as |"
            r"listed as |flagged as )*(unknown|invalid|inv[aá]lid\w*|not (be )?(found|exists?|known|valid|here|"
            r"recogni[sz]ed|listed|present|available on|defined|deliverable|located|resolved|a valid|handled|"
            r"registered)|doesn'?t exist|don'?t exist|non.?exist\w*|not exist|undefined|unallocated|undeliverable|"
            r"incorrect|wrong|no such)"
        ),
        r"non esiste|no exists|(does|do|dos|did)(n'?t| not) exist|user (unknown|doesn't|not known)",
        r"does(n'?t| not) have an? .{0,40}(account|mailbox)|unknown user|unknown recipient|unknown address",
        (
            r"(no|not any) (mailbox|mailboxes|user|one|account|person)\b.{0,30}\b(here|by|with|found|that|"
            r"this|named|called|match)"
        ),
        r"@\W{1,4}(is )?(unknown|not found|unbekannt|inconnu|onbekend)\b|recipi?e?n?t?notfound|recipnotfound",
        r"resolver\.adr|not our customer|not a customer|no one (here )?by that",
        (
            r"(is not|isn'?t|not) (a )?(valid|known|existing|registered|active|recogni[sz]ed|local) (user|"
            r"mailbox|recipient|address|account|e-?mail)"
        ),
        r"does not like recipient|recipient (address )?(does not|doesn't|not) exist",
        r"unable to find (the )?(recipient|user)",
        r"(can|could)(no|n'|')?t find (that|this|the|a|your)? ?(user|address|recipient|mailbox)",
        r"(gebruiker|ontvanger|postvak|adres|mailadres|mailbox).*(onbekend|bestaat niet|niet gevonden|ongeldig)",
        (
            r"(empf.{1,2}nger\w*|benutzer\w*|postfach|adresse|konto|nutzer|mailbox|teilnehmer).*(unbekannt|"
            r"existiert nicht|nicht vorhanden|nicht bekannt|ung.{1,2}ltig|nicht gefunden|gibt es nicht)"
        ),
        (
            r"(utilisateur|destinataire|adresse|bo.{1,2}te|compte).*(inconnue?|n'existe pas|inexistante?|"
            r"invalide|introuvable)"
        ),
        r"no existe|inexist|desconocid|desconhecid|não existe|sconosciut|inesistente|nieznan|nie istnieje",
        r"не существует|не найден|такого|unbekannt|inconnu|unrouteable address|unroutable address",
        r"not a valid mailbox|no mailbox( |$)|mailbox not found|user not found|not found by smtp address lookup",
        (
            r"(recipient|user|mailbox|address|account).{0,20}not in (our|the|my|this) (directory|database|"
            r"list|system|domain)"
        ),
        r"not in (the )?(directory|address book)|that address|there is no (such )?(user|account|mailbox|one)",
        r"address (is )?(not found|unknown|invalid|does not exist)|name not found",
        examples=(
            "550 5.1.1 <x@example.org>: Recipient address rejected: User unknown in local recipient table",
            "550 5.1.1 The email account that you tried to reach does not exist.",
            "550 No Such User Here",
        ),
    ),
)

UNCLEAR = (
    rule(
        "policy",
        r"[45]\.7\.\d+\b.*(reject|refus|denied|not accept|unavailable)",
    ),
    rule(
        "inactive",
        r"inactiv|[45]\.2\.1\b|not activ|deactivated|gesperrt|deaktiviert|gedeactiveerd|désactiv|inactif|inativ",
        r"desactivad|disattivat|неактивн|dormant|frozen|not poped",
        (
            r"(account|mailbox|user|recipient|address|inbox|alias|e-?mail)\W(\w+\W+){0,5}?(disabled|suspended|"
            r"locked|frozen|blocked|suspend|disable|hold|lock)"
        ),
        r"(disabled|suspended|locked|frozen) (recipient|mailbox|account|user|address)|compte suspendu",
        examples=("550 5.2.1 The email account that you tried to reach is disabled.",),
    ),
    rule(
        "unavailable",
        r"mailbox unavailable|\bdd requested",
        (
            r"(mailbox|recipient|user|address|account|inbox)\W(\w+\W+){0,5}?(unavailable|not available|"
            r"not accessible|cannot be accessed|not accepting|refus|reject|not accepted|cannot receive|"
            r"can't receive|unable to receive|not receiv|not reachable|unreachable|declined|error|fail|"
            r"not deliver)"
        ),
        r"(rejected|refused|invalid|unavailable|unacceptable|unaccepted|bad) (recipient|mailbox|address|user|rcpt)",
        r"unable to (deliver|access)|cannot (deliver|access)",
        r"(recipient|address|mailbox|user)( address)? (rejected|refused|denied)",
        r"requested action (not taken|aborted)|mailbox error|not deliverable|undeliverable",
        r"delivery (failed|failure|not)",
        first=5,
        examples=(
            "550 5.1.1 <x@example.org>: Recipient address rejected",
            "550 mailbox unavailable",
        ),
    ),
)
