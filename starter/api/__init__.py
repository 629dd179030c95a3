"""The HTTP API, `perdure serve`: one module a resource, put together in `application.py`.

What stands under `/v1` asks for an API key before anything else. What stands beside it is called by strangers, as
mailboxes and providers are, and checks a signature of its own.
"""
