/* Descriptors that one process hands to another over a unix socket. */
#ifndef SKINK_AGENT_DESCRIPTOR_H
#define SKINK_AGENT_DESCRIPTOR_H

#include <stddef.h>
#include <sys/types.h>

/* Sends data with a descriptor, which stays open here. 0, or -1 with errno. */
int descriptor_send(int socket, const void *data, size_t size, int fd);

/* Receives; *fd: a descriptor that came along (close-on-exec), else -1. Size as of recv. */
ssize_t descriptor_receive(int socket, void *data, size_t size, int *fd);

#endif
