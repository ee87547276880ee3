// The floor is the least that a delivery can cost: a single thread that, for
// each event, writes a prepared frame once to every socket. It treats every
// request on its data port as a handshake, and the body of every request on its
// control port as an event. It prints both addresses and exits when its
// standard input ends.
//
// It is written in C because a Go program cannot be as idle between two system
// calls. The Go runtime's monitor wakes up next to a loop that runs for
// milliseconds, which makes a delivery at a fixed rate cost a tenth more.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FD = 32 << 10, MAX_REQUEST = 64 << 10 };
enum kind { HANDSHAKE = 1, OPEN, CONTROL };

static unsigned char kinds[MAX_FD];
static int sockets[MAX_FD], nsockets; // that receive events
static char request[MAX_REQUEST + 1];
static size_t nrequest;
static char frame[MAX_REQUEST + 4];
static int epoll;

static void die(const char *what) {
  fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void watch(int fd) {
  struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0) die("epoll_ctl");
}

static int listen_on(int *port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof a;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&a, size) != 0 || listen(fd, 4096) != 0 ||
      getsockname(fd, (struct sockaddr *)&a, &size) != 0)
    die("listen");
  *port = ntohs(a.sin_port);
  watch(fd);
  return fd;
}

static void accept_all(int listener, enum kind kind) {
  int fd, one = 1;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    if (fd >= MAX_FD) die("too many connections");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    kinds[fd] = kind;
    watch(fd);
  }
  if (errno != EAGAIN) die("accept4");
}

static void write_all(int fd, const char *b, size_t n) {
  if (write(fd, b, n) != (ssize_t)n) die("write");
}

// broadcast is what is measured.
static void broadcast(size_t n) {
  for (int i = 0; i < nsockets; i++)
    if (write(sockets[i], frame, n) != (ssize_t)n) die("write: the client is too slow");
}

// publish reads a request on the control port and broadcasts once it is
// complete.
static void publish(int fd, const char *b, size_t n) {
  if (nrequest + n > MAX_REQUEST) die("long request");
  memcpy(request + nrequest, b, n);
  nrequest += n;
  request[nrequest] = 0;
  char *head_end = strstr(request, "\r\n\r\n"), *length = strcasestr(request, "content-length:");
  if (head_end == NULL || length == NULL) return;
  const char *body = head_end + 4;
  size_t size = strtoul(length + strlen("content-length:"), NULL, 10);
  if (nrequest - (body - request) < size) return;
  static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  write_all(fd, ok, sizeof ok - 1);
  size_t header = size < 126 ? 2 : 4;
  frame[0] = (char)0x81;
  frame[1] = size < 126 ? size : 126;
  if (header == 4) frame[2] = size >> 8, frame[3] = size;
  memcpy(frame + header, body, size);
  nrequest = 0;
  broadcast(header + size);
}

static void receive(int fd) {
  static char b[MAX_REQUEST];
  static const char upgrade[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
  ssize_t n = read(fd, b, sizeof b);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) { // the client is gone, and with it the measurement
    nsockets = 0;
    close(fd);
    return;
  }
  switch (kinds[fd]) {
  case HANDSHAKE:
    kinds[fd] = OPEN;
    sockets[nsockets++] = fd;
    write_all(fd, upgrade, sizeof upgrade - 1);
    break;
  case CONTROL:
    publish(fd, b, n);
    break;
  }
}

int main(void) {
  int data_port, control_port;
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) { // Go programs raise this limit by themselves
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  if ((epoll = epoll_create1(0)) < 0) die("epoll_create1");
  int data = listen_on(&data_port), control = listen_on(&control_port);
  watch(STDIN_FILENO);
  printf("{\"Addr\":\"127.0.0.1:%d\",\"Control\":\"127.0.0.1:%d\"}\n", data_port, control_port);
  fflush(stdout);
  static struct epoll_event events[1024];
  for (;;) {
    int n = epoll_wait(epoll, events, 1024, -1);
    if (n < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < n; i++) {
      int fd = events[i].data.fd;
      if (fd == data)
        accept_all(fd, HANDSHAKE);
      else if (fd == control)
        accept_all(fd, CONTROL);
      else if (fd == STDIN_FILENO)
        return 0;
      else
        receive(fd);
    }
  }
}
