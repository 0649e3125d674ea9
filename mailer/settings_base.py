"""The base of the settings classes of all packages: the sources of their values, and the reporting of their faults.

Arguments come first, then the environment, then the file in use (:mod:`mailer.settings_file`), then ``secrets.toml`` in
the data folder, at last the values that the database keeps (:func:`with_stored`). Promises: settings are typed and
frozen; :func:`read` raises ``SettingsFaults`` with every fault of a class. Each fault names its setting, its place, the
value found and the value expected; no secret is repeated. An empty variable, or an empty text in a file, counts as
missing. :func:`unknown` finds names that belong to no setting.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, time, timedelta
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import SecretBytes, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from mailer import settings_file, similar
from mailer.control_characters import IN_STRICT_LINE
from mailer.errors import Fault, SettingFault, SettingsFaults
from mailer.messages import Message
from mailer.settings_file import Keys

PREFIX = "POSTILJON_"
SECRETS = "secrets.toml"
COMMAND = Message("command line")
CONSOLE = Message("page Settings of the console")
_SECRET = frozenset({"smtp_url", "database_url"})  # besides the settings of a secret type: these may contain a password
_LOGIN = ("smtp_url", "smtp_password", "smtp_password_file", "smtp_user")  # checked together, as smtp_url
_SHOWN, _MOST = 60, 100
# The variables that Kubernetes and Docker set in the environment of every process beside a service named postiljon
_OF_CLUSTER = re.compile(r"(?:\w+_)?(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?|PORT)")
_BY_CLUSTER = re.compile(r"(?:tcp|udp|sctp)://.*")
_OTHER_WORDS = {
    "smtp_url": "smtp_host smtp_port smtp_server smtp relay relay_url relay_host relay_port mail_server host port "
    "connections window tls smtp_connections smtp_window smtp_tls",
    "smtp_user": "smtp_username smtp_login user username login relay_user",
    "smtp_password": "smtp_pass smtp_passwd password relay_password",
    "smtp_password_file": "smtp_pass_file password_file",
    "public_url": "url base_url site_url public_address domain public_host",
    "database_url": "database db db_url database_dsn dsn",
    "data": "data_dir data_folder data_path folder",
    "contact": "from from_address sender email mail contact_address contact_email",
    "organisation": "organization organisation_name name",
    "hello_name": "helo helo_name ehlo ehlo_name hello",
    "secret_keys": "secret secret_key secrets",
    "web_processes": "workers web_workers processes",
    "trusted_proxies": "proxies proxy trusted_proxy",
    "return_path": "bounce bounces bounce_address",
}
_MEANT = {word: name for name, words in _OTHER_WORDS.items() for word in words.split()}
_WRONG_KIND = "postiljon_kind"
_TEXT, _NUMBER = Message("text in quotation marks"), Message("a whole number")
_SPAN = Message('a number and s, m, h or d, in quotation marks, such as "30m"')
_YES, _LIST = Message("true or false"), Message("text, or a list of texts")
_KINDS: dict[str, tuple[type, ...]] = {_TEXT: (str,), _NUMBER: (int, str), _SPAN: (str,), _YES: (bool, str)}
_TOML = (str, int, float, bool, list, dict, date, time)
_left_out: ContextVar[frozenset[str]] = ContextVar("left_out", default=frozenset())
_stored: ContextVar[Mapping[str, str] | None] = ContextVar("stored", default=None)


class _Known(PydanticBaseSettingsSource):
    """Values that were read already, limited to the fields of this class."""

    def __init__(self, kind: type[BaseSettings], values: Mapping[str, Any]) -> None:
        super().__init__(kind)
        self._values = values

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - theirs
        """Return one value."""
        return self._values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return all values."""
        left_out = _left_out.get()
        known = self.settings_cls.model_fields
        return {key: value for key, value in self._values.items() if key in known and key not in left_out}


class HouseSettings(BaseSettings):
    """The data folder and the common base of all settings. ``config`` (the file in use) is never read from a file."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    config: Path | None = None
    data: Path = Path("data")

    @field_validator("*", mode="before")
    @classmethod
    def _fits(cls, value: Any, info: ValidationInfo) -> Any:
        expected = _expected(cls.model_fields[str(info.field_name)].annotation)
        kinds = _KINDS.get(expected, (str, list))
        boolean = isinstance(value, bool) and bool not in kinds
        if boolean or (isinstance(value, _TOML) and not isinstance(value, kinds)):
            raise PydanticCustomError(_WRONG_KIND, expected)
        if info.field_name in settings_file.PATHS and isinstance(value, str) and value.startswith("~"):
            raise ValueError(
                Message("~ is the shell's word for your own folder; write the whole path, such as /home/…")
            )
        return _readable(value)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is theirs
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources in order: arguments, environment, the file in use, secrets.toml."""
        given, from_environment, keys = init_settings(), env_settings(), settings_file.load()
        kept = secrets_of(data_folder(given, from_environment, keys))
        above = (given, from_environment, _filled(keys), _filled(kept))
        found = (_Known(settings_cls, values) for values in (*above[1:], _below(above)))
        return init_settings, *found


