"""Rules about our side: quotas of the relay, the account, the sender, its log-in, and the permission to use the relay.

See :mod:`mailer.outcome.rules`. Order matters: the first rule that applies wins.
"""

from __future__ import annotations

from mailer.outcome.rule import rule

QUOTAS = (
    rule(
        "quota",
        (
            r"(hour|day|daily|week|month|24 ?h|24.hours?|stunde|tag|monat|stündlich|täglich|uur|maand|heure|"
            r"jour|mois)\w*\W+(\w+\W+){0,4}?(limit|quota|allowance|kontingent|maximum|limiet)"
        ),
        (
            r"(limit|quota|allowance|maximum|exceed\w*|limiet|reached|too many)\W+(\w+\W+){0,6}?(per|an|a|"
            r"each|every|this|for the|pro|par|par|in|within)\W+(\d+\W+)?(hour|day|week|month|24|stunde|tag|"
            r"monat|heure|jour|uur|dag|maand)"
        ),
        (
            r"(hourly|daily|weekly|monthly)\W+(\w+\W+){0,3}?(limit|quota|rate|allowance|send|message|mail|"
            r"e-?mail|recipient)"
        ),
        r"(mails?|messages?|e-?mails?|recipients?|emails?)[ /](per|an|a|/) ?(hour|day|week|month)",
        r"(sending|send|outbound|outgoing|submission|relay|sender|smtp|plan|credit)s?\W+(\w+\W+)?quota",
        r"quota (\w+ ){0,3}(today|this (hour|day|month))|today.{0,20}(limit|quota)|(limit|quota).{0,20}today",
        r"submissionquotaexceeded|quota\W+(\w+\W+){0,3}?(outgoing|sent|sending|outbound|relay|messages? sent)",
        r"relay quota|quota for (this|your) (account|plan|domain|sender)",
        (
            r"(message|sending|send|outgoing) (sending )?limit (is |was |has been |of )?(\S+ )?(reached|"
            r"exceeded)(?!.*(second|minute))"
        ),
        (
            r"(reached|exceeded|hit|over) ((your|the|its) (\w+ )?(sending|message|plan)|your (\w+ )?(email|"
            r"mail|recipient|account)) (limit|quota)"
        ),
        r"(not enough|insufficient|no more|out of|no) (email |sending |message )?credits?",
        r"credits? (exhausted|used up|expired)",
        r"(plan|package|subscription|trial|tariff)\W+(\w+\W+){0,4}?(limit|quota|exceeded|allow|maximum)",
        r"(limit|quota|allowance)\W+(\w+\W+){0,4}?(plan|package|subscription|trial|tariff)\b",
        r"your (\w+ )?(plan|subscription|package|licen[cs]e)\b",
        r"(licen[cs]e|tenant|customer|subscription)\W+(\w+\W+){0,3}?(limit|threshold|allowance)",
        r"5\.4\.5\b.*(limit|quota|sending)|5\.1\.90\b|outbound (recipient|message) limit",
        r"(sending|send|mail|relay|recipient) limit exceeded|policy rejection\W+quota|credits? exceeded",
        r"maximum credits|allowed outgoing messages|outgoing limit|outmail quota|outgoing quota",
        r"limit on the (allowed )?number of (\w+ )?outgoing|5\.7\.705\b|mailbox recipient rate limit",
        r"recipient rate limit|maximum (number of )?(daily|hourly|monthly)",
        r"(versandlimit|sendelimit|verzendlimiet|limite d'envoi|l[ií]mite de env[ií]o)",
        examples=(
            "550 5.4.5 Daily user sending limit exceeded.",
            "dot 552 Message would take you over your relay quota",
            "dot 550 spam mail rejected: exceeded hour limit",
            "dot 550 SubmissionQuotaExceeded",
            "550 Domain example.org has exceeded the max emails per hour (500/500 (100%)) allowed.",
            (
                "mail 550 5.1.90 Your message can't be sent because you've reached your daily limit for message "
                "recipients"
            ),
        ),
    ),
)

