"""Hostile fleet files by name. What is large is made when it is asked for; everything is at most a few KB otherwise.

Where a seed says "in a tenant", the rest of the document is valid, so that what is tried reaches every stage.
"""

from collections.abc import Callable, Mapping

Seed = bytes | Callable[[], bytes]

HEAD = b"apiVersion: aipress.io/v1\nkind: Tenant\n"
META = b"metadata:\n  name: acme-bakery\n  uid: a0000001\n"
SPEC = (
    b"spec:\n  tier: silver\n  source: { repository: 'https://git.example/x/acme.git' }\n"
    b"  environments:\n    production: { ref: main, domains: [www.acme.example] }\n"
)
TENANT = HEAD + META + SPEC
LIMIT = 256 * 1024


def tenant(extra: bytes) -> bytes:
    return TENANT + extra


def named(name: bytes) -> bytes:
    return HEAD + b"metadata:\n  name: " + name + b"\n  uid: a0000001\n" + SPEC


def labelled(value: bytes) -> bytes:
    return HEAD + META + b"  labels: { team: " + value + b" }\n" + SPEC


def with_env(value: bytes) -> bytes:
    return tenant(b"  runtime:\n    env:\n      GREETING: " + value + b"\n")


def filled(unit: bytes, head: bytes = TENANT, tail: bytes = b"") -> Callable[[], bytes]:
    """As many of `unit` as a file may hold; `%d` in it is counted up."""

    def make() -> bytes:
        parts, size, count = [head], len(head) + len(tail), 0
        while True:
            part = unit.replace(b"%d", b"%d" % count)
            if size + len(part) > LIMIT:
                return b"".join(parts) + tail
            parts.append(part)
            size, count = size + len(part), count + 1

    return make


def repeated(unit: bytes, times: int, head: bytes = b"", tail: bytes = b"") -> Callable[[], bytes]:
    return lambda: head + unit * times + tail


BOMBS: Mapping[str, Seed] = {
    "alias-bomb": b"a: &a [x,x,x,x,x,x,x,x,x]\n"
    + b"".join(b"%c: &%c [%s]\n" % (i, i, b",".join([b"*%c" % (i - 1)] * 9)) for i in range(ord("b"), ord("k"))),
    "merge-bomb": b"a: &a {k: v}\n"
    + b"".join(b"%c: &%c {<<: [%s]}\n" % (i, i, b",".join([b"*%c" % (i - 1)] * 9)) for i in range(ord("b"), ord("k"))),
    "alias-to-itself": b"a: &a [*a]\n",
    "alias-to-itself-as-key": b"&a ? *a : *a\n",
    "alias-unknown": b"a: *nobody\n",
    "alias-with-a-huge-name": lambda: b"a: &" + b"n" * 200_000 + b" 1\n",
    "anchor-on-everything": filled(b"k%d: &a%d v\n", b""),
    "anchor-on-the-document": b"&root\n" + TENANT,
    "merge-key-of-a-list": tenant(b"  runtime:\n    <<: [1, 2]\n"),
    "merge-key-quoted": tenant(b'  "<<": 1\n'),
    "merge-key-null": b"<<:\n",
    "nested-25000-brackets": repeated(b"[", 25_000),
    "nested-250000-brackets": repeated(b"[", 250_000),
    "nested-25000-braces": repeated(b"{", 25_000),
    "nested-25000-dashes": repeated(b"- ", 25_000),
    "nested-25000-question-marks": repeated(b"? ", 25_000),
    "nested-25000-mixed": repeated(b"[{a: ", 10_000),
    "nested-33-levels": TENANT + b"  cdn: " + b"[" * 33 + b"]" * 33 + b"\n",
    "nested-29-levels-in-an-open-block": TENANT + b"  cdn: " + b"[" * 29 + b"]" * 29 + b"\n",
    "nested-by-indentation": lambda: b"".join(b" " * i + b"a:\n" for i in range(700)),
    "closing-brackets-only": repeated(b"]", 100_000),
    "balanced-brackets": lambda: b"a: " + b"[" * 30_000 + b"]" * 30_000,
    "nodes-10001": repeated(b"- x\n", 10_001),
    "nodes-in-flow": lambda: b"a: [" + b"x," * 100_000 + b"]",
    "empty-pairs-in-flow": lambda: b"a: {" + b"," * 100_000 + b"}",
    "colons": repeated(b":", 200_000),
    "colons-spaced": repeated(b": ", 100_000),
    "hashes": repeated(b"#", 260_000),
    "comment-lines": repeated(b"# x\n", 60_000),
    "percents": repeated(b"%", 200_000),
    "pipes": repeated(b"|\n", 100_000),
    "greater-thans": repeated(b">", 200_000),
    "ampersands": repeated(b"&", 200_000),
    "stars": repeated(b"*", 200_000),
    "exclamations": repeated(b"!", 200_000),
    "quotes": repeated(b'"', 200_000),
    "single-quotes": repeated(b"'", 200_001),
    "backslashes": lambda: b'a: "' + b"\\" * 200_000,
    "document-ends": repeated(b"...\n", 60_000),
    "document-starts": repeated(b"---\n", 60_000),
    "spaces": repeated(b" ", 260_000),
    "line-feeds": repeated(b"\n", 260_000, b"", b"a: 1"),
    "carriage-returns": repeated(b"\r", 260_000, b"", b"a: 1"),
    "commas": repeated(b",", 200_000),
    "dashes": repeated(b"-", 200_000),
}