Settings = TypeVar("Settings", bound=HouseSettings)


@contextmanager
def with_stored(values: Mapping[str, str]) -> Iterator[None]:
    """Let settings be read with these values, which the database keeps, below all other sources.

    Address, user and password of the relay go together: where one of them is set above, none is taken from here. So a
    kept password is never given to a server that was named elsewhere.
    """
    token = _stored.set(values)
    try:
        yield
    finally:
        _stored.reset(token)


def _below(above: Iterable[Mapping[str, Any]]) -> Mapping[str, str]:
    """Return the stored values that may be used beside the sources above them."""
    stored = _stored.get() or {}
    if any(name in values for values in above for name in _LOGIN):
        return {key: value for key, value in stored.items() if key not in _LOGIN}
    return stored


def set_above(names: Collection[str]) -> tuple[str, int] | None:
    """Return where one of these settings is set, above the database: file and line, "" and 0 for the environment."""
    keys = settings_file.load()
    kept = secrets_of(data_folder({}, environment(), keys))
    wanted = _LOGIN if set(names) & set(_LOGIN) else tuple(names)
    places = (_place(name, {}, _with_values(keys), _with_values(kept), {}) for name in wanted)
    return next((place for place in places if place is not None), None)


def _with_values(keys: Keys | None) -> Keys | None:
    return Keys(keys.path, _filled(keys), keys.lines) if keys else None


def data_folder(given: Mapping[str, Any], from_environment: Mapping[str, Any], keys: Keys | None) -> Path:
    """Return the data folder from the settings; the default when its value cannot be read."""
    for values in (given, from_environment, _filled(keys)):
        found = values.get("data")
        if isinstance(found, Path) or (found and isinstance(found, str) and not IN_STRICT_LINE.search(found)):
            return Path(found)
    return Path("data")


def secrets_of(folder: Path) -> Keys | None:
    """Read ``secrets.toml`` in the data folder; None if it does not exist. Raises ``SettingsFaults``."""
    path = folder / SECRETS
    return settings_file.parse(path) if path.is_file() else None


def read(kind: type[Settings], **given: Any) -> Settings:
    """Read the settings of class ``kind``; ``given`` overrides all. Raises ``SettingsFaults`` with every fault."""
    faults: list[Fault] = []
    found = read_all(kind, faults, **given)
    if faults:
        raise SettingsFaults(faults)
    return found


def read_all(kind: type[Settings], faults: list[Fault], **given: Any) -> Settings:
    """Read like :func:`read`, but add each fault once to ``faults`` and use the default for each faulty value."""
    left_out: frozenset[str] = frozenset()
    while True:
        token = _left_out.set(left_out)
        try:
            return kind(**{key: value for key, value in given.items() if key not in left_out})
        except ValidationError as error:
            wrong = {str(item["loc"][0]) for item in error.errors()}
            faults += (one for one in _faults(kind, error, given) if one not in faults)
            if wrong <= left_out:
                raise SettingsFaults(faults) from None
            left_out |= wrong | (set(_LOGIN) if "smtp_url" in wrong else set())
        finally:
            _left_out.reset(token)


def unknown(kinds: Iterable[type[HouseSettings]], *, secrets: bool = True) -> Iterator[SettingFault]:
    """Yield names of no setting: in the environment, the file in use and, with ``secrets``, ``secrets.toml``."""
    known = {name for kind in kinds for name in kind.model_fields}
    for name, value in sorted(variables()):
        if name[len(PREFIX) :].lower() not in known and not _is_foreign(name[len(PREFIX) :].upper(), value):
            yield _stranger(SettingFault("", 0, name, "", ""), known, PREFIX)
    keys = settings_file.load()
    kept = secrets_of(data_folder({}, environment(), keys)) if secrets else None
    known.discard("config")
    for each in (keys, kept):
        for key in each.values if each else ():
            if key not in known:
                yield _stranger(SettingFault(str(each.path), each.line(key), key, "", ""), known, "")  # type: ignore[union-attr]


def variables() -> list[tuple[str, str]]:
    """Return the non-empty environment variables with our prefix: the unchanged name, and the value."""
    return [(name, value) for name, value in os.environ.items() if name.upper().startswith(PREFIX) and value]


def environment() -> dict[str, str]:
    """Return :func:`variables` by the name of the setting: lower case, without the prefix."""
    return {name[len(PREFIX) :].lower(): value for name, value in variables()}


def _is_foreign(name: str, value: str) -> bool:
    """Return whether a cluster set the variable. The last pattern, ``PORT``, is a name that a person may use."""
    return bool(_OF_CLUSTER.fullmatch(name)) and (
        not name.endswith("PORT") or "SERVICE_" in name or bool(_BY_CLUSTER.fullmatch(value))
    )


