// A closed-loop HTTP/1.1 load generator that supports HEAD: each connection sends its next request when the response to the last
// one is complete. Other generators wait for the content that a HEAD's Content-Length only announces.
//
//   load -m METHOD -c CONNECTIONS -d SECONDS [-n REQUESTS] [-w SECONDS] [-t HOST] PORT PATH
//
// -w: loads for so long before, and then prints a line `started`. -t: over TLS 1.3, if it was compiled with -DWITH_TLS.
//
// Prints one line of JSON. `wrong` counts statuses other than 200, `broken` all invalid responses: a reset, a connection that ended
// early, bytes after the header section of a HEAD's response.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifdef WITH_TLS
#include <openssl/ssl.h>
#endif

#define HEAD_BYTES 65536
#define LATENCY_US 2000000 // longer latencies are counted in the last slot

enum state { CONNECTING, HANDSHAKE, IDLE, HEADER, LENGTH, CHUNKED, UNTIL_CLOSE };

typedef struct {
  int fd, closing, status;
  enum state state;
  uint64_t started;
  size_t got;
  long left;
  char tail[5];
  char header[HEAD_BYTES];
#ifdef WITH_TLS
  SSL *tls;
#endif
} connection;

static char request[1024];
static size_t request_bytes;
static int is_head, loop;
static struct sockaddr_in target;
static uint64_t latencies[LATENCY_US];
static uint64_t sent, limit = UINT64_MAX, done, wrong, broken, bytes;

static uint64_t now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

#ifdef WITH_TLS
static SSL_CTX *context;
static const char *host;

// One cipher, one group and one protocol: a peer that does not take them fails the handshake.
static void set_up_tls(void) {
  static const unsigned char alpn[] = "\x08http/1.1";
  context = SSL_CTX_new(TLS_client_method());
  if (!SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) || !SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") ||
      !SSL_CTX_set1_groups_list(context, "X25519") || SSL_CTX_set_alpn_protos(context, alpn, sizeof alpn - 1))
    exit(3);
}

static void open_tls(connection *c) {
  if (c->tls) SSL_free(c->tls);
  c->tls = SSL_new(context);
  SSL_set_fd(c->tls, c->fd);
  SSL_set_tlsext_host_name(c->tls, host);
  SSL_set_connect_state(c->tls);
}

// Converts a result of OpenSSL to that of recv and send.
static ssize_t to_result(connection *c, int n) {
  if (n > 0) return n;
  int reason = SSL_get_error(c->tls, n);
  if (reason == SSL_ERROR_ZERO_RETURN) return 0;
  errno = reason == SSL_ERROR_WANT_READ ? EAGAIN : ECONNRESET;
  return -1;
}
#endif

static ssize_t receive(connection *c, void *data, size_t n, int flags) {
#ifdef WITH_TLS
  if (context) return to_result(c, SSL_read(c->tls, data, n));
#endif
  return recv(c->fd, data, n, flags);
}

static ssize_t transmit(connection *c, const void *data, size_t n) {
#ifdef WITH_TLS
  if (context) return to_result(c, SSL_write(c->tls, data, n));
#endif
  return send(c->fd, data, n, MSG_NOSIGNAL);
}

static void open_connection(connection *c) {
  int one = 1;
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  c->state = CONNECTING;
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  connect(c->fd, (struct sockaddr *)&target, sizeof target);
  struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
  epoll_ctl(loop, EPOLL_CTL_ADD, c->fd, &e);
}

static void reopen(connection *c) {
  close(c->fd);
  open_connection(c);
}

static void fail(connection *c) {
  broken++;
  reopen(c);
}

static void send_request(connection *c) {
  c->state = IDLE;
  if (sent >= limit) return;
  sent++;
  c->started = now_us();
  c->got = 0;
  c->state = HEADER;
  if (transmit(c, request, request_bytes) != (ssize_t)request_bytes) fail(c);
}

static void finish(connection *c) {
  uint64_t took = now_us() - c->started;
  latencies[took < LATENCY_US ? took : LATENCY_US - 1]++;
  done++;
  if (c->status != 200) wrong++;
  if (c->closing) reopen(c);
  else send_request(c);
}

static int ends_chunked(connection *c, const char *data, size_t n) {
  if (n >= 5) memcpy(c->tail, data + n - 5, 5);
  else {
    memmove(c->tail, c->tail + n, 5 - n);
    memcpy(c->tail + 5 - n, data, n);
  }
  return !memcmp(c->tail, "0\r\n\r\n", 5);
}

// Reads the content that has arrived; 0 if this connection has nothing more to do now.
static int read_content(connection *c) {
  static char sink[1 << 20];
  // MSG_TRUNC makes the kernel drop content of a known length unread, so that the generator does not slow a download.
  int truncate = c->state == LENGTH ? MSG_TRUNC : 0;
  size_t want = c->state == LENGTH && c->left < (long)sizeof sink ? (size_t)c->left : sizeof sink;
  ssize_t n = receive(c, sink, want, truncate);
  if (n < 0 && errno == EAGAIN) return 0;
  if (n == 0 && c->state == UNTIL_CLOSE) return finish(c), 0;
  if (n <= 0) return fail(c), 0;
  bytes += n;
  if (c->state == LENGTH && (c->left -= n) > 0) return 1;
  if (c->state == UNTIL_CLOSE || (c->state == CHUNKED && !ends_chunked(c, sink, n))) return 1;
  return finish(c), 0;
}