SIZES: Mapping[str, Seed] = {
    "larger-than-the-limit": lambda: TENANT + b"#" * LIMIT,
    "exactly-the-limit": lambda: TENANT + b"#" * (LIMIT - len(TENANT)),
    "four-megabytes": lambda: b"a" * 4_000_000,
    "huge-plain-scalar": lambda: with_env(b"x" * 250_000),
    "huge-quoted-scalar": lambda: with_env(b'"' + b"x" * 250_000 + b'"'),
    "huge-quoted-scalar-of-escapes": lambda: with_env(b'"' + b"\\u0041" * 40_000 + b'"'),
    "huge-folded-scalar": lambda: with_env(b'"' + b"x\n       " * 30_000 + b'"'),
    "huge-block-scalar": lambda: tenant(b"  cdn:\n    a: |\n" + b"      x\n" * 30_000),
    "huge-key": lambda: b"a" * 200_000 + b": 1\n",
    "huge-explicit-key": lambda: b"? " + b"a" * 200_000 + b"\n: 1\n",
    "huge-quoted-explicit-key": lambda: b'? "' + b"a" * 200_000 + b'"\n: 1\n',
    "huge-key-1000-characters": lambda: tenant(b"  " + b"a" * 1000 + b": 1\n"),
    "huge-integer": lambda: tenant(b"  x: " + b"9" * 200_000 + b"\n"),
    "huge-float": lambda: tenant(b"  x: " + b"9" * 200_000 + b".5\n"),
    "huge-exponent": tenant(b"  x: 1e" + b"9" * 500 + b"\n"),
    "huge-negative-exponent": tenant(b"  x: 1e-" + b"9" * 500 + b"\n"),
    "huge-hexadecimal": lambda: tenant(b"  x: 0x" + b"f" * 200_000 + b"\n"),
    "huge-octal": lambda: tenant(b"  x: 0o" + b"7" * 200_000 + b"\n"),
    "huge-tag": lambda: b"a: !" + b"t" * 200_000 + b" 1\n",
    "huge-directive": lambda: b"%YAML " + b"1" * 200_000 + b"\n---\na: 1\n",
    "huge-comment-behind-a-value": lambda: b"a: 1 #" + b"c" * 200_000,
    "unknown-fields-many": filled(b"  f%d: 1\n"),
    "unknown-fields-4500": repeated(b"", 1, TENANT, b"".join(b"  f%d: 1\n" % i for i in range(4500))),
    "unknown-fields-like-known-ones": repeated(
        b"", 1, TENANT, b"".join(b"  environment%d: 1\n" % i for i in range(4500))
    ),
    "nulls-4500": repeated(b"", 1, TENANT, b"".join(b"  f%d:\n" % i for i in range(4500))),
    "wrong-types-many": repeated(
        b"", 1, TENANT + b"  runtime:\n    env:\n", b"".join(b"      V%d: 1\n" % i for i in range(4500))
    ),
    "reserved-variables-many": repeated(
        b"", 1, TENANT + b"  runtime:\n    env:\n", b"".join(b"      AIPRESS_%d: x\n" % i for i in range(4500))
    ),
    "bad-keys-many": repeated(
        b"", 1, TENANT + b"  runtime:\n    env:\n", b"".join(b"      v-%d: x\n" % i for i in range(4500))
    ),
    "open-block-of-9000-values": repeated(
        b"", 1, TENANT + b"  cdn:\n", b"".join(b"    k%d: v\n" % i for i in range(4400))
    ),
    "domains-101": tenant(b"").replace(b"[www.acme.example]", b"[" + b"a.example," * 101 + b"]"),
    "domains-9000": lambda: TENANT.replace(b"[www.acme.example]", b"[" + b"a.example," * 9000 + b"]"),
    "domain-of-many-labels": TENANT.replace(b"www.acme.example", b"a." * 200 + b"example"),
    "domain-that-nearly-matches": TENANT.replace(b"www.acme.example", b"a-" * 120 + b"!"),
    "domain-without-end": lambda: TENANT.replace(b"www.acme.example", b"a" * 100_000),
    "ref-without-end": lambda: TENANT.replace(b"ref: main", b"ref: " + b"a" * 100_000),
    "repository-without-end": lambda: TENANT.replace(b"https://git.example", b"https://" + b"a" * 100_000),
    "repository-nearly-git-at": TENANT.replace(b"https://git.example/x/acme.git", b"git@" + b":" * 480),
    "redirects-1001": TENANT + b"  redirects: [" + b"{}," * 1001 + b"]\n",
    "duplicate-keys-9000": repeated(b"a: 1\n", 9000),
    "duplicate-unknown-fields": repeated(b"  a: 1\n", 5000, TENANT),
    "tags-4900": filled(b"a%d: !!str x\n", b""),
}

