"""The composition root of the web: each part that serves pages is given its dependencies here (rule 14).

Promises: nothing below reads a setting by itself. Raises the errors of the brand file (``FaultsError``).
"""

from __future__ import annotations

from functools import partial

from campaigns import online
from campaigns.console import Console
from campaigns.console import routers as console_routers
from campaigns.context import AppContext
from campaigns.lifecycle import records
from campaigns.ops.backup import age
from mailer.outbox import Identity
from unsubscribe import endpoint
from unsubscribe.endpoint import EndpointDeps, ReaderContext
from unsubscribe.web.application import WebApplication, web_application
from unsubscribe.web.context import WebContext


def public_app(context: AppContext) -> WebApplication:
    """Return the public endpoint of a process, with read online and the archive."""
    return public_pages(_deps(context))


def whole_app(context: AppContext) -> WebApplication:
    """Return the public endpoint with the console beside it."""
    deps = _deps(context)
    reader = ReaderContext(WebContext(deps), deps)
    console = _console(context, reader.web)
    routes = [*online.routers(reader.web, reader.subscribe), *console_routers(console)]
    return endpoint.application(reader, routes)


def console_app(context: AppContext) -> WebApplication:
    """Return the console alone: no route of a reader."""
    web = WebContext(_deps(context))
    return web_application(web, console_routers(_console(context, web)))


def _console(context: AppContext, web: WebContext) -> Console:
    console = Console(context, web.metrics)
    web.at_end(console.close)
    return console


def public_pages(deps: EndpointDeps) -> WebApplication:
    """Return the reader's pages, read online and the archive, in one context that the application closes."""
    reader = ReaderContext(WebContext(deps), deps)
    return endpoint.application(reader, online.routers(reader.web, reader.subscribe))


def _deps(context: AppContext) -> EndpointDeps:
    reader, config = context.reader, context.launch_config
    return EndpointDeps(
        db=context.db,
        keyring=context.keyring,
        pepper=context.pepper,
        public_url=reader.public_url,
        brand=context.brand,
        contact_address=reader.contact,
        latest_sender=records.latest_sender,
        clock=context.clock,
        timezone=reader.timezone,
        trusted_proxies=reader.trusted_proxies,
        metrics_token=reader.metrics_token.get_secret_value(),
        settings=reader,
        gauges=partial(age.gauges, context.data),
        identity=Identity(
            config.public_url, config.return_path, config.key_id, config.dkim_selector, config.dkim_domain
        ),
    )
