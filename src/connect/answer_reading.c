/* Reading large answers off the loop. To parse, mask and map one of some megabytes takes a shard's loop many
 * milliseconds, in which none of its other runs goes on: a few threads that give way to all others do it. The
 * call stays as it is meanwhile: what it holds is used there, and `finish` waits for it. */
#include <assert.h>

#include "base/limits.h"
#include "base/pack.h"
#include "connect/remote_call.h"

/* What the journal will write of it, made ready here. Without memory the journal makes it itself. */
static void pack_output(struct remote_call *remote, struct action_result *result)
{
    AUTO(buf) struct buf packed = { 0 };
    struct str kept;
    pack_value(&packed, result->output);
    if (buf_check(&packed, NULL) == ERR_OK &&
        arena_str(remote->call->arena, buf_str(&packed), &kept, NULL) == ERR_OK)
        result->packed_output = kept;
}

/* On a thread of the pool: nothing of the host is for it. */
static void work(struct executor_task *task)
{
    struct answer_reading *reading = (struct answer_reading *)task;
    struct remote_call *remote = reading->remote;
    reading->outcome = remote->ops->answer(
        remote, &reading->answer, &reading->result, &reading->is_more, &reading->why);
    buf_done(&reading->body);
    if (reading->outcome == ERR_OK && !reading->is_more && reading->result.is_ok)
        pack_output(remote, &reading->result);
}

static void worked(struct executor_task *task)
{
    struct answer_reading *reading = (struct answer_reading *)task;
    reading->is_out = false;
    (void)atomic_fetch_sub(&reading->connect->reading_bytes, reading->size); /* what it was is not wanted */
    remote_was_read(reading->remote);
}

static bool has_room(struct connect *connect, size_t size)
{
    size_t before = atomic_fetch_add(&connect->reading_bytes, size);
    if (before <= ANSWERS_READING_BYTES_MAX && size <= ANSWERS_READING_BYTES_MAX - before)
        return true;
    (void)atomic_fetch_sub(&connect->reading_bytes, size); /* as above */
    return false;
}

static FALLIBLE copy_headers(struct answer_reading *reading, struct arena *arena, struct err_info *why)
{
    struct http_answer *answer = &reading->answer;
    struct http_header *headers = ARENA_ARRAY(arena, answer->header_count, struct http_header);
    if (!headers)
        return err_memory(why);
    for (uint32_t i = 0; i < answer->header_count; i++) {
        TRY(arena_str(arena, answer->headers[i].name, &headers[i].name, why));
        TRY(arena_str(arena, answer->headers[i].value, &headers[i].value, why));
    }
    answer->headers = headers;
    return arena_str(arena, answer->url, &answer->url, why);
}

/* The pool takes it: only then is the body taken from the client. */
static bool hand_over(struct answer_reading *reading, const struct http_answer *answer)
{
    struct executor *executor = reading->connect->options.answer_executor;
    reading->answer = *answer;
    if (copy_headers(reading, reading->remote->call->arena, NULL) != ERR_OK)
        return false;
    reading->body = *answer->body_owner;
    reading->answer.body_owner = NULL;
    reading->is_out = true;
    if (executor->ops->submit(executor, &reading->task, NULL) == ERR_OK) {
        *answer->body_owner = (struct buf){ 0 };
        return true;
    }
    reading->is_out = false;
    reading->body = (struct buf){ 0 };
    return false;
}

bool answer_reading_start(struct remote_call *remote, const struct http_answer *answer)
{
    struct connect *connect = remote->host->connect;
    struct answer_reading *reading = &remote->reading;
    size_t size = answer->body.size;
    assert(!reading->is_out);
    if (!connect->options.answer_executor || answer->failure != HTTP_OK || !answer->body_owner ||
        size <= ANSWER_INLINE_BYTES_MAX || !has_room(connect, size))
        return false;
    *reading = (struct answer_reading){
        .task = { .work = work, .done = worked, .reply_to = remote->host->loop },
        .remote = remote,
        .connect = connect,
        .size = size
    };
    if (hand_over(reading, answer))
        return true;
    (void)atomic_fetch_sub(&connect->reading_bytes, size); /* as above */
    return false;
}
