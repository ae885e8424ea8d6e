"""The words for what nobody expected."""


def bug(error: Exception) -> str:
    """The message of an exception that nobody expected: its type and first line, no more."""
    text = (str(error).splitlines() or [""])[0][:200]
    return f"a bug of aipress, please report it: {type(error).__name__}: {text}"
