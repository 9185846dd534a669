/* How long a playbook takes to read and lint: bench_lint [STEPS] [SECONDS]. The playbook is made here:
 * lookups, conditions, loops, questions, texts, each about what an analyst writes. The goal: 500 steps under
 * 20 ms. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "ingest/subject_type.h"
#include "playbook/playbook.h"

static const struct type_field look_in[] = {
    { .name = STR_INIT("ip"), .type = &type_string, .is_required = true },
};
static const struct type look_in_type = { .kind = TYPE_RECORD, .fields = look_in, .field_count = 1 };
static const struct type_field look_out[] = {
    { .name = STR_INIT("score"), .type = &type_int, .is_required = true },
    { .name = STR_INIT("country"), .type = &type_string },
};
static const struct type look_out_type = { .kind = TYPE_RECORD, .fields = look_out, .field_count = 2 };
static const struct action look = {
    .name = STR_INIT("intel.look"), .kind = ACTION_ENRICH, .in = &look_in_type, .out = &look_out_type
};

static const struct action *look_at(const struct catalogue *catalogue, uint32_t index)
{
    (void)catalogue;
    return index == 0 ? &look : NULL;
}

static const struct action *look_find(const struct catalogue *catalogue, struct str name)
{
    (void)catalogue;
    return str_equal(name, look.name) ? &look : NULL;
}

/* Ten steps, seven of them with ids. */
static void add_ten(struct buf *text, unsigned n)
{
    buf_printf(text,
        "  - id: look_%u\n"
        "    do: intel.look\n"
        "    with: { ip: \"${{ inputs.ip }}\" }\n"
        "    retry: { attempts: 3, first: 1s }\n"
        "    on_error: continue\n"
        "  - id: score_%u\n"
        "    set:\n"
        "      score_%u: \"${{ steps.look_%u.ok ? steps.look_%u.output.score : -1 }}\"\n"
        "      country: \"${{ steps.look_%u.ok ? steps.look_%u.output.?country.orValue('') : '' }}\"\n"
        "  - id: decide_%u\n"
        "    if: vars.score_%u >= 80 && vars.country != '' && alert.severity_id >= severity.HIGH\n"
        "    then:\n"
        "      - id: ask_%u\n"
        "        ask: { to: [role:tier2], title: \"Score ${{ vars.score_%u }}?\", options: [go, stop], "
        "timeout: 1h }\n"
        "      - set: { said_%u: \"${{ steps.ask_%u.output.choice == 'go' }}\" }\n"
        "    else:\n"
        "      - set: { said_%u: false }\n",
        n, n, n, n, n, n, n, n, n, n, n, n, n, n);
    buf_printf(text,
        "  - id: each_%u\n"
        "    for_each: alert.observables.filter(o, o.type_id == 2)\n"
        "    as: seen\n"
        "    steps:\n"
        "      - id: one_%u\n"
        "        do: intel.look\n"
        "        with: { ip: \"${{ seen.value }}\" }\n"
        "    collect: \"${{ {'ip': seen.value, 'score': steps.one_%u.output.score} }}\"\n"
        "  - id: sum_%u\n"
        "    set: { worst: \"${{ steps.each_%u.output.filter(r, r.score > 50).size() + (vars.said_%u ? 1 : "
        "0) }}\" }\n"
        "  - when: vars.worst > 3\n"
        "    return: \"${{ vars.worst }} of ${{ alert.observables.size() }} in ${{ alert.finding_info.title "
        "}}\"\n",
        n, n, n, n, n, n);
}

static void make(struct buf *text, unsigned steps)
{
    buf_add_text(text,
        "playbook: large\n"
        "triggers: [ { alert: alert.severity_id >= severity.MEDIUM } ]\n"
        "inputs: { ip: { type: ip, default: \"${{ alert.src_endpoint.ip }}\" } }\n"
        "steps:\n");
    for (unsigned i = 0; i < steps / 10; i++)
        add_ten(text, i);
}

static uint32_t lint(struct str text, const struct playbook_world *world, bool is_shown)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    struct playbook *playbook = NULL;
    struct err_info why = { 0 };
    diagnostics_init(&found, &arena, STR("large.yaml"));
    if (playbook_parse(text, world, &found, &playbook, &why) != ERR_OK)
        fprintf(stderr, "%s\n", why.text);
    uint32_t steps = playbook != NULL ? playbook->step_count : 0;
    playbook_release(playbook);
    for (uint32_t i = 0; is_shown && i < found.count && i < 5; i++)
        fprintf(stderr, "%u:%u %.*s [%s]\n", found.items[i].line, found.items[i].column,
            STR_ARG(found.items[i].text), found.items[i].code);
    return steps;
}

static void measure(const char *what, struct str text, const struct playbook_world *world, double seconds)
{
    struct clock *clock = clock_system();
    int64_t start = clock_monotonic_us(clock), now = start, best = INT64_MAX;
    unsigned rounds = 0;
    for (; now - start < (int64_t)(seconds * US_PER_S); rounds++) {
        int64_t before = now;
        (void)lint(text, world, false); /* its faults were shown */
        now = clock_monotonic_us(clock);
        if (now - before < best)
            best = now - before;
    }
    printf("%-28s %8.2f ms mean %8.2f ms best\n", what, (double)(now - start) / 1e3 / rounds,
        (double)best / 1e3);
}

int main(int argc, char **argv)
{
    AUTO(buf) struct buf text = { 0 };
    AUTO(arena) struct arena arena = { 0 };
    const struct catalogue catalogue = { .find = look_find, .at = look_at };
    struct playbook_world world = { .catalogue = &catalogue, .case_type = &subject_type_case };
    unsigned steps = argc > 1 ? (unsigned)atoi(argv[1]) : 500;
    double seconds = argc > 2 ? atof(argv[2]) : 1;
    make(&text, steps);
    if (buf_check(&text, NULL) != ERR_OK || subject_type_alert(&arena, &world.alert_type, NULL) != ERR_OK)
        return 1;
    printf("%u steps, %zu bytes\n", lint(buf_str(&text), &world, true), text.size);
    measure("read", buf_str(&text), NULL, seconds);
    measure("read and lint", buf_str(&text), &world, seconds);
    return 0;
}
