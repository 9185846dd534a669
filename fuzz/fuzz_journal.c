/* Records of the journal: read, printed, folded into a run. A store that is damaged or was changed by
 * somebody must be refused, never crash, hang or eat all memory; what folds must make a snapshot that folds
 * to the same.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "engine/registry.h"
#include "engine/run.h"
#include "engine/turn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char playbook_text[] = "playbook: p\n"
                                    "title: P\n"
                                    "steps:\n"
                                    "  - { id: a, do: x.go }\n"
                                    "  - { id: b, set: { v: 1 } }\n"
                                    "  - id: each\n"
                                    "    for_each: '[1, 2]'\n"
                                    "    steps: [ { id: c, do: x.go } ]\n"
                                    "    collect: '${{ item }}'\n"
                                    "  - parallel: [ [ { id: d, wait: 1h } ], [ { id: e, do: x.go } ] ]\n"
                                    "  - { try: [ { id: f, do: x.go } ], catch: [ { id: g, do: x.go } ] }\n"
                                    "  - { id: h, ask: { title: t, options: [ y ] } }\n";

static struct playbook_version *make_version(void)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    struct playbook *playbook = NULL;
    struct playbook_version *version = NULL;
    diagnostics_init(&found, &arena, STR("fuzz"));
    if (playbook_parse(str_of(playbook_text), NULL, &found, &playbook, NULL) != ERR_OK ||
        playbook_version_new(1, 1, 1, playbook, &version, NULL) != ERR_OK)
        abort();
    return version;
}

static struct run *make_run(struct playbook_version *version)
{
    struct run *run = NULL;
    if (run_new(1, ID_NONE, &run, NULL) != ERR_OK)
        abort();
    run->version = playbook_version_acquire(version);
    run->playbook = version->playbook;
    return run;
}

static void print_all(struct str bytes)
{
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf text = { 0 };
    struct journal_reader reader;
    struct op op;
    bool more = true;
    if (journal_open(&reader, bytes, &arena, NULL) != ERR_OK)
        return;
    while (more && journal_next(&reader, &op, &more, NULL) == ERR_OK) {
        if (more)
            journal_print(&text, &op);
    }
}

/* What reading code asks of a state. */
static void look_around(const struct run *run)
{
    (void)run_next_due(run);
    (void)run_is_parked(run);
    for (uint32_t i = 0; i < run->frame_count; i++) {
        uint32_t scope = 0;
        (void)run_scope(run, run->frames[i], FRAME_HAS_STEPS, &scope);
        (void)run_scope(run, run->frames[i], FRAME_HAS_VARS, &scope);
        (void)run_handled_error(run, run->frames[i]);
    }
}

static void snapshot(const struct run *run, struct buf *bytes)
{
    AUTO(arena) struct arena arena = { 0 };
    if (run_add_snapshot(run, bytes, &arena, NULL) != ERR_OK)
        abort();
}

static void check_snapshot(struct playbook_version *version, const struct run *run)
{
    AUTO(buf) struct buf record = { 0 };
    AUTO(buf) struct buf first = { 0 };
    AUTO(buf) struct buf second = { 0 };
    struct run *again = make_run(version);
    struct str copy;
    snapshot(run, &first);
    journal_begin(&record, run->now);
    buf_add(&record, buf_str(&first));
    if (arena_str(&again->arena, buf_str(&record), &copy, NULL) != ERR_OK ||
        run_fold(again, copy, NULL) != ERR_OK)
        abort();
    snapshot(again, &second);
    if (!str_equal(buf_str(&first), buf_str(&second)))
        abort();
    run_free(again);
}

/* Two records one after another, the first byte tells where the first ends. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct playbook_version *version; /* made once, never changed */
    if (!version)
        version = make_version();
    if (size < 1)
        return 0;
    struct str rest = { (const char *)data + 1, size - 1 };
    struct run *run = make_run(version);
    size_t cut = data[0] < rest.size ? data[0] : rest.size;
    struct str records[2] = { str_slice(rest, 0, cut), str_slice(rest, cut, rest.size) };
    print_all(rest);
    enum err result = ERR_OK;
    for (int i = 0; i < 2 && result == ERR_OK && records[i].size > 0; i++) {
        struct str copy;
        result = arena_str(&run->arena, records[i], &copy, NULL);
        if (result == ERR_OK)
            result = run_fold(run, copy, NULL);
    }
    if (result == ERR_OK)
        look_around(run);
    if (result == ERR_OK && run_compact(run, NULL) == ERR_OK)
        check_snapshot(version, run);
    run_free(run);
    return 0;
}