FORMS: Mapping[str, Seed] = {
    "empty": b"",
    "one-line-feed": b"\n",
    "one-nul": b"\0",
    "one-high-byte": b"\xff",
    "null-document": b"~",
    "text-document": b"hello",
    "number-document": b"42",
    "list-document": b"- a\n- b\n",
    "only-a-comment": b"# nothing\n",
    "two-documents": TENANT + b"---\n" + TENANT,
    "document-end-and-rest": TENANT + b"...\nrest\n",
    "directive-yaml": b"%YAML 1.2\n---\n" + TENANT,
    "directive-yaml-unknown-version": b"%YAML 9.9\n---\n" + TENANT,
    "directive-tag": b"%TAG ! tag:evil.example,2026:\n---\n" + TENANT,
    "directive-unknown": b"%FOO bar\n---\n" + TENANT,
    "tag-python-object": b"!!python/object/apply:os.system ['true']\n",
    "tag-python-name": with_env(b"!!python/name:os.system"),
    "tag-binary": with_env(b"!!binary aGVsbG8="),
    "tag-timestamp": with_env(b"!!timestamp 2026-01-01"),
    "tag-set": b"!!set {a, b}\n",
    "tag-omap": b"!!omap [a: 1]\n",
    "tag-local": with_env(b"!secret x"),
    "tag-verbatim": with_env(b"!<tag:yaml.org,2002:str> x"),
    "tag-non-specific": with_env(b"! x"),
    "key-null": b"~: 1\n",
    "key-true": b"true: 1\n",
    "key-number": b"1: 1\n",
    "key-empty": b'"": 1\n',
    "key-empty-plain": b": 1\n",
    "key-list": b"[a]: 1\n",
    "key-mapping": b"{a: 1}: 1\n",
    "key-complex": b"? [a, b]\n: c\n",
    "key-with-nul": b'"a\\0b": 1\n',
    "key-with-nul-and-mapping": b'"a\\0b": {c: 1}\n',
    "key-with-line-feed": b'"a\\nb": 1\n',
    "key-that-looks-like-a-path": tenant(b'  "runtime.memory": 1Gi\n'),
    "key-dunder-class": tenant(b"  __class__: x\n"),
    "key-model-config": tenant(b"  model_config: {extra: allow}\n"),
    "key-python-name-of-a-field": tenant(b"  primary_domain: www.acme.example\n"),
    "key-twice-in-metadata": HEAD + b"metadata: {name: acme-bakery, name: other, uid: a0000001}\n" + SPEC,
    "key-twice-spec": TENANT + SPEC,
    "key-twice-by-escape": HEAD + b'metadata: {name: acme-bakery, "n\\u0061me": other}\n' + SPEC,
    "key-twice-nested": tenant(b"  runtime: {memory: 1Gi}\n  runtime: {memory: 2Gi}\n"),
    "unclosed-flow": HEAD + b"metadata: {name: acme\n",
    "unclosed-quote": with_env(b'"never'),
    "unclosed-block": b"a: |",
    "block-indicator-nine": b"a: |9\n  x\n",
    "block-indicator-zero": b"a: |0\n x\n",
    "bad-escape": with_env(b'"\\q"'),
    "bad-unicode-escape": with_env(b'"\\uZZZZ"'),
    "surrogate-escape": with_env(b'"\\ud800"'),
    "surrogate-pair-escape": with_env(b'"\\ud83d\\ude00"'),
    "escape-beyond-unicode": with_env(b'"\\UFFFFFFFF"'),
    "escape-nul": with_env(b'"a\\0b"'),
    "escape-bell": with_env(b'"\\a"'),
    "escape-next-line": with_env(b'"a\\Nb"'),
    "indented-by-tab": b"a:\n\tb: 1\n",
    "tab-behind-dash": b"-\tb: 1\n",
    "tab-before-colon": b"a\t: 1\n",
    "carriage-return-lines": TENANT.replace(b"\n", b"\r"),
    "windows-lines": TENANT.replace(b"\n", b"\r\n"),
    "mixed-lines": TENANT.replace(b"\n", b"\r\n", 3).replace(b"spec:\n", b"spec:\r"),
    "form-feed": TENANT.replace(b"spec:\n", b"\x0cspec:\n"),
    "vertical-tab": TENANT.replace(b"spec:\n", b"\x0bspec:\n"),
    "next-line-c1": TENANT.replace(b"spec:\n", "\u0085spec:\n".encode()),
    "line-separator": TENANT.replace(b"spec:\n", "\u2028spec:\n".encode()),
    "no-line-feed-at-the-end": TENANT.rstrip(),
    "byte-order-mark": b"\xef\xbb\xbf" + TENANT,
    "byte-order-mark-twice": b"\xef\xbb\xbf\xef\xbb\xbf" + TENANT,
    "byte-order-mark-in-the-middle": TENANT.replace(b"spec:", b"\xef\xbb\xbfspec:"),
    "utf-16-little": TENANT.decode().encode("utf-16"),
    "utf-16-big": b"\xfe\xff" + TENANT.decode().encode("utf-16-be"),
    "utf-16-without-mark": TENANT.decode().encode("utf-16-le"),
    "utf-32": TENANT.decode().encode("utf-32"),
    "utf-7": TENANT.replace(b"acme-bakery", b"+AGEAYwBtAGU-"),
    "latin-1": HEAD + b"metadata: {name: acme-bakery, displayName: B\xe4ckerei}\n" + SPEC,
    "overlong-utf-8": TENANT.replace(b"acme-bakery", b"acme\xc0\xaf"),
    "utf-8-of-a-surrogate": TENANT.replace(b"acme-bakery", b"acme\xed\xa0\x80"),
    "utf-8-beyond-unicode": TENANT.replace(b"acme-bakery", b"acme\xf4\x90\x80\x80"),
    "utf-8-cut-off": TENANT[:-1] + b"\xe2\x82",
    "nul-in-the-middle": TENANT.replace(b"spec:", b"\0spec:"),
    "escape-sequence": TENANT.replace(b"acme-bakery", b"acme\x1b[2K"),
    "delete-character": TENANT.replace(b"acme-bakery", b"acme\x7f"),
    "json": b'{"apiVersion": "aipress.io/v1", "kind": "Tenant", "metadata": {"name": "acme-bakery"}, "spec": null}',
    "json-minified-valid": b'{"apiVersion":"aipress.io/v1","kind":"Tenant","metadata":{"name":"acme-bakery","uid":"a0000001"},'
    b'"spec":{"tier":"silver","source":{"repository":"https://git.example/x.git"},"environments":{"production":{"ref":"main"}}}}',
    "toml": b'[spec]\ntier = "silver"\n',
    "html": b"<!DOCTYPE html><html><body>404</body></html>",
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + b"\0" * 40,
    "elf": b"\x7fELF\x02\x01\x01" + b"\0" * 60,
    "git-conflict": TENANT.replace(b"spec:\n", b"<<<<<<< HEAD\nspec:\n=======\nspec:\n>>>>>>> other\n"),
    "lfs-pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
    "symlink-target": b"../../../../../../etc/passwd",
    "shell": b"#!/bin/sh\nrm -rf /\n",
    "template": TENANT.replace(b"acme-bakery", b"{{ tenant }}"),
    "environment-variable": TENANT.replace(b"silver", b"${TIER}"),
}

