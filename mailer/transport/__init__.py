"""How letters leave: :mod:`~mailer.transport.smtp` (pipelined), :mod:`~mailer.transport.memory` (the shipped fake)."""
