"""Stage 7: values -> words. Terminal, JSON, NDJSON, Markdown, SARIF; strings in the end, and nothing else.

What may live here: pure functions from the words of `model` to text. What may not: reading a clock or a file, writing
anywhere, deciding anything. Everything that somebody else wrote goes through `escape` before it is shown.
"""
