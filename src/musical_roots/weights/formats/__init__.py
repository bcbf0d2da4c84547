"""Published layouts of weights: each is read into ours, and written with random weights.

A module is a layout. `weights.manifest.Source.format` names it, and it has

- ``convert(path, name)``: of each converted file the tensors, and whether they are random weights
  of ours. What is laid out otherwise is a ValueError, a LookupError or a TypeError.
- ``write_random(path, seed, name)``: a file of that layout that has learned nothing, marked so that
  ``convert`` knows it. Where nobody needs one, it is left out, and `Source.random` says so.

`name` is the source's, for a layout that several published files share.

Names and shapes stand here as data: nothing of the networks themselves is imported, and the tests
hold the two against each other. Only what a layout's own name says is loaded, for torch takes
seconds.
"""
