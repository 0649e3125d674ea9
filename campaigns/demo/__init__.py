"""``postiljon demo``: the whole way of a letter, on this machine alone, for a newcomer to Postiljon.

Promises: it runs the ordinary commands (``init``, ``contacts import``, ``check``, ``send``, ``schedule``, ``serve``) in
a folder of its own. It prints each, so that a person can do the same. The mail goes over real SMTP to a catcher on
loopback (:mod:`.catcher`) and is shown on a page (:mod:`.page`). Nothing leaves this machine. It waits until it is
stopped. Under ``CI=true`` it checks the mail that came in (:mod:`.checks`) and ends: exit 0 when all checks hold, 3
when not. Raises ``InputError`` for a folder that is not its own, ``StateError`` when a server does not come up.
"""

from campaigns.demo.run import DemoOptions, run

__all__ = ["DemoOptions", "run"]
