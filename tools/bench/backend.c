// The backend of the benchmark: responds to GET like a small JSON service, refuses HEAD with 405 as FastAPI does, and counts.
// One process, one epoll loop, no allocation per request: it must be faster than any proxy.
//
//   GET /small   15 bytes of JSON
//   GET /big     100 MB; counts the bytes that the kernel accepted
//   GET /huge    2 GiB, counted too; the only range that it supports is the first byte
//   GET /stats   the counters as JSON; a connection with no other request is not counted
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_BYTES 16384
#define BIG_BYTES 100000000L
#define HUGE_BYTES 2147483648L
#define PAGE_BYTES (1L << 20)

typedef struct {
  int fd, counted, writing;
  size_t got;
  long big_left; // bytes left of the /big or /huge response in progress; 0 when there is none
  char request[REQUEST_BYTES + 1];
} connection;

static int loop, page; // `page` is a file in memory: with sendfile() this process need not copy it
static uint64_t connections, requests, heads, big_requests, big_bytes;

#define COMMON "date: Thu, 01 Jan 2026 00:00:00 GMT\r\nserver: bench\r\ncontent-type: application/json\r\netag: \"bench-1\"\r\n"
static const char SMALL[] = "HTTP/1.1 200 OK\r\n" COMMON "content-length: 15\r\n\r\n{\"status\":\"ok\"}";
static const char BIG[] = "HTTP/1.1 200 OK\r\n" COMMON "content-length: 100000000\r\n\r\n";
static const char HUGE_ONE[] = "HTTP/1.1 200 OK\r\n" COMMON "content-length: 2147483648\r\n\r\n";
static const char FIRST[] = "HTTP/1.1 206 Partial Content\r\n" COMMON "content-range: bytes 0-0/2147483648\r\ncontent-length: 1\r\n\r\nx";
static const char REFUSED[] = "HTTP/1.1 405 Method Not Allowed\r\n" COMMON "allow: GET\r\ncontent-length: 31\r\n\r\n";
static const char MISSING[] = "HTTP/1.1 404 Not Found\r\n" COMMON "content-length: 2\r\n\r\n{}";

static void drop(connection *c) {
  close(c->fd);
  free(c);
}

// Small responses always fit the socket buffer of a peer that reads: after a short write the peer is gone.
static int say(connection *c, const char *text, size_t length) {
  return send(c->fd, text, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static int say_stats(connection *c) {
  char body[256], answer[512];
  int n = snprintf(body, sizeof body, "{\"connections\":%lu,\"requests\":%lu,\"heads\":%lu,\"bigRequests\":%lu,\"bigBytes\":%lu}",
                   connections, requests, heads, big_requests, big_bytes);
  int m = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\n" COMMON "content-length: %d\r\n\r\n%s", n, body);
  return say(c, answer, m);
}

static void watch(connection *c, int writing) {
  if (c->writing == writing) return;
  c->writing = writing;
  struct epoll_event e = {.events = writing ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = c};
  epoll_ctl(loop, EPOLL_CTL_MOD, c->fd, &e);
}

// Sends as much of the big response as the socket accepts; 0 if the peer is gone.
static int pump(connection *c) {
  while (c->big_left > 0) {
    off_t from = 0;
    long want = c->big_left < PAGE_BYTES ? c->big_left : PAGE_BYTES;
    ssize_t n = sendfile(c->fd, page, &from, want);
    if (n < 0) {
      if (errno != EAGAIN) return 0;
      watch(c, 1);
      return 1;
    }
    c->big_left -= n;
    big_bytes += n;
  }
  watch(c, 0);
  return 1;
}

static int answer_huge(connection *c) {
  char *end = strstr(c->request, "\r\n\r\n"), *range = strcasestr(c->request, "\r\nrange: bytes=0-0\r\n");
  big_requests++;
  if (range && range < end) return big_bytes++, say(c, FIRST, sizeof FIRST - 1);
  c->big_left = HUGE_BYTES;
  return say(c, HUGE_ONE, sizeof HUGE_ONE - 1) && pump(c);
}

static int answer(connection *c) {
  if (!strncmp(c->request, "GET /stats ", 11)) return say_stats(c);
  if (!c->counted) c->counted = 1, connections++;
  requests++;
  if (!strncmp(c->request, "HEAD ", 5)) return heads++, say(c, REFUSED, sizeof REFUSED - 1);
  if (!strncmp(c->request, "GET /small ", 11)) return say(c, SMALL, sizeof SMALL - 1);
  if (!strncmp(c->request, "GET /huge ", 10)) return answer_huge(c);
  if (strncmp(c->request, "GET /big ", 9)) return say(c, MISSING, sizeof MISSING - 1);
  big_requests++;
  c->big_left = BIG_BYTES;
  return say(c, BIG, sizeof BIG - 1) && pump(c);
}

// Responds to every complete request; no request has content. 0 if the connection must be closed.
static int serve(connection *c) {
  char *end;
  c->request[c->got] = 0;
  while (c->big_left == 0 && (end = strstr(c->request, "\r\n\r\n"))) {
    if (!answer(c)) return 0;
    size_t used = end + 4 - c->request;
    memmove(c->request, end + 4, c->got - used + 1);
    c->got -= used;
  }
  return c->got < REQUEST_BYTES;
}

static int readable(connection *c) {
  ssize_t n = recv(c->fd, c->request + c->got, REQUEST_BYTES - c->got, 0);
  if (n < 0 && errno == EAGAIN) return 1;
  if (n <= 0) return 0;
  c->got += n;
  return serve(c);
}

static void accept_all(int listener) {
  int fd, one = 1;
  while ((fd = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0) {
    connection *c = calloc(1, sizeof *c);
    c->fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(loop, EPOLL_CTL_ADD, fd, &e);
  }
}

int main(int argc, char **argv) {
  if (argc != 2) return fprintf(stderr, "backend PORT\n"), 2;
  prctl(PR_SET_PDEATHSIG, SIGKILL); // when a benchmark is killed, its backend ends too
  signal(SIGPIPE, SIG_IGN);         // sendfile() has no MSG_NOSIGNAL
  page = memfd_create("page", 0);
  if (page < 0 || ftruncate(page, PAGE_BYTES)) return perror("memfd"), 1;
  int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 1024)) return perror("listen"), 1;
  loop = epoll_create1(0);
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = 0}, ready[256];
  epoll_ctl(loop, EPOLL_CTL_ADD, listener, &e);
  for (;;) {
    int n = epoll_wait(loop, ready, 256, -1);
    for (int i = 0; i < n; i++) {
      connection *c = ready[i].data.ptr;
      if (!c) {
        accept_all(listener);
        continue;
      }
      int alive = !(ready[i].events & (EPOLLERR | EPOLLHUP));
      if (alive && (ready[i].events & EPOLLOUT)) alive = pump(c) && (c->big_left > 0 || serve(c));
      if (alive && (ready[i].events & EPOLLIN)) alive = readable(c);
      if (!alive) drop(c);
    }
  }
}
