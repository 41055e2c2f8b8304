#include "CBaseline.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>

enum { EVENTS = 512 };

int cbaseline_poller_open(void) { return epoll_create1(EPOLL_CLOEXEC); }

int cbaseline_poller_watch(int poller, int socket, uint32_t index, int waits_for_room, int is_new) {
  struct epoll_event event = {.events = EPOLLIN | (waits_for_room ? EPOLLOUT : 0), .data = {.u32 = index}};
  return epoll_ctl(poller, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &event);
}

int cbaseline_poller_wait(int poller, CBaselineReady *ready, int32_t capacity, int32_t milliseconds) {
  struct epoll_event events[EVENTS];
  int count = epoll_wait(poller, events, capacity < EVENTS ? capacity : EVENTS, milliseconds);
  if (count < 0) return errno == EINTR ? 0 : -1;
  for (int place = 0; place < count; place++) {
    ready[place].index = events[place].data.u32;
    ready[place].has_room = (events[place].events & EPOLLOUT) != 0;
  }
  return count;
}
