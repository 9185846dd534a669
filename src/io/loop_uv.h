/* For files of this folder only: the libuv loop inside a loop made by loop_new. */
#ifndef TOCSIN_IO_LOOP_UV_H
#define TOCSIN_IO_LOOP_UV_H

#include <uv.h>

#include "io/loop.h"

/* Borrowed. `loop` must come from loop_new. A handle that is put on it must be closed before loop_free,
 * which waits for the close callbacks that are still due. */
uv_loop_t *loop_uv(struct loop *loop);

/* ERR_IO with libuv's text; ERR_MEMORY for UV_ENOMEM. `status` is a negative libuv code. */
FALLIBLE err_uv(struct err_info *why, int status, const char *doing);

#endif
