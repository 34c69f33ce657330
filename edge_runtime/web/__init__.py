"""Pages in a browser: the dashboard, and the phone page. Served from a thread of their own, all files local."""
