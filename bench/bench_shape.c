/* What comparing an answer with the learned shape costs, by size. */
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "connect/answer_shape.h"

static void tell(void *context, const struct drift *drift)
{
    (void)context;
    (void)drift;
}

int main(void)
{
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf text = { 0 };
    struct json_options options = { 0 };
    struct answer_shape *shape = NULL;
    struct value v;
    buf_add_text(&text, "{\"data\":{\"score\":93,\"country\":\"DE\",\"is_public\":true,\"reports\":[");
    for (int i = 0; i < 12; i++)
        buf_printf(&text, "%s{\"at\":\"2026-01-01T00:00:%02dZ\",\"by\":\"user-%d\",\"categories\":[18,22]}",
            i ? "," : "", i, i);
    buf_add_text(&text, "]}}");
    if (json_parse(&arena, buf_str(&text), &options, &v, NULL) != ERR_OK ||
        answer_shape_new(&shape, NULL) != ERR_OK)
        return 1;
    const int rounds = 100000;
    int64_t from_us = clock_monotonic_us(clock_system());
    for (int i = 0; i < rounds; i++)
        answer_shape_observe(shape, v, (struct instant){ 1 }, tell, NULL);
    double each = (double)(clock_monotonic_us(clock_system()) - from_us) / rounds;
    printf("%zu bytes: %.2f us an answer, %.2f us a KB (goal under 5)\n", text.size, each,
        each * 1024 / (double)text.size);
    answer_shape_free(shape);
    return 0;
}