// Determines the end of the response by its header section (RFC 9112 section 6.3); `over` bytes of content arrived with it.
static void frame(connection *c, char *end) {
  size_t section = end + 4 - c->header;
  size_t over = c->got - section;
  c->status = atoi(c->header + 9);
  end[2] = 0;
  char *length = strcasestr(c->header, "\r\ncontent-length:");
  int chunked = !!strcasestr(c->header, "\r\ntransfer-encoding: chunked");
  c->closing = !!strcasestr(c->header, "\r\nconnection: close");
  if (is_head || c->status == 204 || c->status == 304) {
    if (over > 0) fail(c);
    else finish(c);
    return;
  }
  memset(c->tail, 0, sizeof c->tail);
  c->state = chunked ? CHUNKED : length ? LENGTH : UNTIL_CLOSE;
  if (c->state == UNTIL_CLOSE) c->closing = 1;
  if (c->state == LENGTH && (c->left = atol(length + 17) - (long)over) <= 0) {
    if (c->left < 0) fail(c);
    else finish(c);
  } else if (c->state == CHUNKED && ends_chunked(c, c->header + section, over)) finish(c);
}

static int read_header(connection *c) {
  ssize_t n = receive(c, c->header + c->got, HEAD_BYTES - 1 - c->got, 0);
  if (n < 0 && errno == EAGAIN) return 0;
  if (n <= 0) return fail(c), 0;
  bytes += n;
  c->got += n;
  c->header[c->got] = 0;
  if (c->got >= 7 && memcmp(c->header, "HTTP/1.", 7)) return fail(c), 0;
  char *end = strstr(c->header, "\r\n\r\n");
  if (end) frame(c, end);
  else if (c->got >= HEAD_BYTES - 1) fail(c);
  return c->state == LENGTH || c->state == CHUNKED || c->state == UNTIL_CLOSE;
}

// Goes on with the TLS handshake, if there is one, and then sends the first request.
static void begin(connection *c) {
#ifdef WITH_TLS
  if (context) {
    ssize_t n = to_result(c, SSL_do_handshake(c->tls));
    if (n < 0 && errno == EAGAIN) return;
    const unsigned char *protocol;
    unsigned int length = 0;
    if (n > 0) SSL_get0_alpn_selected(c->tls, &protocol, &length);
    if (length != 8 || memcmp(protocol, "http/1.1", 8)) return fail(c);
  }
#endif
  send_request(c);
}

static void connected(connection *c) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error) {
    usleep(1000);
    fail(c);
    return;
  }
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(loop, EPOLL_CTL_MOD, c->fd, &e);
#ifdef WITH_TLS
  if (context) open_tls(c);
#endif
  c->state = HANDSHAKE;
  begin(c);
}

static void on_event(connection *c, uint32_t events) {
  if (c->state == CONNECTING) {
    if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) connected(c);
    return;
  }
  if (c->state == HANDSHAKE) return begin(c);
  if (c->state == IDLE) { // no request is in progress: the peer closed, or sent unsolicited bytes
    epoll_ctl(loop, EPOLL_CTL_DEL, c->fd, 0);
    return;
  }
  // One response per event, then the next connection: a fast response must not starve the others.
  if (c->state == HEADER && !read_header(c)) return;
  while (read_content(c))
    ;
}

static uint64_t percentile(double share) {
  uint64_t seen = 0;
  for (int i = 0; i < LATENCY_US; i++)
    if ((seen += latencies[i]) > share * done) return i;
  return 0;
}

int main(int argc, char **argv) {
  const char *method = "GET";
  int connections = 32, option;
  double seconds = 3, warm = 0;
  while ((option = getopt(argc, argv, "m:c:d:n:w:t:")) > 0) {
    if (option == 'm') method = optarg;
    else if (option == 'c') connections = atoi(optarg);
    else if (option == 'd') seconds = atof(optarg);
    else if (option == 'n') limit = strtoull(optarg, 0, 10);
    else if (option == 'w') warm = atof(optarg);
#ifdef WITH_TLS
    else if (option == 't') host = optarg;
#endif
    else return 2;
  }
  if (argc - optind != 2) return fprintf(stderr, "load -m METHOD -c CONNECTIONS -d SECONDS [-n REQUESTS] [-w SECONDS] [-t HOST] PORT PATH\n"), 2;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  is_head = !strcmp(method, "HEAD");
  target = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(argv[optind])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  char authority[256] = "bench.test";
#ifdef WITH_TLS
  if (host) snprintf(authority, sizeof authority, "%s:%s", host, argv[optind]); // Caddy serves only the host of the certificate
#endif
  request_bytes = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: load\r\nAccept: */*\r\n\r\n",
                           method, argv[optind + 1], authority);
#ifdef WITH_TLS
  signal(SIGPIPE, SIG_IGN); // OpenSSL writes without MSG_NOSIGNAL
  if (host) set_up_tls();
#endif
  loop = epoll_create1(0);
  connection *all = calloc(connections, sizeof(connection));
  uint64_t started = now_us(), warmed = started + (uint64_t)(warm * 1e6), stop = warmed + (uint64_t)(seconds * 1e6);
  for (int i = 0; i < connections; i++) open_connection(&all[i]);
  struct epoll_event ready[512];
  while (now_us() < stop && done + broken < limit) {
    if (warm > 0 && now_us() >= warmed) {
      warm = done = bytes = 0;
      memset(latencies, 0, sizeof latencies);
      started = now_us();
      puts("started");
      fflush(stdout);
    }
    int n = epoll_wait(loop, ready, 512, 100);
    for (int i = 0; i < n; i++) on_event(ready[i].data.ptr, ready[i].events);
  }
  printf("{\"seconds\":%.6f,\"done\":%lu,\"wrong\":%lu,\"broken\":%lu,\"bytes\":%lu,\"p50Us\":%lu,\"p99Us\":%lu}\n",
         (now_us() - started) / 1e6, done, wrong, broken, bytes, percentile(.5), percentile(.99));
  return 0;
}
