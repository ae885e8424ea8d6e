"""Values and snippets that mutated documents are made with."""

from typing import Any

NASTY: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 2**53 + 1, 10**30, float("inf"), "", " ", "NO", "0755", "12:30:00", "~", "a" * 300, "../..", "\0", "é",
    "\u202e", "\u200b", "@everyone", "`", "|", "<!--", "{{x}}", "$ref", [], {}, [None], {"": ""}, {"a": {"b": {"c": []}}}, ["a"] * 200,
    {"$ref": {"resource": "x", "path": "y"}}, "harbour-cafe", "c0000001", "www.cafe.example",
)  # fmt: skip
SNIPPETS = (
    b"&a ", b"*a", b"<<: *a\n", b"!!str ", b"!x ", b"---\n", b"...\n", b"\t", b"\r", b"\0", b"\xff", b"\xef\xbb\xbf", b"? ", b"|\n", b">-\n",
    b"{", b"}", b"[", b"]", b": ", b"- ", b"#", b"%YAML 1.1\n", b'"', b"'", b"\xe2\x80\xae", b"\xc2\x85", b"\n\n", b"  ",
)  # fmt: skip
