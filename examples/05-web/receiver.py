"""A server to try the example with: it has news, and prints whatever it is told."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer


class Receiver(BaseHTTPRequestHandler):
    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200, {"headline": "Seeds are saved in October"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        print(self.headers["authorization"], self.headers["idempotency-key"], body.decode())
        self.answer(202, {})


HTTPServer(("127.0.0.1", 8765), Receiver).serve_forever()
