"""Keeps slow clients away from the threads in which requests are processed.

The web server (granian) calls `Application` as ASGI. It takes in a request's whole body before one
of the few processing threads runs Django, whole and synchronous, and sends the whole answer after
that thread is free again. See docs/adr/0035.
"""
