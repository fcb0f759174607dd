"""Reads a Dockerfile as far as ours uses the language: stages with their instructions."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

_ARGUMENT = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its word and what follows, on one line."""

    word: str
    rest: str

    @property
    def argv(self) -> list[str]:
        """Of the exec form `["a", "b"]`.

        Raises
        ------
        ValueError : it is the shell form
        """
        found = json.loads(self.rest[self.rest.index("[") :])
        if not isinstance(found, list):
            raise TypeError(self.rest)
        return [str(word) for word in found]

    @property
    def is_exec_form(self) -> bool:
        """Whether it is run without a shell."""
        return self.rest.endswith("]") and "[" in self.rest


@dataclass(slots=True)
class Stage:
    """From one FROM to the next."""

    name: str
    base: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, word: str) -> list[Instruction]:
        """Its instructions of one kind."""
        return [each for each in self.instructions if each.word == word]


@dataclass(slots=True)
class Recipe:
    """A whole Dockerfile."""

    arguments: dict[str, str]
    stages: list[Stage]

    def stage(self, name: str) -> Stage:
        """The stage of that name."""
        return next(stage for stage in self.stages if stage.name == name)

    def line_of(self, name: str) -> list[Stage]:
        """A stage and those that it is built from, the first of them first."""
        found = [self.stage(name)]
        while any(stage.name == found[0].base for stage in self.stages):
            found.insert(0, self.stage(found[0].base))
        return found


def read_dockerfile(path: Path) -> Recipe:
    """The recipe that a file holds.

    Raises
    ------
    ValueError : a line is no instruction, or an instruction stands before the first stage
    """
    text = re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.MULTILINE)
    recipe = Recipe({}, [])
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if not line.strip():
            continue
        match = re.fullmatch(r"([A-Z]+)\s+(.+)", line.strip())
        if match is None:
            raise ValueError(f"no instruction: {line}")
        word, rest = match[1], re.sub(r"\s+", " ", match[2])
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            recipe.stages.append(Stage(name, base))
        elif recipe.stages:
            recipe.stages[-1].instructions.append(Instruction(word, rest))
        elif word == "ARG":
            name, _, value = rest.partition("=")
            recipe.arguments[name] = value
        else:
            raise ValueError(f"before the first stage: {line}")
    return recipe


def filled_in(text: str, arguments: dict[str, str]) -> str:
    """The text with `${NAME}` replaced.

    Raises
    ------
    KeyError : a name that is not given
    """
    return _ARGUMENT.sub(lambda match: arguments[match[1]], text)


def assignments(rest: str) -> dict[str, str]:
    """What `ENV a=b c=d` or `LABEL a="b c"` sets."""
    found = re.findall(r"([\w.]+)=(\"[^\"]*\"|\S+)", rest)
    return {name: value.strip('"') for name, value in found}
