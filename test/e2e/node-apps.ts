/** Small applications on Node's frameworks, whose answers to HEAD differ. */

import type { RequestListener } from "node:http";

import express from "express";
import Fastify, { type FastifyInstance } from "fastify";

/** Express answers HEAD where it has a GET, but not behind a check of the method. */
export function createExpress(): RequestListener {
  const app = express();
  app.get("/json", (_request, response) => void response.json({ hello: "world" }));
  app.all("/strict", (request, response) => {
    if (request.method === "GET") response.json({ hello: "world" });
    else response.status(405).set("Allow", "GET").end();
  });
  app.get("/login", (_request, response) => response.cookie("a", "1").redirect("/json"));
  app.head("/own", (_request, response) => void response.set("X-Offset", "7").end());
  return app;
}

/** Fastify answers HEAD where `exposeHeadRoutes` is set. */
export function createFastify(exposeHeadRoutes: boolean): FastifyInstance {
  const app = Fastify({ exposeHeadRoutes, forceCloseConnections: true });
  app.get("/json", () => ({ hello: "world" }));
  app.get("/documentation/json", () => ({
    openapi: "3.0.3",
    info: { title: "as @fastify/swagger has it", version: "1" },
    paths: { "/json": { get: { responses: {} } } },
  }));
  return app;
}
