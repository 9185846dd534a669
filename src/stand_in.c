#include "stand_in.h"

#include "base/container.h"
#include "base/memory.h"

/* ---- the executor ---- */

static void run_done(struct loop_job *job)
{
    struct executor_task *task = CONTAINER_OF(job, struct executor_task, job);
    task->done(task);
}

static enum err submit(struct executor *executor, struct executor_task *task, struct err_info *why)
{
    (void)executor;
    (void)why; /* there is no queue that could be full */
    task->work(task);
    task->job = (struct loop_job){ .run = run_done };
    loop_post(task->reply_to, &task->job);
    return ERR_OK;
}

static void free_nothing(struct executor *executor)
{
    (void)executor; /* its owner's memory */
}

void executor_inline_init(struct executor *executor)
{
    static const struct executor_ops ops = { submit, free_nothing };
    executor->ops = &ops;
}

/* ---- the client ---- */

static enum err refuse(struct http_client *client, const struct http_request *request, http_done *done,
    void *context, struct http_call **ret, struct err_info *why)
{
    (void)client, (void)done, (void)context, (void)ret;
    return err_named(why, ERR_DENIED, "no_network", "no request leaves here; a mock has to answer %.*s",
        STR_ARG(request->url));
}

static void cancel_nothing(struct http_client *client, struct http_call *call)
{
    (void)client, (void)call; /* none was ever started */
}

static void free_client(struct http_client *client)
{
    memory_free(client);
}

enum err make_deaf_client(void *context, struct loop *loop, struct http_client **ret, struct err_info *why)
{
    static const struct http_client_ops ops = { refuse, cancel_nothing, free_client };
    (void)context, (void)loop;
    struct http_client *client = memory_alloc(sizeof *client);
    if (client == NULL)
        return err_memory(why);
    client->ops = &ops;
    *ret = client;
    return ERR_OK;
}