def _stranger(fault: SettingFault, known: Collection[str], prefix: str) -> SettingFault:
    near = nearest(fault.field, known)
    shown = f"{prefix}{near.upper()}" if prefix else near
    words = (
        Message("Did you mean {word}? It belongs in no table")
        if "." in fault.field
        else Message("Did you mean {word}?")
    )
    hint = words.format(word=shown) if near else ""
    named = fault.field if fault.field.isprintable() else ascii(fault.field)
    return SettingFault(fault.file, fault.line, named[:_SHOWN], "", Message("there is no such setting"), hint)


def nearest(name: str, known: Collection[str]) -> str:
    """Return the setting that ``name`` probably means, or "".

    It allows for another spelling, another word, a table name in front, or a typing error.
    """
    plain, last = (_plain(part) for part in (name, name.rpartition(".")[2]))
    words = list(dict.fromkeys((plain, last)))
    for word in words:
        if word in known or word in _MEANT:
            return _MEANT.get(word, word)
    near = (similar.nearest(word, known, 0.7) for word in words)
    return next((found[0] for found in near if found), "")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()[:_MOST]).strip("_").removeprefix(PREFIX.lower())


def _filled(keys: Keys | None) -> dict[str, Any]:
    """Return the values of a file without empty texts, and without ``config``, which no file can set."""
    return {key: value for key, value in keys.values.items() if value != "" and key != "config"} if keys else {}


def _readable(value: Any) -> Any:
    """Refuse text that no setting can have: NUL breaks system calls, and a lone surrogate breaks every encoder."""
    if isinstance(value, str) and any(sign[0] not in "\t\r\n" for sign in IN_STRICT_LINE.finditer(value)):
        raise ValueError(Message("expected text in UTF-8, without control characters"))
    for item in value if isinstance(value, list) else ():
        _readable(item)
    return value


def _faults(kind: type[HouseSettings], error: ValidationError, given: Mapping[str, Any]) -> Iterator[SettingFault]:
    keys = settings_file.load()
    kept = secrets_of(data_folder(given, environment(), keys))
    for item in error.errors():
        name = str(item["loc"][0])
        names = _LOGIN if name == "smtp_url" else (name,)
        stored = _stored.get() or {}
        file, line = next((place for each in names if (place := _place(each, given, keys, kept, stored))), ("", 0))
        found, expected = _words(kind.model_fields[name].annotation, item)
        if name in _SECRET or _is_secret(kind.model_fields[name].annotation):
            found = ""
            expected = expected if item["type"] == "value_error" else Message("expected {what}", what=expected)
        yield SettingFault(file, line, f"{PREFIX}{name.upper()}", found, expected)


def _place(
    name: str, given: Mapping[str, Any], keys: Keys | None, kept: Keys | None, stored: Mapping[str, str]
) -> tuple[str, int] | None:
    """Return the file and line of a setting; "" and 0 for the environment, None if it is not set."""
    if name in given:
        return COMMAND, 0
    if any(variable.upper() == f"{PREFIX}{name.upper()}" for variable, _value in variables()):
        return "", 0
    files = (each for each in (keys, kept) if each and name in each.values)
    beside = (CONSOLE, 0) if name in stored else None
    return next(((str(each.path), each.line(name)) for each in files), beside)


def _words(annotation: Any, item: ErrorDetails) -> tuple[str, str]:
    """Return the found and the expected value; for one of our own validators, "" and its sentence."""
    if item["type"] == "value_error":
        return "", str(item["ctx"]["error"])
    shown = _as_written(item["input"])
    found, limits = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…", item.get("ctx", {})
    if "gt" in limits or "ge" in limits:
        least = limits["gt"] + 1 if "gt" in limits else limits["ge"]
        return found, Message("a whole number, {least} or more", least=least)
    if "le" in limits:
        return found, Message("a whole number, {most} at most", most=limits["le"])
    return found, _expected(annotation)


def _as_written(value: Any) -> str:
    """Return a value roughly in TOML notation."""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date | time) else repr(value)


def _expected(annotation: Any) -> str:
    """Return the kind of value that a setting takes, in words."""
    kinds = _members(annotation)
    if any(get_origin(kind) is Literal for kind in kinds):
        return Message("one of {names}", names=", ".join(map(str, get_args(kinds[0]))))
    if any(get_origin(kind) in (tuple, frozenset) for kind in kinds):
        return _LIST
    return {int: _NUMBER, bool: _YES, timedelta: _SPAN}.get(kinds[0], _TEXT)


def _is_secret(annotation: Any) -> bool:
    inner = [part for kind in _members(annotation) for part in (kind, *get_args(kind))]
    return any(kind in (SecretStr, SecretBytes) for kind in inner)


def _members(annotation: Any) -> list[Any]:
    """Return the types of a union except None, without their annotations."""
    if get_origin(annotation) in (Union, UnionType):
        return [each for part in get_args(annotation) if part is not type(None) for each in _members(part)]
    return _members(get_args(annotation)[0]) if hasattr(annotation, "__metadata__") else [annotation]
