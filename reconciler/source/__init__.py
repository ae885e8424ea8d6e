"""Stage 1, commit -> Fleet: git objects, strict YAML with positions, rules across files, placement, edits, schemas.

May live here: what turns what people wrote into `model.fleet.Fleet`, and what writes it back (edits, scaffolds).
May not: any cloud, any other stage, and any decision about what the cloud should look like (that is desired/).
`document`, `check`, `rules`, `placement`, `paths`, `codes`, `schema`, `edit`, `fix` and `generate` are pure;
`git`, `tree` and `layout` touch the disk; `load` puts them together. Diagnostic codes: `codes.py`.
"""
