"""The few-shot benchmark: one to ten labelled windows per class, tested on new people.

``tasks`` defines data sets, windows and classes, ``manifest`` the test people and the windows to
learn from, ``runner`` runs the grid, ``scores`` scores predictions, and ``report`` writes tables
and pictures. ``personal`` tests each person on their own later recordings instead. The methods are
in :mod:`img2imu.baselines`. docs/fewshot.md explains the protocol.
"""
