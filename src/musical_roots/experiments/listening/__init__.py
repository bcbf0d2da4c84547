"""Experiment A: from listeners' answers to tables. Functions of tables; they read and write none.

Words
-----
An answer *agrees* if it chooses the clip that the trial's encoder has nearer to X. The *gap* is how
much nearer, in cosine. A listener's own effect and an X's are taken for random: what is said holds
for other listeners, and for other X's.
"""

FEWEST = 5  # listeners, or X's, of an interval that is shown: of fewer it says next to nothing
