/* From an embedded struct to the one around it: an operation, a job or a timer is a member of what it works
 * for. */
#ifndef TOCSIN_BASE_CONTAINER_H
#define TOCSIN_BASE_CONTAINER_H

#include <stddef.h>

#define CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
