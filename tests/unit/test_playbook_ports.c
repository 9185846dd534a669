/* The table in docs/playbooks.md says how many steps of our playbooks only shape data; here they are counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "playbook/playbook.h"
#include "source_page.h"

static bool shapes_data(const struct step *step)
{
    return step->kind == STEP_SET ||
        (step->kind == STEP_DO && str_starts(step->call.action, STR("transform."))) ||
        step->kind == STEP_SCRIPT;
}

struct tally {
    unsigned shaping, all;
};

static struct tally count_steps(struct str name)
{
    AUTO(buf) struct buf text = { 0 };
    AUTO(arena) struct arena arena = { 0 };
    struct tally tally = { 0, 0 };
    struct diagnostics found;
    struct playbook *playbook = NULL;
    char path[300];
    snprintf(path, sizeof path, "../content/playbooks/%.*s.yaml", STR_ARG(name));
    if (!source_page_read(path, &text))
        fail_msg("no file %s", path);
    diagnostics_init(&found, &arena, STR(path));
    assert_int_equal(playbook_parse(buf_str(&text), NULL, &found, &playbook, NULL), ERR_OK);
    for (uint32_t i = 0; i < playbook->step_count; i++) {
        const struct step *step = playbook->all_steps[i];
        if (step->kind == STEP_RETURN)
            continue;
        tally.all++;
        tally.shaping += shapes_data(step);
    }
    playbook_release(playbook);
    return tally;
}

/* The cells of "| a | b |" without their blanks. */
static unsigned split_row(struct str row, struct str cells[8])
{
    unsigned count = 0;
    struct str rest = row, cell;
    while (count < 8 && str_split(&rest, '|', &cell))
        cells[count++] = str_trim(cell);
    return count;
}

static void the_table_has_the_counted_figures(void **state)
{
    (void)state;
    AUTO(buf) struct buf page = { 0 };
    struct tally ours = { 0, 0 }, theirs = { 0, 0 };
    unsigned rows = 0, wrong = 0;
    assert_true(source_page_read("playbooks.md", &page));
    struct str rest = buf_str(&page), row, cells[8];
    while (str_split(&rest, '\n', &row)) {
        unsigned shaping, all;
        if (!str_starts(row, STR("| `")) || split_row(row, cells) < 5 ||
            sscanf(cells[3].data, "%u of %u", &shaping, &all) != 2)
            continue;
        struct str name = str_slice(cells[1], 1, cells[1].size - 1);
        struct tally tally = count_steps(name);
        char expected[40];
        snprintf(expected, sizeof expected, "%u of %u", tally.shaping, tally.all);
        if (!str_equal(cells[4], str_of(expected))) {
            print_message(
                "%.*s: the page says %.*s, counted are %s\n", STR_ARG(name), STR_ARG(cells[4]), expected);
            wrong++;
        }
        theirs.shaping += shaping;
        theirs.all += all;
        ours.shaping += tally.shaping;
        ours.all += tally.all;
        rows++;
    }
    char sum[120];
    snprintf(sum, sizeof sum, "| all ten | | %u of %u, %u %% | %u of %u, %u %% |", theirs.shaping, theirs.all,
        (theirs.shaping * 100 + theirs.all / 2) / theirs.all, ours.shaping, ours.all,
        (ours.shaping * 100 + ours.all / 2) / ours.all);
    if (!str_contains(buf_str(&page), str_of(sum)))
        fail_msg("the page lacks \"%s\"", sum);
    assert_int_equal(rows, 10);
    assert_int_equal(wrong, 0);
    assert_true(ours.shaping * 5 < ours.all); /* the aim: under 20 % */
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_table_has_the_counted_figures) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
