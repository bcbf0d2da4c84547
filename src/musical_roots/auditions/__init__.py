"""Pages to hear a study by: what it found, as sound and picture, with what is known of each.

`sounds` makes what is heard and seen, `vamps` and `perturbations` say what of a study that is, and
`page` writes it down. The listening study's own page is another thing: `listening`.
"""
