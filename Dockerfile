# headgate as an image: one file of JavaScript on a node without a shell.
#
#   docker build -t headgate .
#   docker run --rm -p 8080:8080 -e HEADGATE_UPSTREAM=http://host:8000 headgate

# Releases pin both by digest: --build-arg RUN_IMAGE=gcr.io/…@sha256:…
ARG BUILD_IMAGE=docker.io/library/node:24-trixie-slim
ARG RUN_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot

# The bundle is the same on every platform, so it is built on the builder's own, without emulation.
FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
# No script of a package runs: nothing that the bundle is made of needs one. esbuild is an optional dependency, so that
# 200 packages for tests and checks stay out.
RUN npm ci --ignore-scripts --omit=dev
COPY scripts/build.mjs scripts/inline-page.mjs scripts/
COPY src src
RUN node scripts/build.mjs

FROM ${RUN_IMAGE}
ARG VERSION=0.0.0-dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="headgate" \
      org.opencontainers.image.description="Answers HEAD through GET, for backends that refuse HEAD and may not be changed" \
      org.opencontainers.image.source="https://github.com/headgate/headgate" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

COPY LICENSE /app/
COPY --from=build /src/dist/headgate.cjs /src/dist/THIRD_PARTY_NOTICES.txt /app/

# The heap ends at half of the container's memory. Without this, node sizes it by the machine, collects too late, and the
# container is killed. The other half is for what is not heap: code, sockets' buffers, the kernel's accounts.
ARG HEAP=--max-old-space-size-percentage=50
# glibc keeps a heap for each thread; node's buffers, freed on another thread than they were taken on, pile up there.
# Probes and scrapes come from outside the container. A route file, HEADGATE_ADMIN or --admin overrides this.
ENV HEADGATE_ADMIN_DEFAULT=0.0.0.0:9090
ENV NODE_ENV=production NODE_OPTIONS=${HEAP} MALLOC_ARENA_MAX=2

USER 65532:65532
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["/nodejs/bin/node", "/app/headgate.cjs", "healthcheck"]
# node as process 1 does without an init: headgate handles SIGTERM and starts no processes that could become orphans.
ENTRYPOINT ["/nodejs/bin/node", "/app/headgate.cjs"]
CMD ["run"]
