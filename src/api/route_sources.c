/* Sources: how the events of a product become alerts. */
#include "api/answer.h"
#include "api/handlers.h"
#include "ingest/ingest.h"

static enum err describe(struct request *request, struct str name, struct value *ret, struct err_info *why)
{
    struct ingest *ingest = request->api->options.ingest;
    struct value found;
    const struct sources *sources = ingest_acquire_sources(ingest);
    enum err result = sources_describe(sources, name, &request->arena, &found, why);
    if (result == ERR_OK) /* what is found may be borrowed from the sources */
        result = value_copy(&request->arena, found, ret, why);
    ingest_release_sources(ingest, sources);
    return result;
}

void route_sources_list(struct request *request)
{
    struct err_info why = { 0 };
    struct value items = value_null(), page = value_null();
    enum err result = describe(request, STR(""), &items, &why);
    if (result == ERR_OK)
        result = answer_page(&request->arena, items, &page, &why);
    request_reply_result(request, result, page, &why);
}

void route_source_show(struct request *request)
{
    struct err_info why = { 0 };
    struct value body = value_null();
    enum err result = describe(request, request->match.arguments[0], &body, &why);
    request_reply_result(request, result, body, &why);
}
