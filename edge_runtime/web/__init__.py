"""The pages in a browser: the dashboard, teaching from it, and the files of the phone page.

They are served by :mod:`edge_runtime.pages` from local files only.
"""