SENDER = (
    rule(
        "quota",
        r"(messages?|e-?mail|account)\W+(\w+\W+){0,4}?quota(?!.*(mailbox|recipient|storage))",
        stages="data dot",
        examples=("dot 450 Your account reached its email quota limit.",),
    ),
    rule(
        "account",
        (
            r"(smtp|sending|your|sender'?s?|client) (\w+ )?(user ?)?account\b.{0,40}?(suspend|"
            r"not (yet )?(been )?activ|inactive|deactivat|disabled|blocked|locked|on hold|under review|paused|"
            r"terminated|expired|banned|restricted|not (been )?(approved|verified|validated|confirmed)|unpaid|"
            r"overdue|closed|not (allowed|permitted|authori[sz]ed) to send|is not (allowed|enabled))"
        ),
        r"account (isn'?t|is not) (allowed|permitted|enabled) to send|insufficient (balance|funds)",
        r"trial (has |is |period )?(has )?expired|must verify your",
        r"(?<!recipient )(service|subscription|licen[cs]e) (is |has been |was )?(suspended|expired)",
        r"sending (is |has been |was )?(currently |temporarily )?(paused|suspended|disabled|blocked|stopped)",
        r"(please )?(activate|confirm|verify|validate) your (account|e-?mail|identity|registration)",
        r"unusual sending activity|not allowed to send: please|outbound ?spam|bad outbound sender",
        r"outgoing (mail|messages?) (from .{1,40} )?(is |has been |was )?(suspended|blocked|disabled)",
        (
            r"(user|account|domain) .{0,30}(temporarily )?(suspended|blocked|banned) (from|for) (send|sending|"
            r"spam|abuse)"
        ),
        r"(payment|invoice|billing|subscription).{0,40}(required|overdue|unpaid|expired|failed|due)",
        r"(sandbox|test mode|trial).{0,60}(recipient|authori[sz]ed|verified|only)|5\.7\.75[07]\b",
        r"5\.7\.23[0-9]\b.*tenant|5\.1\.8\b.*outbound",
        (
            r"not (allowed|permitted|authori[sz]ed|enabled) to (send|relay) (e?-?mails?|messages?) (from|"
            r"through|via|with) this (account|server|service)"
        ),
        examples=("dot 554 Sending paused for this account",),
    ),
    rule(
        "account",
        (
            r"(user |customer |mail |e-?mail |the )?account\b.{0,40}?(suspend|not (yet )?(been )?activ|"
            r"inactive|deactivat|disabled|blocked|locked|on hold|under review|terminated|expired|banned|"
            r"restricted|not (been )?(approved|verified|validated|confirmed)|unpaid|overdue|closed|(n'est pas|"
            r"nicht|niet) (yet )?(activ|aktiv|actief))(?!.*(recipient|mailbox))"
        ),
        r"domain .{1,60} is (temporarily )?(banned|suspended|blocked)",
        stages="greeting ehlo auth mail",
        examples=(
            "mail 550 5.7.1 account has been suspended",
            "mail 502 5.7.0 SMTP account is not yet activated",
        ),
    ),
    rule(
        "tls",
        r"must issue a starttls|starttls (command )?(is )?(required|first)|(start)?tls (is )?(required|first)",
        r"5\.7\.10\b.*(encrypt|tls)|5\.7\.29\b",
        r"(requires?|need|use|using|enforces?|mandatory) (a |an )?(start)?(tls|ssl|encrypt)",
        r"encryption (is )?(required|needed)|without (tls|ssl|encryption)|over a tls",
        r"(must be|only over|not) encrypted|5\.7\.\d+ .*(starttls|encryption required)",
        r"tls (is )?(mandatory|not available|currently unavailable)",
        examples=("mail 530 5.7.0 Must issue a STARTTLS command first.",),
    ),
    rule(
        "auth",
        (
            r"authenti(cation|fication|fizierung|kation)?.{0,20}\b(required|failed|fail|unsuccessful|rejected|"
            r"erforderlich|fehlgeschlagen|credentials|denied|needed|invalid|failure|mechanism|disabled|"
            r"not enabled|aborted)"
        ),
        r"must (first )?(be )?(authenticate|log ?in)|not (been )?(authenticated|logged in)(?! .*(group|list))",
        r"authenticate (first|before|with)|(log ?in|auth(entication)?) (first|before|required|incorrect|failed)",
        r"smtp.?auth|please (authenticate|log ?in)|need(s)? (to )?(auth|log ?in)",
        (
            r"(invalid|incorrect|wrong|bad|unknown) (login|credentials?|password|(user ?(name)?|username|"
            r"user) (or|and|/) ?password|api key|auth)"
        ),
        r"(username|password|user name).{0,40}(not accepted|incorrect|invalid|wrong|rejected|too weak)",
        r"5\.7\.(8|9|57|139|3)\b.*(auth|credential|password|login|user|basic)|[45]\.7\.8\b",
        r"application-specific password|basicauth|log in via your web browser|web ?login|^(5\.7\.\d+ )?auth\b",
        r"falsche.*kennwort|mauvais mot de passe|identifiants? (incorrects?|invalides?)",
        r"client host is not authenticated|client was not authenticated|5\.7\.0 authentication",
        r"pop.?(before|3).?smtp|check (your )?(new )?mail (first|before)|pop first",
        r"[45]\.7\.0 too many (login|auth)|too many (failed |invalid )?(login|auth)\w*",
        r"(logins?|auth\w*) (is |are )?(temporarily )?(denied|disabled|blocked)",
        examples=(
            "auth 535 5.7.8 Error: authentication failed",
            "mail 530 5.7.0 Authentication Required.",
        ),
    ),
    rule(
        "unproven",
        r"[45]\.7\.(2[03467]|3[012]|40|515|15|509)\b(?!.*(null|tls))|\bdmarc\b|\bspf\b|\bdkim\b|domainkeys",
        r"\bsender ?id\b|sender policy framework|unauthenticated (e?-?mail|message|sender)",
        r"sender is unauthenticated|not (pass|meet)\w*.{0,20}authentication|(sender|domain|message) authentication",
        r"authentication (checks|information|level|requirements|results)",
        r"is not authorized to send (e?mail|messages?|on behalf|for)|not permitted sender",
        r"not allowed to send mail from|(conform|match)\w* (with )?(the )?auth|spoof|forged(?! e-?mail address)",
        r"forger|impersonat|ensure this domain is properly|authenticat.{0,30}(domain|spf|dkim)",
        r"domain owner discourages|unauthorized mail (is )?prohibited",
        examples=(
            "dot 550 5.7.26 This mail has been blocked because the sender is unauthenticated.",
            "550 rejecting spoofed message",
        ),
    ),
    rule(
        "no_ptr",
        r"[45]\.7\.25\b|\bptr\b|reverse.{0,3}(dns|lookup|hostname|name|record|resolution)|\brdns\b|fcrdns",
        r"no reverse|cannot find your (reverse )?(hostname|host name)|client host rejected: (cannot find|unable)",
        (
            r"\b(helo|ehlo)\b.{0,60}(reject|invalid|does not resolve|need|not resolve|bad|bogus|mismatch|"
            r"impossible|refused|incorrect|must|rfc|numeric|unknown|dynamic|malformed|is a)"
        ),
        (
            r"(invalid|bad|bogus|malformed|incorrect|unacceptable|dynamic|"
            r"access denied.{0,10}invalid) (smtp )?(helo|ehlo)"
        ),
        r"(hostname|host name|ip name).{0,30}(lookup|does not (match|resolve)|resolution)",
        r"need fully-qualified hostname|domain must resolve",
        examples=("dot 550 5.7.25 The IP address sending this message does not have a PTR record setup",),
    ),
    rule(
        "sender_refused",
        r"sender address rejected(?!.*(block|spam|reput|gr[ea]y))",
        r"sender (e-?mail |address )?(is |was )?(rejected|refused)(?!.*(block|spam|reput|gr[ea]y))|rejected sender",
        r"sender (is )?(not|un)\b|5\.1\.[78]\b|4\.1\.8\b|5\.7\.60\b|5\.2\.252|send ?as ?denied",
        r"not allowed to send (this message |mail )?as|not owned by|own(ed)? by (the )?(user|auth)",
        (
            r"(?<!mail )(?<!mails )(?<!messages )(?<!message )(sender|from|return.?path|"
            r"(?<=command )mail from|envelope (sender|from|address)|originator|absender\w*|afzender\w*|"
            r"exp[ée]diteur|remitente|mittente|from:)\W(\w+\W+){0,6}?(not (a )?(verified|allowed|permitted|"
            r"authori[sz]ed|registered|valid|found|exist|match|accepted|known|local|confirmed|defined|"
            r"recogni[sz]ed|configured)|unverified|unconfigured|unauthori[sz]ed|must|mismatch|invalid|unknown|"
            r"denied|refused|does(n'?t| not) (exist|match|resolve|belong)|missing|syntax|incorrect|"
            r"unresolvable|verify|verification|disallowed|nicht|ungültig|geweigerd|onbekend|niet toegestaan|"
            r"non autoris|inconnu|no autorizado)"
        ),
        (
            r"(unconfigured|unverified|unregistered|unauthori[sz]ed|unknown|invalid|bad|illegal|missing|"
            r"undefined|malformed|disallowed) (sending|sender|from|return|originat\w+|envelope (sender|from|"
            r"address)|mail from)\b"
        ),
        r"domain of sender|sender'?s? domain|sending domain|sender.?verify|sender.{0,5}verification|sender callout",
        r"not allowed to (use|send (as|from|with|using))|not authori[sz]ed to (use|send (as|from|on))",
        r"(does not have|no) permissions? to send as|5\.7\.1 client does not have permissions to send",
        r"5\.7\.1.*(own|use) (the |that |this )?(sender|from|address)|unrouteable (sender|return)|return path",
        r"envelope from|from (address|domain|header).{0,40}(not|must|does)",
        r"only send (mail|e?-?mails?|messages?) (from|as)",
        examples=(
            "550 5.1.8 <a@example.org>: Sender address rejected: Domain not found",
            "550 5.7.1 Unconfigured Sending Domain",
            "mail 553 5.7.1 <a@example.org>: Sender address rejected: not owned by user x",
        ),
    ),
    rule(
        "sender_refused",
        (
            r"(domain|address|identity|email).{0,60}(is |are )?not (yet )?(been )?(verified|registered|"
            r"configured|confirmed|validated)(?!.*recipient)"
        ),
        stages="greeting ehlo auth mail data dot",
        examples=("dot 554 Message rejected: Email address is not verified.",),
    ),
    rule(
        "relay_denied",
        (
            r"relay(ing)? ?(access |is |has been |was )*(denied|not (permitted|allowed)|prohibited|disallowed|"
            r"rejected|not enabled|refused|forbidden)"
        ),
        r"(unable|not (permitted|allowed|authori[sz]ed)|cannot|can't|won't|refus\w+|failed) (to )?relay",
        r"we do(n't| not) relay|not (an )?open relay|relay not (permitted|allowed)|no relay|relay access",
        r"relay attempt|den(y|ies) relay|as a relay|relay msg|relaying (to .{1,60})?prohibited",
        r"not (a )?(local|gateway|hosted|handled) (recipient|domain|here)|not a gateway|rcpthosts",
        r"not listed in (local|relay)|locally.hosted|5\.7\.54\b|5\.7\.64\b|5\.7\.36[78]\b|tenantattribution",
        r"authentication.*relay|credentials for relay|relay.*credentials|domain isn'?t (in my list|allowed|local)",
        r"(isn'?t|not) (in )?(my|our) list of allowed",
        r"(recipient|destination|this) domain (is )?not (hosted|handled|local)( here)?",
        examples=("554 5.7.1 <x@example.org>: Relay access denied",),
    ),
)
