"""The `aipress` command lines in scripts, pipelines and pages."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

OPERATOR = re.compile(r"[();<>|&]+")
BEFORE = re.compile(r"^(\w+=.*|exec|if|then|do|else|!|\$)$")


def in_script(text: str) -> Iterator[list[str]]:
    """The arguments of every call of aipress in a shell script: [["validate", "--staged"], …]."""
    for line in text.replace("\\\n", " ").splitlines():
        if "aipress" in line:
            yield from _in_line(line)


def _in_line(line: str) -> Iterator[list[str]]:
    reader = shlex.shlex(line, posix=True, punctuation_chars=True)
    reader.whitespace_split = True
    try:
        words = list(reader)
    except ValueError as error:  # a quotation that goes on in the next line
        if re.search(r"\baipress [a-z]+ -", line):
            raise AssertionError(f"cannot read the command in: {line}") from error
        return
    command: list[str] = []
    redirected = False
    for word in [*words, ";"]:
        if OPERATOR.fullmatch(word):
            if word.startswith((">", "<")):
                redirected = True
                if command and command[-1] in ("1", "2"):
                    command.pop()
                continue
            yield from _call(command)
            command, redirected = [], False
        elif redirected:
            redirected = False
        else:
            command.append(word)


def _call(command: list[str]) -> Iterator[list[str]]:
    while command and BEFORE.match(command[0]):
        command = command[1:]
    if command and command[0].rpartition("/")[2] == "aipress":
        yield command[1:]


def in_yaml(value: Any) -> Iterator[list[str]]:
    """The same for every text in a pipeline's YAML."""
    if isinstance(value, str):
        yield from in_script(value)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from in_yaml(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from in_yaml(inner)


def in_page(markdown: str) -> Iterator[list[str]]:
    """The same for the code blocks of a page; in one with prompts only the lines behind a prompt are commands."""
    for block in re.findall(r"(?ms)^```(?:sh|bash|shell|console)?\n(.*?)^```", markdown):
        prompted = re.findall(r"(?m)^\$ (.*)$", block)
        yield from in_script("\n".join(prompted) if prompted else block)
