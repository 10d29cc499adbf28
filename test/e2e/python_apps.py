"""Small applications on Python's frameworks: `python3 python_apps.py NAME HOST PORT`, or gunicorn with `python_apps:flask_app()`."""

import sys

TEXT = "text that is worth compressing; " * 500


def flask_app():
    from flask import Flask, Response, jsonify, redirect, request, send_file, session

    app = Flask(__name__)
    app.secret_key = "not a secret"

    @app.get("/json")
    def json():
        return jsonify(hello="world")

    @app.get("/file")
    def file():
        return send_file(__file__)

    @app.get("/get-only")
    def get_only():
        # What decorators and method checks of hand-written code do.
        if request.method != "GET":
            return "", 405
        return jsonify(hello="world")

    @app.post("/login")
    def login():
        session["name"] = request.form["name"]
        return redirect("/me", 303)

    @app.get("/me")
    def me():
        if request.authorization and request.authorization.password == "secret":
            return request.authorization.username
        if "name" in session:
            return session["name"]
        return Response(status=401, headers={"WWW-Authenticate": 'Basic realm="headgate"'})

    @app.get("/stream")
    def stream():
        return Response((f"{number}\n" for number in range(3)), mimetype="text/plain")

    @app.post("/echo")
    def echo():
        return Response(request.get_data(), mimetype="application/octet-stream")

    return app


def django_app():
    import django
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.http import JsonResponse
    from django.urls import path
    from django.views.decorators.http import condition, require_GET

    @condition(etag_func=lambda request: '"one"')
    def json(request):
        return JsonResponse({"hello": "world"})

    @require_GET
    def get_only(request):
        return JsonResponse({"hello": "world"})

    settings.configure(
        ALLOWED_HOSTS=["*"],
        SECRET_KEY="not a secret",
        ROOT_URLCONF=(path("json", json), path("get-only", get_only)),
        MIDDLEWARE=["django.middleware.gzip.GZipMiddleware", "django.middleware.common.CommonMiddleware"],
    )
    django.setup()
    return get_wsgi_application()


async def asgi_app(scope, receive, send):
    """Refuses uploads without a look at them, so that uvicorn asks for none."""
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


def tornado(host, port, folder):
    import tornado.ioloop
    import tornado.web

    class Json(tornado.web.RequestHandler):
        def get(self):
            self.write({"hello": "world"})

    files = (r"/files/(.*)", tornado.web.StaticFileHandler, {"path": folder})
    app = tornado.web.Application([("/json", Json), files], compress_response=True)
    app.listen(port, host)
    tornado.ioloop.IOLoop.current().start()


def aiohttp(host, port):
    from aiohttp import web

    async def json(request):
        return web.json_response({"hello": "world"})

    async def echo(request):
        return web.Response(body=await request.read())

    async def refuse(request):
        raise web.HTTPForbidden()

    async def events(request):
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: one\n\n")
        return response

    app = web.Application(client_max_size=2**30)
    app.add_routes(
        [
            web.get("/json", json),
            web.get("/get-only", json, allow_head=False),
            web.get("/events", events),
            web.put("/echo", echo),
            web.put("/refuse", refuse),
        ]
    )
    web.run_app(app, host=host, port=port, print=None)


if __name__ == "__main__":
    name, host, port, *rest = sys.argv[1:]
    {"tornado": tornado, "aiohttp": aiohttp}[name](host, int(port), *rest)
