#include "prompt.h"

#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "expr/type.h"
#include "table.h"

#define LINE_BYTES_MAX 65536

FILE *prompt_open(bool is_input_taken)
{
    if (!is_input_taken)
        return isatty(STDIN_FILENO) ? stdin : NULL;
    return fopen("/dev/tty", "re");
}

void prompt_close(FILE *terminal)
{
    if (terminal != NULL && terminal != stdin)
        (void)fclose(terminal); /* only read from */
}

static void show(const char *indent, struct value v)
{
    AUTO(buf) struct buf text = { 0 };
    table_add_cell(&text, v, 0);
    if (buf_check(&text, NULL) == ERR_OK)
        fprintf(stderr, "%s%s", indent, text.data ? text.data : "");
}

static FALLIBLE read_line(FILE *terminal, struct arena *arena, struct str *ret, struct err_info *why)
{
    char line[LINE_BYTES_MAX];
    fflush(stderr);
    if (fgets(line, sizeof line, terminal) == NULL)
        return err_set(why, ERR_CANCELLED, "nobody answered");
    struct str text = str_trim(str_of(line));
    if (!utf8_is_valid(text))
        text = STR("");
    return arena_str(arena, text, ret, why);
}

/* ---- one of several ---- */

/* By its number from 1, or as it is written. */
static bool choose(struct value options, struct str typed, struct value *ret)
{
    int64_t number;
    for (uint32_t i = 0; i < options.size; i++)
        if (value_is_text(options.items[i], typed)) {
            *ret = options.items[i];
            return true;
        }
    if (!str_to_int(typed, &number) || number < 1 || number > (int64_t)options.size)
        return false;
    *ret = options.items[number - 1];
    return true;
}

static void show_options(struct value options)
{
    for (uint32_t i = 0; i < options.size; i++) {
        fprintf(stderr, "  %u) ", i + 1);
        show("", options.items[i]);
        fputc('\n', stderr);
    }
}

static FALLIBLE read_choice(
    FILE *terminal, struct value options, struct arena *arena, struct value *ret, struct err_info *why)
{
    show_options(options);
    for (;;) {
        struct str typed;
        fprintf(stderr, "Your answer (1-%u): ", options.size);
        TRY(read_line(terminal, arena, &typed, why));
        if (choose(options, typed, ret))
            return ERR_OK;
    }
}

/* ---- a form ---- */

/* Text stays text; for any other type what was typed is read as JSON. */
static bool take_typed(struct value field, struct str typed, struct arena *arena, struct value *ret)
{
    struct json_options json = { .duplicates = JSON_DUPLICATES_REFUSE };
    struct value type_name = value_get(field, STR("type")), choices = value_get(field, STR("choices"));
    const struct type *type = &type_dyn;
    struct err_info why = { 0 };
    if (choices.type == VALUE_LIST && choices.size > 0)
        return choose(choices, typed, ret);
    if (type_name.type == VALUE_STRING && type_parse(arena, value_str(type_name), &type, NULL) != ERR_OK)
        type = &type_dyn; /* the engine checks it anyway */
    *ret = value_string(typed);
    if (type->kind != TYPE_STRING && json_parse(arena, typed, &json, ret, NULL) != ERR_OK)
        *ret = value_string(typed);
    if (type_check_value(type, *ret, &why) == ERR_OK)
        return true;
    fprintf(stderr, "  %s\n", why.text);
    return false;
}

static FALLIBLE read_field(
    FILE *terminal, struct value field, struct value_map_builder *form, struct err_info *why)
{
    struct value title = value_get(field, STR("title")), name = value_get(field, STR("name"));
    struct value choices = value_get(field, STR("choices")), fallback = value_get(field, STR("default"));
    struct value required = value_get(field, STR("required"));
    bool may_be_left_out = fallback.type != VALUE_NULL || required.type != VALUE_BOOL || !required.boolean;
    if (choices.type == VALUE_LIST)
        show_options(choices);
    for (;;) {
        struct str typed;
        struct value v;
        show("", title.type == VALUE_STRING && title.size > 0 ? title : name);
        if (fallback.type != VALUE_NULL)
            show(" [", fallback);
        fputs(fallback.type != VALUE_NULL ? "]: " : may_be_left_out ? " (may be empty): " : ": ", stderr);
        TRY(read_line(terminal, form->arena, &typed, why));
        if (typed.size == 0 && may_be_left_out)
            return ERR_OK;
        if (typed.size > 0 && take_typed(field, typed, form->arena, &v))
            return value_map_put(form, name, v, why);
    }
}

enum err prompt_task(
    FILE *terminal, struct value task, struct arena *arena, struct value *ret_answer, struct err_info *why)
{
    AUTO(buf) struct buf shown = { 0 };
    struct value_map_builder answer, form;
    struct value fields = value_get(task, STR("form")), options = value_get(task, STR("options")), choice;
    struct value about = value_get(task, STR("show"));
    show("\n? ", value_get(task, STR("title")));
    fputc('\n', stderr);
    if (about.type == VALUE_MAP)
        table_print_fields(&shown, about, 2);
    if (shown.size > 0 && buf_check(&shown, NULL) == ERR_OK)
        fputs(shown.data, stderr);
    value_map_begin(&answer, arena);
    value_map_begin(&form, arena);
    if (fields.type != VALUE_LIST || fields.size == 0) {
        if (options.type != VALUE_LIST || options.size == 0)
            return err_set(why, ERR_INVALID, "the task has neither options nor a form");
        TRY(read_choice(terminal, options, arena, &choice, why));
        TRY(value_map_set(&answer, "choice", choice, why));
        *ret_answer = value_map_end(&answer);
        return ERR_OK;
    }
    for (uint32_t i = 0; i < fields.size; i++)
        TRY(read_field(terminal, fields.items[i], &form, why));
    TRY(value_map_set(&answer, "form", value_map_end(&form), why));
    *ret_answer = value_map_end(&answer);
    return ERR_OK;
}
