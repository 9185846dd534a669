#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/log.h"

struct pipe_log {
    struct clock_manual clock;
    struct log log;
    int read_end;
    char text[200000];
};

static void open_log(struct pipe_log *p, enum log_format format, enum log_level level)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    clock_manual_init(&p->clock, (struct instant){ 1767323045678000 });
    p->log = (struct log){ &p->clock.clock, level, format, ends[1] };
    p->read_end = ends[0];
}

static const char *close_and_read(struct pipe_log *p)
{
    close(p->log.fd);
    size_t size = 0;
    for (ssize_t got; (got = read(p->read_end, p->text + size, sizeof p->text - 1 - size)) > 0;)
        size += (size_t)got;
    p->text[size] = '\0';
    close(p->read_end);
    return p->text;
}

static struct pipe_log one;

static void text_lines_are_read_by_people(void **state)
{
    (void)state;
    open_log(&one, LOG_TEXT, LOG_INFO);
    LOG(&one.log, LOG_INFO, "run ended", LOG_S("playbook", STR("phish")), LOG_I("steps", -3),
        LOG_U("run", ID_NONE), LOG_S("note", STR("two words\n\"quoted\"")));
    assert_string_equal(close_and_read(&one),
        "2026-01-02T03:04:05.678Z info  run ended playbook=phish steps=-3 run=00000000000000000000000000 "
        "note=\"two words\\n\\\"quoted\\\"\"\n");
}

static void json_lines_are_json(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct value v;
    open_log(&one, LOG_JSON, LOG_DEBUG);
    LOG(&one.log, LOG_WARN, "odd \"thing\"", LOG_S("bytes", STR("\xff\x01\n")), LOG_I("n", 7));
    const char *line = close_and_read(&one);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    assert_int_equal(json_parse(&arena, str_of(line), NULL, &v, NULL), ERR_OK);
    assert_true(value_is_text(value_get(v, STR("level")), STR("warn")));
    assert_true(value_is_text(value_get(v, STR("message")), STR("odd \"thing\"")));
    assert_int_equal(value_get(v, STR("n")).integer, 7);
}

static void lines_below_the_level_are_not_written(void **state)
{
    (void)state;
    open_log(&one, LOG_TEXT, LOG_WARN);
    log_write(&one.log, LOG_INFO, "quiet", NULL, 0);
    log_write(&one.log, LOG_ERROR, "loud", NULL, 0);
    assert_string_equal(close_and_read(&one), "2026-01-02T03:04:05.678Z error loud\n");
}

static void failures_come_with_name_and_place(void **state)
{
    (void)state;
    struct err_info why;
    enum err code = err_at(&why, ERR_INVALID, "yaml_tab", 3, 1, "a tab indents");
    assert_int_equal(code, ERR_INVALID);
    open_log(&one, LOG_TEXT, LOG_INFO);
    log_failure(&one.log, LOG_ERROR, "lint failed", &why);
    const char *line = close_and_read(&one);
    assert_non_null(strstr(line, "error lint failed"));
    assert_non_null(strstr(line, "yaml_tab"));
    assert_non_null(strstr(line, "\"a tab indents\""));
    assert_non_null(strstr(line, "line=3 column=1"));
}

static void no_value_can_forge_a_line(void **state)
{
    (void)state;
    open_log(&one, LOG_TEXT, LOG_INFO);
    LOG(&one.log, LOG_INFO, "login\nforged",
        LOG_S("user", STR("x\n2026-01-02T03:04:05.678Z error all is lost")),
        LOG_S("escape", STR("\x1b[2J\x7f")));
    const char *line = close_and_read(&one);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    assert_null(strchr(line, '\x1b'));
    assert_null(strchr(line, '\x7f'));
}

static void a_huge_value_is_cut_and_the_line_is_whole(void **state)
{
    (void)state;
    static char huge[300000];
    memset(huge, 'x', sizeof huge);
    AUTO(arena) struct arena arena = { 0 };
    struct value v;
    open_log(&one, LOG_JSON, LOG_INFO);
    LOG(&one.log, LOG_INFO, "big", LOG_S("payload", ((struct str){ huge, sizeof huge })), LOG_I("after", 1));
    const char *line = close_and_read(&one);
    assert_true(strlen(line) < 10000);
    assert_int_equal(json_parse(&arena, str_of(line), NULL, &v, NULL), ERR_OK);
    assert_int_equal(value_get(v, STR("after")).integer, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_lines_are_read_by_people),
        cmocka_unit_test(json_lines_are_json),
        cmocka_unit_test(lines_below_the_level_are_not_written),
        cmocka_unit_test(failures_come_with_name_and_place),
        cmocka_unit_test(no_value_can_forge_a_line),
        cmocka_unit_test(a_huge_value_is_cut_and_the_line_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
