"""A store that checks a signature as S3 does (AWS Signature Version 4, by botocore itself): the method is part of it."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SIGNER = SigV4Auth(Credentials("key", "secret"), "s3", "us-east-1")
objects = {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def is_signed(self):
        scheme, _, text = self.headers.get("Authorization", "").partition(" ")
        parts = dict(part.strip().split("=", 1) for part in text.split(",") if "=" in part)
        if scheme != "AWS4-HMAC-SHA256":
            return False
        names = parts["SignedHeaders"].split(";")
        request = AWSRequest(self.command, f"http://{self.headers['Host']}{self.path}")
        request.context["timestamp"] = self.headers["X-Amz-Date"]
        for name in names:
            request.headers[name] = self.headers[name]
        lines = [
            self.command,
            urlsplit(self.path).path,
            urlsplit(self.path).query,
            *(f"{name}:{self.headers[name].strip()}" for name in names),
            "",
            parts["SignedHeaders"],
            self.headers["X-Amz-Content-SHA256"],
        ]
        wanted = SIGNER.signature(SIGNER.string_to_sign(request, "\n".join(lines)), request)
        return wanted == parts["Signature"]

    def answer(self):
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        found = None
        if not self.is_signed():
            status = 403
        elif self.command == "PUT":
            objects[self.path], status, found = content, 200, b""
        else:
            found = objects.get(self.path)
            status = 404 if found is None else 200
        self.send_response(status)
        self.send_header("Content-Length", str(len(found or b"")))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(found or b"")

    do_GET = do_HEAD = do_PUT = answer

    def log_message(self, *_):
        pass


ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
