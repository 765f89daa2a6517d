"""What the Typer apps of all commands share: settings, help in sections, and groups of options."""

import inspect
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import MISSING, fields
from functools import cached_property, wraps
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Literal,
    get_args,
    get_origin,
    get_type_hints,
)

import typer
from typer.core import TyperCommand, TyperGroup

from core.domain.settings import Home, home_from
from core.store.database import Database, open_database

if TYPE_CHECKING:
    from core.jobs.context import Handler
    from core.jobs.tools import WorkerTools

Function = Callable[..., None]


class Session:
    """What the commands of one call work on: the home folder, its store, and who runs jobs.

    Args:
        handlers: who runs which kind of job in this process; None for the worker's own.
        home: the home folder; None is the user's.
        db: its store; None is opened when it is first needed.
    """

    def __init__(
        self,
        handlers: "Mapping[str, Handler] | None" = None,
        home: Home | None = None,
        db: Database | None = None,
    ) -> None:
        self.handlers, self._home, self._db = handlers, home, db

    @cached_property
    def home(self) -> Home:
        """The home folder."""
        return self._home or home_from()

    @cached_property
    def db(self) -> Database:
        """The store."""
        return self._db or open_database(self.home)

    @cached_property
    def tools(self) -> "WorkerTools":
        """Opens models and encoders."""
        from core.jobs.tools import WorkerTools

        return WorkerTools(self.home)


class _PlainConversion:
    """Converts what was typed to a parameter's type.

    Takes the place of Typer's own conversion, which loads pydantic: a tenth of a second at every
    start. Its messages are shorter, too.
    """

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value as the parameter's type; None and () stand for one that was not given."""
        many = param.multiple or param.nargs == -1
        if value is None:
            return () if many else None
        annotation = param.type_descriptor.annotation
        kind = get_args(annotation)[0] if get_origin(annotation) is list else annotation
        try:
            return [_converted(kind, item) for item in value] if many else _converted(kind, value)
        except ValueError as error:
            raise typer.BadParameter(str(error), ctx=ctx, param=param) from error


def _converted(kind: Any, value: Any) -> Any:
    """A typed word as a value of that type.

    Raises:
        ValueError: it is none.
    """
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            choices = ", ".join(f"'{choice}'" for choice in get_args(kind))
            raise ValueError(f"'{value}' is not one of {choices}.")
        return value
    try:
        return kind(value)
    except ValueError:
        names = {int: "a whole number", float: "a number"}
        raise ValueError(f"'{value}' is not {names.get(kind, 'valid')}.") from None


class _OurStyle:
    """What commands and groups share: `_PlainConversion`, and an epilog that keeps its lines."""

    epilog: str | None

    def get_params(self, ctx: Any) -> list[Any]:
        """All parameters, the help option included."""
        parameters: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for parameter in parameters:
            parameter._runtime_param = _PlainConversion()
        return parameters

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the epilog as it is, so that examples can be copied."""
        if self.epilog:
            formatter.write(f"\n{self.epilog.strip()}\n")


class Group(_OurStyle, TyperGroup):
    """A group of commands."""


class Command(_OurStyle, TyperCommand):
    """A command whose help lists the options by section."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and options by section."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                kind = "Arguments" if parameter.param_type_name == "argument" else "Options"
                title = getattr(parameter, "rich_help_panel", None) or kind
                sections.setdefault(title, []).append(record)
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


class App(typer.Typer):
    """A Typer app with our settings: no completion, no markup, and errors left to `main`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            add_completion=False,
            rich_markup_mode=None,
            pretty_exceptions_enable=False,
            **{"cls": Group, **settings},
        )

    def add(self, name: str | None = None, **settings: Any) -> Callable[[Function], Function]:
        """Add a command, which may take option groups and the `Session`."""

        def decorate(function: Function) -> Function:
            self.command(name, cls=Command, **settings)(_with_plain_options(function))
            return function

        return decorate


class OptionGroup:
    """Options that belong together, as the fields of a dataclass.

    Attributes:
        panel: the section of the help they are listed in; empty for the general one.
    """

    panel: ClassVar[str] = ""

    @classmethod
    def parameters(cls) -> list[inspect.Parameter]:
        """The options as parameters of a function."""
        hints = get_type_hints(cls, include_extras=True)
        return [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                annotation=_in_panel(hints[field.name], cls.panel),
                default=inspect.Parameter.empty if field.default is MISSING else field.default,
            )
            for field in fields(cls)  # type: ignore[arg-type]
        ]


def _with_plain_options(function: Function) -> Function:
    """The function as Typer can call it: with the options of its groups, and Typer's context."""
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, list[inspect.Parameter]] = {}
    parameters: list[inspect.Parameter] = []
    session_name = ""
    keyword = inspect.Parameter.KEYWORD_ONLY
    for name, parameter in inspect.signature(function).parameters.items():
        hint = hints[name]
        if hint is Session:
            session_name = name
            parameters.append(inspect.Parameter("context", keyword, annotation=typer.Context))
        elif isinstance(hint, type) and issubclass(hint, OptionGroup):
            groups[name] = hint.parameters()
            parameters += groups[name]
        else:
            parameters.append(parameter.replace(kind=keyword, annotation=hint))

    @wraps(function)
    def command(**values: Any) -> None:
        if session_name:
            values[session_name] = values.pop("context").obj
        for name, options in groups.items():
            group = {option.name: values.pop(option.name) for option in options}
            values[name] = hints[name](**group)
        function(**values)

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return command


def _in_panel(annotation: Any, panel: str) -> Any:
    """The annotation with its option listed in a section of the help."""
    option = copy(annotation.__metadata__[0])
    option.rich_help_panel = panel or option.rich_help_panel
    annotated: Any = copy(annotation)
    annotated.__metadata__ = (option,)
    return annotated
