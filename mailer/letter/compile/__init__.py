"""Compilation of a letter's source to a letter, once per campaign. The only premailer import is in :mod:`.inline`.

:func:`compile_letter` takes a :class:`LetterSource` and gives a ``Compiled``: template for HTML, text and subject, the
public version, images and warnings. Raises ``FaultsError`` with every fault at once. Success does not mean that
contacts have the attributes that the letter names.
"""

from mailer.letter.compile.compiler import compile_letter
from mailer.letter.compile.tree import image_names
from mailer.letter.source import LetterSource

__all__ = ["LetterSource", "compile_letter", "image_names"]
