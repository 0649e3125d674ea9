"""The composition root of the web: each part that serves pages is given its dependencies here (rule 14).

Promises: nothing below reads a setting by itself. Raises the errors of the brand file (``FaultsError``).
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from starlette.applications import Starlette

from campaigns.context import AppContext
from campaigns.lifecycle import records
from campaigns.online import routes
from campaigns.source.campaign_source import house_brand
from mailer.outbox import Identity
from unsubscribe import endpoint
from unsubscribe.endpoint import EndpointDeps


def public_app(context: AppContext) -> Starlette:
    """Return the public endpoint, with read online and the archive."""
    reader, site = context.reader, context.site
    brand = house_brand(
        context.campaign.brand, reader.organisation or urlsplit(reader.public_url).hostname or "localhost"
    )
    deps = EndpointDeps(
        db=context.db,
        keyring=context.keyring,
        pepper=context.pepper,
        public_url=reader.public_url,
        brand=replace(brand, name=reader.organisation) if reader.organisation else brand,
        contact_address=reader.contact,
        latest_sender=records.latest_sender,
        clock=context.clock,
        timezone=reader.timezone,
        trusted_proxies=reader.trusted_proxies,
        metrics_token=reader.metrics_token.get_secret_value(),
        settings=reader,
        identity=Identity(site.public_url, site.return_path, site.key_id, site.dkim_selector, site.dkim_domain),
    )
    return endpoint.public_app(deps, extra_routes=routes(deps))
