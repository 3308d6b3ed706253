"""Components: those in modules that a command line names, and instances of their classes."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from twisted.logger import Logger

from pycom_tx.components.contract import Interface
from pycom_tx.zerojson.errors import ConfigurationError

_log = Logger()

_PACKAGE: Final = str(Path(__file__).parents[1])


def load_components(module_names: Iterable[str]) -> list[Any]:
    """The components that modules contribute: what a host is handed.

    A module contributes each class with ``@interface`` in its namespace, imported ones
    too, and each instance of such a class instead of the class. The log tells of classes from
    elsewhere: who imports one as a contract only need not know that it is served.

    :param module_names: names, with dots.

    :raises ConfigurationError: a module cannot be imported or contributes nothing.
    """
    names = list(module_names)
    found: list[Any] = []
    for name in names:
        components = _components(_imported(name))
        if not components:
            raise ConfigurationError(
                f"{name} has no component: decorate a class in it with @pycom.interface"
            )
        for component in components:
            if component not in found:
                found.append(component)
                if isinstance(component, type) and not _is_within(component.__module__, names):
                    _log.info(
                        "{interface} is served because {module} imports the class {owner} from "
                        "{origin}; who only uses it imports the module, not the class",
                        interface=component.__interface__.name,  # type: ignore[attr-defined] # it has one
                        module=name,
                        owner=component.__qualname__,
                        origin=component.__module__,
                    )
    return found


def made(component: Any) -> Any:
    """An instance of a component that is a class; any other as it is.

    :raises ConfigurationError: it cannot be made.
    """
    if not isinstance(component, type):
        return component
    name = f"{component.__qualname__}()"
    try:
        return component()
    except (Exception, SystemExit) as error:
        if isinstance(error, TypeError) and _is_of_the_call(error):
            msg = f"{name} cannot be made: {error}; give an instance in the place of the class"
            raise ConfigurationError(msg) from error
        raise ConfigurationError(_failed(name, error)) from error


def _is_of_the_call(error: BaseException) -> bool:
    """Whether what was called had not begun yet: it takes other arguments."""
    return error.__traceback__ is not None and error.__traceback__.tb_next is None


def _is_within(module: str, names: list[str]) -> bool:
    """Whether a module is one of those, or below one."""
    return any(f"{module}.".startswith(f"{name}.") for name in names)


def _imported(name: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise ConfigurationError(_missing(name))
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise ConfigurationError(_missing(name)) from error
        raise ConfigurationError(_failed(f"Importing {name!r}", error)) from error
    # A module that calls sys.exit() must not end the command without a word.
    except (Exception, SystemExit) as error:
        raise ConfigurationError(_failed(f"Importing {name!r}", error)) from error


def _missing(name: str) -> str:
    return (
        f"There is no module {name!r}: name it with dots and without .py, and start from the "
        "folder that holds its package"
    )


def _failed(what: str, error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        file, line = error.filename, error.lineno
    else:
        # Where their code is wrong, rather than where that was noticed.
        frames = traceback.extract_tb(error.__traceback__)
        theirs = [frame for frame in frames if not frame.filename.startswith(_PACKAGE)]
        where = (theirs or frames)[-1]
        file, line = where.filename, where.lineno
    text = " ".join(str(error).split())
    return f"{what} failed with {type(error).__name__}: {text} ({file}, line {line})"


def _components(module: ModuleType) -> list[Any]:
    instances: list[Any] = []
    classes: list[Any] = []
    for value in vars(module).values():
        if isinstance(value, type):
            if isinstance(vars(value).get("__interface__"), Interface):
                classes.append(value)
        elif isinstance(getattr(type(value), "__interface__", None), Interface):
            instances.append(value)
    made = [instance.__interface__ for instance in instances]
    return instances + [owner for owner in classes if owner.__interface__ not in made]
