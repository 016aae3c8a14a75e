"""Describes the options of a run: type, range, default and help text, and how text becomes a value."""

import difflib
import math
import re
import reprlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from types import UnionType
from typing import Any, Literal, get_args, get_origin

from job.errors import UsageError
from job.system.program import name_program

Role = Literal["recipe", "training", "run"]
"""What an option decides: `recipe` (a value that recipes set) and `training` what is trained, `run` only where and how
the run takes place."""

PREFIX = "FASHION_JOB_"  # of environment variables

NUMERALS = {
    int: re.compile(r"[+-]?[0-9]{1,40}"),
    float: re.compile(r"[+-]?([0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})(e[+-]?[0-9]{1,4})?", re.IGNORECASE),
}
"""The texts that are numbers. Python itself would also take `1_000`, spaces, the digits of all scripts and `nan`."""

SWITCHES = {"true": True, "yes": True, "false": False, "no": False}
"""The texts that are values of a flag."""

REQUIRED = "required"
"""The default of an option that must be set."""

MIN_START = 3
"""So many letters are enough to find the word that they begin."""

MIN_SIMILARITY = 0.7
"""Words that are less similar, of a scale from 0 to 1 (`difflib`), are no typing errors of each other."""

REST_OF_NUMBER = re.compile(r"[0-9]+(:.*)?")
"""What follows the comma of a number such as `0,88`."""

SHORTENED = reprlib.Repr()
SHORTENED.maxstring = SHORTENED.maxother = 80


@dataclass(frozen=True, kw_only=True)
class Option:
    """The description of one option.

    Attributes:
        kind: int, float, str, tuple (of texts) or bool (a flag without a value on the command line).
        help: one sentence for `--help` and the documentation.
        metavar: placeholder of the value, if it is neither the choices nor N.
        choices: allowed values, or allowed elements of a tuple.
        minimum: smallest allowed value, as `maximum` is the largest.
        above: bound that the value must exceed, as `below` is the bound that it must stay below.
        accepts: checks a printable text where nothing lists the choices.
        rule: what a text must be, in words.
        find_problem: what is wrong with an element of a tuple that has no choices; empty if nothing is. Commas separate
            such elements only after a value, as in `a,b=1,c=2`, and a settings file may have a table of them.
        unset: what the default means, if it is not a value itself.
    """

    name: str
    kind: type
    default: Any
    role: Role
    help: str
    metavar: str = ""
    choices: tuple[str, ...] = ()
    minimum: float = -math.inf
    maximum: float = math.inf
    above: float = -math.inf
    below: float = math.inf
    accepts: Callable[[str], bool] = bool
    rule: str = ""
    find_problem: Callable[[str], str] | None = None
    unset: str = ""

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
        """What represents the value in `--help`."""
        return self.metavar or (f"{{{','.join(self.choices)}}}" if self.choices else "N")

    @property
    def requirement(self) -> str:
        """What a value must be, in words."""
        if self.rule:
            return self.rule
        if self.kind is bool:
            return "true or false"
        if self.choices:
            words = f"{', '.join(self.choices[:-1])} or {self.choices[-1]}"
            return f"one or more of {words}, each once" if self.kind is tuple else words
        lower = "of at least" if self.maximum == self.below else "from"  # both infinite
        bounds = {lower: self.minimum, "to": self.maximum, "above": self.above, "to below": self.below}
        words = " ".join(f"{word} {bound}" for word, bound in bounds.items() if math.isfinite(bound))
        return f"{'a whole number' if self.kind is int else 'a number'} {words}"

    def convert(self, raw: str | list[str] | None) -> Any:  # noqa: ANN401 - the type is that of the option
        """The value that a text, or a list of texts, represents; `raw` itself if it is none, which `check` refuses."""
        if self.kind is tuple:
            texts = [raw] if isinstance(raw, str) else raw or []
            split = split_assignments if self.find_problem else str.split
            return tuple(dict.fromkeys(name for text in texts for name in split(text, ",")))
        if self.kind is bool and isinstance(raw, str):
            return SWITCHES.get(raw.lower(), raw)
        is_number = isinstance(raw, str) and self.kind in NUMERALS and NUMERALS[self.kind].fullmatch(raw)
        return self.kind(raw) if is_number else raw

    def check(self, value: object, label: str) -> None:
        """Raise a `UsageError` that begins with `label` if a value is of the wrong type or out of range."""
        if self.find_problem and isinstance(value, tuple):
            for text in value:
                if problem := self.find_problem(text):
                    raise UsageError(f"{label} {text if is_short(text) else SHORTENED.repr(text)}: {problem}")
            return
        if not self._is_valid(value):
            shown = ",".join(map(str, value)) if isinstance(value, tuple) else value
            shown = "empty" if value is None else SHORTENED.repr(shown)
            raise UsageError(f"{label} is {shown}, but must be {self.requirement}")

    def _is_valid(self, value: object) -> bool:
        if value is None:
            return self.default is None
        if type(value) is not self.kind and (type(value), self.kind) != (int, float):
            return False  # True and False, too, although they are instances of int
        if isinstance(value, bool):
            return True
        if isinstance(value, int | float):
            return self.minimum <= value <= self.maximum and self.above < value < self.below
        if isinstance(value, tuple):
            return set(value) <= set(self.choices) and len(set(value)) == len(value)
        text = str(value)
        return text in self.choices if self.choices else text.isprintable() and self.accepts(text)


