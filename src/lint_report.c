#include "lint_report.h"

#include "base/json.h"
#include "base/text.h"
#include "playbook/lint_code.h"

static void lines(struct buf *out, const struct diagnostics *found)
{
    for (uint32_t i = 0; i < found->count; i++) {
        diagnostic_print(out, &found->items[i]);
        buf_add_byte(out, '\n');
    }
}

static void json(struct buf *out, const struct diagnostics *found)
{
    buf_add_byte(out, '[');
    for (uint32_t i = 0; i < found->count; i++) {
        buf_add_text(out, i > 0 ? "," : "");
        diagnostic_print_json(out, &found->items[i]);
    }
    buf_add_text(out, "]\n");
}

/* ---- SARIF ---- */

static const char *level_of(enum diagnostic_level level)
{
    return level == DIAGNOSTIC_ERROR ? "error" : "warning";
}

static void add_text_object(struct buf *out, const char *name, struct str text)
{
    buf_printf(out, "\"%s\":{\"text\":", name);
    json_print_string(out, text);
    buf_add_byte(out, '}');
}

static void add_rules(struct buf *out)
{
    const struct lint_code *code;
    for (uint32_t i = 0; (code = lint_code_at(i)) != NULL; i++) {
        buf_printf(out, "%s{\"id\":\"%s\",", i > 0 ? "," : "", code->code);
        add_text_object(out, "shortDescription", str_of(code->summary));
        buf_add_byte(out, ',');
        add_text_object(out, "help", str_of(code->explanation));
        buf_printf(out, ",\"defaultConfiguration\":{\"level\":\"%s\"}}", level_of(code->level));
    }
}

/* A path as a URI reference (RFC 3986): what is not unreserved or a slash is percent-encoded. */
static void add_uri(struct buf *out, struct str path)
{
    buf_add_byte(out, '"');
    for (size_t i = 0; i < path.size; i++) {
        unsigned char c = (unsigned char)path.data[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '-' || c == '.' || c == '_' || c == '~' || c == '/';
        if (is_plain)
            buf_add_byte(out, (char)c);
        else
            buf_printf(out, "%%%02X", c);
    }
    buf_add_byte(out, '"');
}

static struct str text_of(const struct lint_set *set, struct str name)
{
    for (size_t i = 0; i < set->count; i++)
        if (str_equal(set->files[i].name, name))
            return set->files[i].text;
    return STR("");
}

/* Ours count bytes, SARIF's code points. */
static uint32_t column_of(struct str text, uint32_t line, uint32_t column)
{
    struct str rest = text, row = STR("");
    for (uint32_t i = 0; i < line && str_split(&rest, '\n', &row); i++)
        ;
    size_t bytes = column > 0 ? column - 1 : 0;
    size_t inside = bytes < row.size ? bytes : row.size;
    return (uint32_t)(utf8_length(str_slice(row, 0, inside)) + (bytes - inside) + 1);
}

static void add_result(struct buf *out, const struct lint_set *set, const struct diagnostic *item)
{
    buf_printf(out, "{\"ruleId\":\"%s\",\"level\":\"%s\",", item->code, level_of(item->level));
    add_text_object(out, "message", item->text);
    buf_add_text(out, ",\"locations\":[{\"physicalLocation\":{\"artifactLocation\":{\"uri\":");
    add_uri(out, item->file);
    buf_printf(out, "},\"region\":{\"startLine\":%u,\"startColumn\":%u}}}]}", item->line > 0 ? item->line : 1,
        column_of(text_of(set, item->file), item->line, item->column));
}

static void sarif(struct buf *out, const struct lint_set *set, const struct diagnostics *found)
{
    buf_add_text(out,
        "{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\"version\":\"2.1.0\",\"runs\":[{"
        "\"tool\":{\"driver\":{\"name\":\"tocsin\",\"version\":\"" TOCSIN_VERSION "\",\"rules\":[");
    add_rules(out);
    buf_add_text(out, "]}},\"columnKind\":\"unicodeCodePoints\",\"results\":[");
    for (uint32_t i = 0; i < found->count; i++) {
        buf_add_text(out, i > 0 ? "," : "");
        add_result(out, set, &found->items[i]);
    }
    buf_add_text(out, "]}]}\n");
}

void lint_report(
    struct buf *out, enum lint_format format, const struct lint_set *set, const struct diagnostics *found)
{
    switch (format) {
    case LINT_AS_LINES: lines(out, found); break;
    case LINT_AS_JSON: json(out, found); break;
    case LINT_AS_SARIF: sarif(out, set, found); break;
    }
}
