/* Stored shapes of answers that the disk garbled, and any answers after them: what restores describes as
 * itself, and learning goes on within its bounds. */
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "connect/answer_shape.h"
#include "expr/type.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void report(void *context, const struct drift *drift)
{
    (void)context;
    require(drift->kind < DRIFT_KIND_COUNT);
}

static void observe(struct arena *arena, struct answer_shape *shape, struct str rest)
{
    struct json_options options = { .duplicates = JSON_DUPLICATES_LAST };
    size_t offset = 0;
    struct value v;
    bool is_more = true;
    while (json_parse_next(arena, rest, &offset, &options, &v, &is_more, NULL) == ERR_OK && is_more) {
        for (int times = 0; times < ANSWER_SHAPE_KNOWN_AFTER + 2; times++)
            answer_shape_observe(shape, v, (struct instant){ times * US_PER_HOUR * 2 }, report, NULL);
        const struct type *type = answer_shape_type(shape, arena);
        require(type != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena arena = { 0 };
    struct json_options options = { .duplicates = JSON_DUPLICATES_LAST };
    struct str rest = { (const char *)data, size }, first;
    struct answer_shape *shape = NULL, *again = NULL;
    struct value stored, described, redescribed;
    if (!str_split(&rest, '\n', &first))
        return 0;
    if (json_parse(&arena, first, &options, &stored, NULL) != ERR_OK ||
        answer_shape_restore(stored, &shape, NULL) != ERR_OK)
        require(answer_shape_new(&shape, NULL) == ERR_OK);
    observe(&arena, shape, rest);
    require(answer_shape_describe(shape, &arena, &described, NULL) == ERR_OK);
    require(answer_shape_restore(described, &again, NULL) == ERR_OK);
    require(answer_shape_describe(again, &arena, &redescribed, NULL) == ERR_OK);
    require(value_equal(described, redescribed));
    require(answer_shape_count(again) == answer_shape_count(shape));
    answer_shape_free(shape);
    answer_shape_free(again);
    return 0;
}
