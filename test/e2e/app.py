"""A FastAPI app as one meets it: routes for GET only, and one of each thing that a proxy can get wrong."""

import asyncio
import hashlib
from collections import defaultdict

from fastapi import BackgroundTasks, Cookie, FastAPI, Request, Response, UploadFile, WebSocket
from fastapi.responses import FileResponse, StreamingResponse

app = FastAPI()

# What reached the app for each path: the methods, and the content that it gave away.
methods: defaultdict[str, list[str]] = defaultdict(list)
content: defaultdict[str, int] = defaultdict(int)


class Recorder:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        async def counting_send(message):
            content[scope["path"]] += len(message.get("body", b""))
            await send(message)

        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        methods[scope["path"]].append(scope["method"])
        await self.app(scope, receive, counting_send)


app.add_middleware(Recorder)


@app.get("/recorded/{path:path}")
async def recorded(path: str):
    return {"methods": methods[f"/{path}"], "content": content[f"/{path}"]}


# The tests open and await these by name over HTTP, so that what happens when depends on no clock.
gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)


@app.post("/gates/{name}")
async def open_gate(name: str):
    gates[name].set()
    return name


@app.get("/gates/{name}")
async def await_gate(name: str):
    await gates[name].wait()
    return name


@app.get("/health")
async def health():
    return {"status": "ok"}


@app.get("/who")
async def who(request: Request):
    return {
        "client": request.client and request.client.host,
        "scheme": request.url.scheme,
        "host": request.headers.get("host"),
        "method": request.method,
        "fields": [[name.decode("latin1"), value.decode("latin1")] for name, value in request.headers.raw],
    }


# Starlette alone would answer this HEAD with the GET's; here the app has one of its own, which must stay reachable.
@app.get("/native")
async def native_get():
    return Response("GET", headers={"x-answered": "GET"})


@app.head("/native")
async def native_head():
    return Response(headers={"x-answered": "HEAD"})


async def three_chunks(name: str, template: str):
    try:
        for number in (1, 2, 3):
            await gates[f"{name}-{number}"].wait()
            yield template.format(number)
    finally:
        gates[f"{name}-closed"].set()


@app.get("/stream/{name}")
async def stream(name: str, tasks: BackgroundTasks):
    tasks.add_task(gates[f"{name}-background"].set)
    return StreamingResponse(three_chunks(name, "chunk {}\n"), media_type="text/plain", background=tasks)


@app.get("/report")
async def report():
    return StreamingResponse((f"line {number}\n" for number in range(100)), media_type="text/plain")


@app.get("/events/{name}")
async def events(name: str):
    return StreamingResponse(three_chunks(name, "data: {}\n\n"), media_type="text/event-stream")


@app.post("/upload")
async def upload(file: UploadFile):
    content = await file.read()
    return {"name": file.filename, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


@app.post("/upload-stream/{name}")
async def upload_stream(name: str, request: Request):
    digest = hashlib.sha256()
    async for chunk in request.stream():
        digest.update(chunk)
        gates[f"{name}-received"].set()
    return digest.hexdigest()


@app.get("/items/")
async def items():
    return []


@app.get("/items/{number}")
async def item(number: int):
    return number


@app.get("/failing")
async def failing():
    raise RuntimeError("as expected by the test")


@app.get("/login")
async def login(response: Response):
    response.set_cookie("session", "s1", httponly=True)
    response.set_cookie("theme", "dark")
    return {}


@app.get("/me")
async def me(session: str = Cookie(), theme: str = Cookie()):
    return {"session": session, "theme": theme}


@app.get("/download")
async def download():
    return FileResponse(__file__, media_type="text/x-python")


# Newer versions of Starlette answer Range by themselves; Debian 12's does not.
@app.get("/file")
async def file(request: Request):
    asked = request.headers.get("range")
    if asked is None:
        return FileResponse(__file__, media_type="text/x-python", headers={"accept-ranges": "bytes"})
    first, last = (int(number) for number in asked.removeprefix("bytes=").split("-"))
    with open(__file__, "rb") as opened:
        content = opened.read()
    part = f"bytes {first}-{last}/{len(content)}"
    return Response(content[first : last + 1], 206, {"content-range": part}, "text/x-python")


@app.websocket("/echo")
async def echo(websocket: WebSocket):
    await websocket.accept(subprotocol="echo.v1")
    await websocket.send_json({"client": websocket.client.host, "cookie": websocket.headers.get("cookie")})
    while (message := await websocket.receive())["type"] == "websocket.receive":
        if message.get("text") == "close":
            await websocket.close(4001)
            return
        await websocket.send({**message, "type": "websocket.send"})
    gates["websocket-gone"].set()


@app.websocket("/refused")
async def refused(websocket: WebSocket):
    await websocket.close()
