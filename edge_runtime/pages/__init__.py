"""A small web server for pages and WebSockets, with access control."""
