#!/usr/bin/python3
"""Stands in for PgRoute66: who is the primary, who are the standbys? It asks Patroni's REST API."""

import http.server
import json
import urllib.request

_SERVERS = ["192.0.2.11", "192.0.2.12", "192.0.2.13", "192.0.2.14"]
_QUESTIONS = {"/v1/primary": "primary", "/v1/standbys": "replica"}


def _is(address, role):
    try:
        with urllib.request.urlopen(f"http://{address}:8008/{role}", timeout=0.5) as answer:
            return answer.status == 200
    except OSError:
        return False


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with a JSON list of addresses."""

    def do_GET(self):
        """The one kind of request there is."""
        role = _QUESTIONS.get(self.path)
        self.send_response(200 if role else 404)
        self.end_headers()
        if role:
            found = [address for address in _SERVERS if _is(address, role)]
            self.wfile.write(json.dumps(found).encode())

    def log_message(self, *_arguments):
        """No line per request."""


http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
