"""Colour, or none. A Style is a value: whoever prints decides whether the terminal takes it (NO_COLOR, a pipe)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Style:
    colour: bool = False

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text

    def bold(self, text: str) -> str:
        return self._paint("1", text)

    def dim(self, text: str) -> str:
        return self._paint("2", text)

    def red(self, text: str) -> str:
        return self._paint("31", text)

    def green(self, text: str) -> str:
        return self._paint("32", text)

    def yellow(self, text: str) -> str:
        return self._paint("33", text)

    def blue(self, text: str) -> str:
        return self._paint("34", text)

    def cyan(self, text: str) -> str:
        return self._paint("36", text)

    def symbol(self, sign: str) -> str:
        """A plan's symbol in its colour."""
        paint = {"+": self.green, "~": self.yellow, "-/+": self.red, "-": self.red, ">": self.blue, "=": self.cyan}
        return paint.get(sign, str)(sign)


PLAIN = Style()
