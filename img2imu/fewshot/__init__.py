"""The few-shot benchmark: how well new people are recognised after one to ten labelled windows per class.

``tasks`` says on what, ``manifest`` who is tested and what is learnt from, ``methods`` who
competes, ``runner`` runs the grid, ``scores`` judges, ``report`` and ``plots`` show.
docs/fewshot.md explains the protocol.
"""
