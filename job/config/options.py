"""Describes the options of a run: type, range, default and help text, and how text becomes a value."""

import difflib
import math
import re
import reprlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, replace
from types import UnionType
from typing import Any, Literal, get_args, get_origin

from job.errors import UsageError

Role = Literal["recipe", "training", "run"]
"""What an option decides: `recipe` (a value that recipes set) and `training` what is trained, `run` only where and how
the run takes place."""

PREFIX = "FASHION_JOB_"  # of environment variables

WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,40}")
NUMBER = re.compile(r"[+-]?([0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})(e[+-]?[0-9]{1,4})?", re.IGNORECASE)
SHORTENED = reprlib.Repr()
SHORTENED.maxstring = SHORTENED.maxother = 80


@dataclass(frozen=True)
class Option:
    """The description of one option.

    Attributes:
        role: what it decides.
        help: one sentence for `--help` and the documentation.
        metavar: placeholder of its value; the choices if empty.
        minimum: smallest value.
        maximum: largest value.
        above: bound that the value must exceed.
        below: bound that the value must stay below.
        rule: what the value must be, in words, for values that `accepts` checks.
        accepts: checks a text.
        unset: what the default means, for a default that is not a value.
        choices: allowed values, or allowed elements of a tuple.
        name: name of the field.
        kind: int, float, str or tuple (of texts).
        default: value unless something else is given.
    """

    role: Role
    help: str
    metavar: str = ""
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None
    rule: str = ""
    accepts: Callable[[str], bool] | None = None
    unset: str = ""
    choices: tuple[str, ...] = ()
    name: str = ""
    kind: type = str
    default: Any = None

    @property
    def key(self) -> str:
        """Name in a settings file."""
        return self.name.replace("_", "-")

    @property
    def flag(self) -> str:
        """Name on the command line."""
        return f"--{self.key}"

    @property
    def variable(self) -> str:
        """Name of the environment variable."""
        return f"{PREFIX}{self.name.upper()}"

    @property
    def placeholder(self) -> str:
        """What stands for the value in `--help`."""
        return self.metavar or f"{{{','.join(self.choices)}}}"

    @property
    def requirement(self) -> str:
        """What a value must be, in words."""
        if self.rule:
            return self.rule
        if self.choices:
            words = ", ".join(self.choices[:-1]) + f" or {self.choices[-1]}"
            return f"one or more of {words}, each once" if self.kind is tuple else words
        lower = "of at least" if self.maximum is None is self.below else "from"
        bounds = {lower: self.minimum, "to": self.maximum, "above": self.above, "to below": self.below}
        words = " ".join(f"{word} {bound}" for word, bound in bounds.items() if bound is not None)
        return f"{'a whole number' if self.kind is int else 'a number'} {words}"

    def convert(self, raw: str | list[str] | None) -> Any:  # noqa: ANN401 - the type is that of the option
        """The value that a text, or a list of texts, stands for; `raw` itself if it is none, which `check` refuses."""
        if self.kind is tuple:
            texts = [raw] if isinstance(raw, str) else raw or []
            return tuple(dict.fromkeys(name for text in texts for name in text.split(",")))
        if isinstance(raw, str) and self.kind is not str:
            pattern = WHOLE_NUMBER if self.kind is int else NUMBER
            return self.kind(raw) if pattern.fullmatch(raw) else raw
        return raw

    def check(self, value: object, label: str) -> None:
        """Check a value.

        Args:
            value: any object.
            label: name of the option at the place where the value was given.

        Raises:
            UsageError: if it is of the wrong type or out of range.
        """
        if not self._is_valid(value):
            raise UsageError(f"{label} is {_show(value)}, but must be {self.requirement}")

    def _is_valid(self, value: object) -> bool:
        if value is None:
            return self.default is None
        if isinstance(value, tuple):
            return self.kind is tuple and set(value) <= set(self.choices) and len(set(value)) == len(value)
        if isinstance(value, str):
            known = not self.choices or value in self.choices
            return self.kind is str and known and (self.accepts is None or self.accepts(value))
        kinds = (int, float) if self.kind is float else (self.kind,)
        return type(value) in kinds and self._is_in_range(value)  # type: ignore[arg-type] # a number by then

    def _is_in_range(self, value: float) -> bool:
        return (
            -math.inf < value < math.inf
            and (self.minimum is None or value >= self.minimum)
            and (self.maximum is None or value <= self.maximum)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )


def option(default: Any, role: Role, text: str, **description: Any) -> Any:  # noqa: ANN401 - as `dataclasses.field`
    """A dataclass field that is an option; `description` holds further attributes of `Option`."""
    return field(default=default, metadata={"option": Option(role, text, default=default, **description)})


def describe_options(config: type) -> dict[str, Option]:
    """The options that the fields of a dataclass declare, by field name, with the types of the annotations."""
    return {
        each.name: replace(each.metadata["option"], name=each.name, **_describe_type(each.type))
        for each in fields(config)
    }


def _describe_type(annotation: Any) -> dict[str, Any]:  # noqa: ANN401 - typing has no type for annotations
    if isinstance(annotation, UnionType):  # with None
        annotation = get_args(annotation)[0]
    if get_origin(annotation) is Literal:
        return {"choices": get_args(annotation)}
    return {"kind": get_origin(annotation) or annotation}


def suggest(word: str, known: Iterable[str], program: str = "python -m job", prefix: str = "") -> str:
    """The end of an error about an unknown word: the known word nearest to it, or where all are listed."""
    for match in difflib.get_close_matches(word[:80], known, n=1):
        return f"; did you mean {prefix}{match}?"
    return f"; `{program} --help` lists the options"


def show_name(name: str) -> str:
    """A name from outside, safe to print within one line."""
    return name if name.isprintable() and len(name) <= SHORTENED.maxstring else SHORTENED.repr(name)


def _show(value: object) -> str:
    if value is None:
        return "empty"
    return SHORTENED.repr(",".join(map(str, value)) if isinstance(value, tuple) else value)