VALUES: Mapping[str, Seed] = {
    **{
        f"scalar-{name}": labelled(text)
        for name, text in {
            "norway": b"NO",
            "yes": b"yes",
            "on": b"on",
            "y": b"y",
            "true": b"true",
            "null": b"null",
            "tilde": b"~",
            "octal": b"0755",
            "octal-new": b"0o755",
            "octal-eight": b"08",
            "hexadecimal": b"0xFF",
            "binary": b"0b11",
            "sexagesimal": b"12:30:00",
            "sexagesimal-float": b"1:30.5",
            "underscore": b"1_000",
            "infinity": b".inf",
            "minus-infinity": b"-.Inf",
            "nan": b".nan",
            "float": b"1.0",
            "float-exponent": b"1e3",
            "dot": b".",
            "plus": b"+",
            "minus": b"-",
            "plus-one": b"+1",
            "date": b"2026-01-01",
            "timestamp": b"2026-01-01T00:00:00Z",
            "beyond-2-53": b"9007199254740993",
            "minus-zero": b"-0",
            "version": b"8.30",
            "leading-dot": b".5",
            "trailing-dot": b"5.",
            "equals": b"=",
            "question": b"?",
            "percent": b"%x",
            "at": b"@x",
            "backtick": b"`x`",
            "empty-quoted": b'""',
            "arabic-digits": "٣".encode(),
            "fullwidth-digits": "８".encode(),
        }.items()
    },
    **{
        f"name-{name}": named(text)
        for name, text in {
            "upper": b"Acme",
            "one-letter": b"a",
            "two-letters": b"ab",
            "thirty-one": b"a" * 31,
            "thirty": b"a" * 30,
            "ends-in-hyphen": b"acme-",
            "starts-with-digit": b"1acme",
            "double-hyphen": b"a--b",
            "dot": b"acme.bakery",
            "slash": b"acme/bakery",
            "up": b"..",
            "up-and-over": b"../harbour-cafe",
            "nul": b'"acme\\0"',
            "line-feed-at-end": b'"acme-bakery\\n"',
            "space": b"acme bakery",
            "at": b"acme@production",
            "cyrillic-a": "\u0430cme-bakery".encode(),
            "zero-width": "acme\u200b-bakery".encode(),
            "zero-width-joiner": "acme\u200d-bakery".encode(),
            "soft-hyphen": "acme\u00adbakery".encode(),
            "right-to-left": "acme\u202eyrekab".encode(),
            "isolate": "acme\u2066bakery\u2069".encode(),
            "non-breaking-hyphen": "acme\u2011bakery".encode(),
            "fullwidth": "ａｃｍｅ".encode(),
            "dotless-i": "acme-\u0131".encode(),
            "kelvin": "acme-\u212a".encode(),
            "hangul-filler": "acme\u3164".encode(),
            "tag-characters": "acme\U000e0041".encode(),
            "combining": "a\u0301cme".encode(),
            "emoji": "🥐".encode(),
            "of-the-neighbour": b"harbour-cafe",
            "fleet": b"fleet",
            "mention": b'"@everyone"',
            "link": b'"[x](http://y)"',
            "list": b"[acme]",
            "mapping": b"{a: b}",
            "number": b"12345",
            "null": b"null",
            "true": b"true",
        }.items()
    },
    "uid-of-the-neighbour": TENANT.replace(b"a0000001", b"c0000001"),
    "uid-upper": TENANT.replace(b"a0000001", b"A0000001"),
    "uid-long": TENANT.replace(b"a0000001", b"a00000011"),
    "domain-of-the-neighbour": TENANT.replace(b"www.acme.example", b"www.cafe.example"),
    "domain-wildcard": TENANT.replace(b"www.acme.example", b'"*.example"'),
    "domain-ip": TENANT.replace(b"www.acme.example", b"169.254.169.254"),
    "domain-metadata": TENANT.replace(b"www.acme.example", b"metadata.google.internal"),
    "domain-punycode": TENANT.replace(b"www.acme.example", b"xn--80ak6aa92e.example"),
    "domain-unicode": TENANT.replace(b"www.acme.example", "www.bäckerei.example".encode()),
    "domain-trailing-dot": TENANT.replace(b"www.acme.example", b"www.acme.example."),
    "domain-upper": TENANT.replace(b"www.acme.example", b"WWW.ACME.EXAMPLE"),
    "domain-line-feed": TENANT.replace(b"www.acme.example", b'"www.acme.example\\n"'),
    "repository-file": TENANT.replace(b"https://git.example", b"file:///etc"),
    "repository-ext": TENANT.replace(b"https://git.example/x/acme.git", b"ext::sh -c true"),
    "repository-option": TENANT.replace(b"https://git.example/x/acme.git", b"--upload-pack=true"),
    "repository-ssh-option": TENANT.replace(b"https://git.example/x/acme.git", b"ssh://-oProxyCommand=true/x"),
    "repository-password": TENANT.replace(b"https://git.example", b"https://user:secret@git.example"),
    "repository-link-local": TENANT.replace(b"git.example", b"169.254.169.254"),
    "ref-option": TENANT.replace(b"ref: main", b"ref: --output=x"),
    "ref-range": TENANT.replace(b"ref: main", b"ref: a..b"),
    "ref-up": TENANT.replace(b"ref: main", b"ref: a/../../b"),
    "ref-lock": TENANT.replace(b"ref: main", b"ref: main.lock"),
    "memory-zero": tenant(b"  runtime: {memory: 0Mi}\n"),
    "memory-huge": tenant(b"  runtime: {memory: 999999Gi}\n"),
    "memory-exponent": tenant(b"  runtime: {memory: 1e3Mi}\n"),
    "cpu-number": tenant(b"  runtime: {cpu: 1}\n"),
    "cpu-nan": tenant(b"  runtime: {cpu: .nan}\n"),
    "scaling-negative": tenant(b"  runtime: {scaling: {min: -1, max: 0}}\n"),
    "scaling-float": tenant(b"  runtime: {scaling: {min: 1.5}}\n"),
    "scaling-as-float-that-is-whole": tenant(b"  runtime: {scaling: {min: 1.0}}\n"),
    "php-number": tenant(b"  runtime: {php: 8.3}\n"),
    "state-deleted-without-reason": tenant(b"  state: deleted\n"),
    "state-purged": tenant(b"  state: purged\n"),
    "state-true": tenant(b"  state: true\n"),
    "ref-object-in-an-open-block": tenant(b"  cdn: {$ref: {resource: tenant/x/secret/y, path: z}}\n"),
    "markdown-in-display-name": HEAD
    + b"metadata: {name: acme-bakery, uid: a0000001, displayName: '```</details>@all'}\n"
    + SPEC,
    "env-shell": with_env(b"'$(rm -rf /)'"),
    "env-sql": with_env(b'"\'; DROP TABLE wp_users; --"'),
    "env-key-lower": tenant(b"  runtime: {env: {lower: x}}\n"),
    "env-key-reserved": tenant(b"  runtime: {env: {PORT: '1'}}\n"),
    "kind-shard": TENANT.replace(b"kind: Tenant", b"kind: Shard"),
    "kind-list": TENANT.replace(b"kind: Tenant", b"kind: [Tenant]"),
    "kind-lower": TENANT.replace(b"kind: Tenant", b"kind: tenant"),
    "api-version-other": TENANT.replace(b"aipress.io/v1", b"v1"),
    "api-version-number": TENANT.replace(b"aipress.io/v1", b"1"),
    "api-version-missing": TENANT.removeprefix(b"apiVersion: aipress.io/v1\n"),
    "spec-null": HEAD + META + b"spec:\n",
    "spec-list": HEAD + META + b"spec: []\n",
    "metadata-missing": HEAD + SPEC,
    "tier-unknown": TENANT.replace(b"silver", b"platinum"),
    "tier-up": TENANT.replace(b"silver", b"../../fleet"),
    "owners-21": HEAD + META + b"  owners: [" + b"abc," * 21 + b"]\n" + SPEC,
    "production-missing": TENANT.replace(b"production:", b"staging:"),
    "valid": TENANT,
}

SEEDS: Mapping[str, Seed] = {**BOMBS, **SIZES, **FORMS, **VALUES}
"""Name -> the bytes of one tenant.yaml, or what makes them."""


def content(seed: Seed) -> bytes:
    return seed() if callable(seed) else seed