def option(default: Any, role: Role, text: str, **description: Any) -> Any:  # noqa: ANN401 - as `dataclasses.field`
    """A dataclass field that is an option; `description` holds further attributes of `Option`.

    The field of a recipe value is None at first: the recipe decides.
    """
    metadata = {"default": default, "role": role, "help": text, **description}
    return field(default=None if role == "recipe" else default, metadata=metadata)


def split_assignments(text: str, separator: str) -> list[str]:
    """Split a text such as `a,b=1,c=2` at the separators that follow a value: into `a,b=1` and `c=2`.

    A number that follows stays with the value, as in `a=0,5`, so that an error can show it.
    """
    parts: list[str] = []
    for part in text.split(separator):
        if parts and ("=" not in parts[-1] or REST_OF_NUMBER.fullmatch(part)):
            parts[-1] += f"{separator}{part}"
        else:
            parts.append(part)
    return parts


def describe_options(config: type) -> dict[str, Option]:
    """The options that the fields of a dataclass declare, by field name, with the types of the annotations."""
    return {each.name: Option(name=each.name, **_describe_type(each.type), **each.metadata) for each in fields(config)}


def _describe_type(annotation: Any) -> dict[str, Any]:  # noqa: ANN401 - typing has no type for annotations
    if isinstance(annotation, UnionType):  # with None
        annotation = get_args(annotation)[0]
    if get_origin(annotation) is Literal:
        return {"kind": str, "choices": get_args(annotation)}
    return {"kind": get_origin(annotation) or annotation}


def is_short(text: str) -> bool:
    """Whether a text can be shown as it is in an error message."""
    return bool(text) and text.isprintable() and len(text) <= SHORTENED.maxstring


def to_words(values: object, options: Mapping[str, Option]) -> list[str]:
    """The words of a command line that set the values of these options, which are attributes of an object."""
    words: list[str] = []
    for name, description in options.items():
        value, flag = getattr(values, name), description.flag
        if isinstance(value, bool):
            words += [flag] if value else []
            continue
        for part in value if isinstance(value, tuple) else () if value is None else (value,):
            words += [f"{flag}={part}"] if str(part).startswith("-") else [flag, str(part)]
    return words


def leave_out_defaults(values: object, options: Mapping[str, Option]) -> dict[str, Option]:
    """The options that a command needs to repeat a run: those that decide what is trained, and changed ones."""
    return {name: each for name, each in options.items() if each.role != "run" or getattr(values, name) != each.default}


def describe_unknown(  # noqa: PLR0913 - the keywords are texts of the message
    kind: str,
    word: str,
    known: Iterable[str],
    *,
    program: str | None = None,
    lists: str = "--help` lists the options",
    prefix: str = "",
) -> str:
    """An error message about an unknown word, with the nearest known word, or the program whose help lists all."""
    name = f"{prefix}{word}"
    if not is_short(name):
        name = SHORTENED.repr(name)
    known = list(known)
    longer = [each for each in known if len(word) >= MIN_START and each.startswith(word)]
    nearest = longer[:1] or difflib.get_close_matches(word[:80], known, n=1, cutoff=MIN_SIMILARITY)
    remedy = f"did you mean {prefix}{nearest[0]}?" if nearest else f"`{program or name_program()} {lists}"
    return f"unknown {kind} {name}; {remedy}"
