/* Loads content when the server starts, and again whenever a file of its folders changes: a saved playbook is
 * checked and live within CONTENT_WATCH_SECONDS. Faults are logged with FILE:LINE:COL; a faulty file counts
 * as it was before, and the others are not touched by it. */
#ifndef TOCSIN_CONTENT_WATCH_H
#define TOCSIN_CONTENT_WATCH_H

#include "content_sound.h"
#include "io/executor.h"

#define CONTENT_WATCH_SECONDS 1

struct content_watch {
    struct loop *loop;
    struct executor *executor;
    struct connect *connect;
    struct ingest *ingest;
    struct engine *engine;
    struct log *log;
    const char *const *folders;
    size_t folder_count;
    /* Its own. */
    uint64_t stamp;
    struct content_sound sound;
    struct loop_timer timer;
    struct executor_task task;
    bool is_busy;
};

/* Connectors and sources; before the engine starts. A fault in what is built in is ERR_INVALID; files of
 * folders with faults are logged and left out. Blocking. */
FALLIBLE content_watch_load(struct content_watch *watch, struct err_info *why);
/* Playbooks; after the engine started. Blocking. */
FALLIBLE content_watch_publish(struct content_watch *watch, struct err_info *why);
/* On the loop's thread; nothing to do without folders. */
void content_watch_start(struct content_watch *watch);
/* After the loop ended, before the executor is freed. */
void content_watch_stop(struct content_watch *watch);
/* After the executor was freed. */
void content_watch_done(struct content_watch *watch);

#endif
