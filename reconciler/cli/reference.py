"""`make reference`: reconciler/cli/REFERENCE.md, written from the commands themselves."""

import re
import sys

from reconciler.cli.app import EPILOGUE, build

_SHARED = re.compile(r"\n\*\*Options of every command\*\*:\n\n(?:\* .*\n)+")
HEAD = "<!-- Written by `make reference` from the commands themselves; a test fails when it is stale. -->\n"


def reference() -> str:
    """Markdown: every command with its arguments and options; those that all share stand once, at the top."""
    text = build().generate_docs(output_format="markdown")
    text = text.replace(" -m reconciler.cli.reference", "")  # how this program was called is in no usage line
    first = _SHARED.search(text)
    if first is None:
        raise LookupError("the documentation has no section of shared options: its layout has changed")
    told = text[: first.end()] + "\n" + EPILOGUE + "\n" + _SHARED.sub("", text[first.end() :])
    return HEAD + re.sub(r"\n{3,}", "\n\n", told).rstrip("\n") + "\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
