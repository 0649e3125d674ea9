"""The web kit of every part that serves pages: the reader's routes, read online, archive, console, API. No routes.

A part gets the :class:`.context.WebContext` of its process and gives :class:`.application.WebRouter` values: routes
(Starlette's ``Route`` or ``Mount``), and the :class:`.security.SecurityPolicy` of their answers. The composition root
puts them into one :func:`.application.web_application`, for :mod:`.server`.

Promises to a route:

- It may raise: an error becomes a page in words with the right status (:func:`.security.status_of`, :mod:`.errors`).
  Such a page, each answer outside the routes and each refusal of the server have the strict policy.
- It sets no protecting header by hand, unless the value depends on its data; then its own value counts.
- ``await context.write(work)`` returns when the work is on disk, and shares its transaction with the other requests
  of that moment (:mod:`.group_commit`); ``read`` shares a thread. Neither blocks the loop.
- A body is read within limits of size and time (:mod:`.forms`); a peer is known behind trusted proxies
  (:mod:`.peers`); a path is mended before it is matched (:mod:`.paths`).
- Pages have the brand of the organisation (:mod:`.site`, :mod:`.colours`) and the language of the visitor
  (:mod:`.pages`, :mod:`.dates`).
- Counters and log lines name no address and no token (:mod:`.metrics`).
- Middleware may be added to ``WebApplication.starlette``. It runs inside the guard.
- When the server stops, the waiting work of the context is finished and its threads end.

The kit knows no route and imports nothing of :mod:`unsubscribe.endpoint`.
"""
