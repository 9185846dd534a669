/* YAML to a source. All faults are gathered in one go. */
#include <string.h>

#include "ingest/source_impl.h"
#include "ingest/source_shape.h"
#include "playbook/reader.h"

static const struct yaml_node *child(const struct yaml_node *node, const char *key)
{
    return yaml_find(node, str_of(key));
}

/* ---- expressions ---- */

static bool is_word_byte(char c, bool is_first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
        (!is_first && c >= '0' && c <= '9');
}

/* The next ".name" or ["name"] of a path. */
static bool next_key(struct str text, size_t *at, struct str *ret)
{
    size_t from = *at + 1, to = from;
    if (text.data[*at] == '.') {
        while (to < text.size && is_word_byte(text.data[to], to == from))
            to++;
        *ret = str_slice(text, from, to);
        *at = to;
        return to > from;
    }
    if (text.data[*at] != '[' || from == text.size || (text.data[from] != '"' && text.data[from] != '\''))
        return false;
    char quote = text.data[from++];
    for (to = from; to < text.size && text.data[to] != quote; to++) {
        if (text.data[to] == '\\')
            return false;
    }
    if (to + 1 >= text.size || text.data[to + 1] != ']')
        return false;
    *ret = str_slice(text, from, to);
    *at = to + 2;
    return true;
}

#define PATH_KEYS_MAX 16

/* Whether the expression is a plain path into the event. CEL gives the same for it, more slowly. */
static bool read_path(struct reader *r, struct str text, struct way *ret)
{
    struct str keys[PATH_KEYS_MAX];
    uint32_t count = 0;
    size_t at = STR("event").size;
    if (!str_starts(text, STR("event")))
        return false;
    while (at < text.size) {
        if (count == PATH_KEYS_MAX || !next_key(text, &at, &keys[count]))
            return false;
        count++;
    }
    struct str *copy = READER_ARRAY(r, count > 0 ? count : 1, struct str);
    if (!copy)
        return false;
    memcpy(copy, keys, count * sizeof(keys[0]));
    ret->keys = copy;
    ret->key_count = count;
    return true;
}

static const struct expr *compile(struct reader *r, const struct yaml_node *node)
{
    static const struct expr_name names[SOURCE_SLOT_COUNT] = {
        [SOURCE_EVENT] = { STR_INIT("event"), &type_dyn },
        [SOURCE_NAME] = { STR_INIT("source"), &type_string },
        [SOURCE_RECEIVED] = { STR_INIT("received"), &type_timestamp },
    };
    struct expr_env env = { .names = names, .name_count = SOURCE_SLOT_COUNT };
    struct err_info why = { 0 };
    struct expr *expr;
    enum err result = expr_compile(r->arena, &env, node->text, &expr, &why);
    if (result == ERR_OK)
        return expr;
    if (result == ERR_MEMORY) {
        r->is_out_of_memory = true;
        return NULL;
    }
    /* A text of one line has its fault at the very place, a folded or block text at its beginning. */
    uint32_t column = node->column;
    if (node->line == node->end_line)
        column += (node->is_plain ? 0 : 1) + (why.column ? why.column - 1 : 0);
    diagnostics_add(
        r->found, DIAGNOSTIC_ERROR, why.name ? why.name : "expression", node->line, column, "%s", why.text);
    return NULL;
}

static void read_way(struct reader *r, const struct yaml_node *node, struct way *ret)
{
    if (yaml_has_own_tag(node)) {
        reader_fault(r, node, "yaml_tag", "an expression that begins with '!' needs quotes: \"!has(…)\"");
        return;
    }
    if (node->kind != YAML_SCALAR || yaml_is_null(node) || str_trim(node->text).size == 0) {
        reader_fault(r, node, "expression_missing", "an expression should stand here, such as event.message");
        return;
    }
    if (str_starts(str_trim(node->text), STR("${{"))) {
        reader_fault(
            r, node, "expression_marked", "this place holds a bare expression; leave out ${{ and }}");
        return;
    }
    ret->expr = compile(r, node);
    struct way path = { 0 };
    if (ret->expr && read_path(r, str_trim(node->text), &path))
        *ret = path;
}

/* One expression, or a list of which the first that gives something counts. */
static struct rule read_rule(struct reader *r, const struct yaml_node *node)
{
    struct rule rule = { 0 };
    if (!node)
        return rule;
    bool is_list = node->kind == YAML_SEQUENCE;
    uint32_t count = is_list ? node->count : 1;
    struct way *ways = READER_ARRAY(r, count > 0 ? count : 1, struct way);
    if (!ways)
        return rule;
    for (uint32_t i = 0; i < count; i++)
        read_way(r, is_list ? node->items[i] : node, &ways[i]);
    return (struct rule){ ways, count };
}

/* `event.tags`: where a guessing source that names no tags finds them. */
static const struct str guessed_key = STR_INIT("tags");
static const struct way guessed_way = { .keys = &guessed_key, .key_count = 1 };
static const struct rule guessed_tags = { .ways = &guessed_way, .count = 1 };

/* ---- mapping ---- */

static struct map_node *find_child(struct map_node *first, struct str name)
{
    while (first && !str_equal(first->name, name))
        first = first->next;
    return first;
}

/* The node for `name` among the children behind `*list`, made when there is none. */
static struct map_node *get_child(struct reader *r, struct map_node **list, struct str name)
{
    struct map_node *node = find_child(*list, name);
    if (node)
        return node;
    node = READER_ARRAY(r, 1, struct map_node);
    if (!node)
        return NULL;
    node->name = name;
    while (*list)
        list = &(*list)->next;
    *list = node;
    return node;
}

static void add_field(
    struct reader *r, struct source *source, const struct yaml_pair *pair, const struct ocsf_field *field)
{
    struct str rest = pair->key->text, part;
    struct map_node **list = &source->mapping, *node = NULL;
    for (uint32_t depth = 0; str_split(&rest, '.', &part); depth++) {
        if (part.size == 0 || depth == OCSF_PATH_DEPTH_MAX) {
            reader_fault(r, pair->key, "source_field", "a field has one to %d names with dots between them",
                OCSF_PATH_DEPTH_MAX);
            return;
        }
        node = get_child(r, list, part);
        if (!node)
            return;
        if (node->field) {
            reader_fault(r, pair->key, "source_field", "\"%.*s\" is mapped already", STR_ARG(node->path));
            return;
        }
        list = &node->children;
    }
    if (!node)
        return;
    if (node->children) {
        reader_fault(r, pair->key, "source_field", "fields inside \"%.*s\" are mapped already",
            STR_ARG(pair->key->text));
        return;
    }
    node->field = field;
    node->path = pair->key->text;
    node->rule = read_rule(r, pair->value);
    source->field_count++;
}

static void unknown_field(struct reader *r, const struct yaml_node *key)
{
    static const struct {
        struct str field;
        const char *mend;
    } elsewhere[] = {
        { STR_INIT("severity_id"), "`severity:` at the top sets it" },
        { STR_INIT("severity"), "`severity:` at the top sets it" },
        { STR_INIT("time"), "`time:` at the top sets it" },
        { STR_INIT("tags"), "`tags:` at the top sets them" },
        { STR_INIT("observables"), "`observables:` at the top adds them" },
    };
    for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
        if (str_equal(key->text, elsewhere[i].field)) {
            reader_fault(r, key, "source_field", "\"%.*s\" is not mapped here: %s", STR_ARG(key->text),
                elsewhere[i].mend);
            return;
        }
    }
    struct str nearest = ocsf_suggest(key->text);
    if (nearest.size > 0)
        reader_fault(r, key, "source_field",
            "no field \"%.*s\" of an OCSF Detection Finding; did you mean \"%.*s\"?", STR_ARG(key->text),
            STR_ARG(nearest));
    else
        reader_fault(r, key, "source_field",
            "no field \"%.*s\" of an OCSF Detection Finding; what has no place goes under \"unmapped.\"",
            STR_ARG(key->text));
}

static void read_mapping(struct reader *r, const struct yaml_node *node, struct source *source)
{
    if (!node)
        return;
    if (node->kind != YAML_MAPPING) {
        reader_fault(r, node, "mapping_expected", "`mapping` should be a mapping, `OCSF field: expression`");
        return;
    }
    if (node->count > SOURCE_FIELDS_MAX) {
        reader_fault(r, node, "source_field", "%u fields, %d are the limit", node->count, SOURCE_FIELDS_MAX);
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        const struct ocsf_field *field = ocsf_find(pair->key->text);
        if (field)
            add_field(r, source, pair, field);
        else
            unknown_field(r, pair->key);
    }
}

/* ---- the other parts ---- */

static void read_product(struct reader *r, const struct yaml_node *node, struct source *source)
{
    if (!node || !reader_shape(r, node, "`product`", &shape_product))
        return;
    source->product = reader_text(r, child(node, "name"), "`name`");
    source->vendor = reader_text(r, child(node, "vendor"), "`vendor`");
    source->product_version = reader_text(r, child(node, "version"), "`version`");
}

static void read_severity_words(struct reader *r, const struct yaml_node *node, struct source *source)
{
    if (node->kind != YAML_MAPPING || node->count == 0) {
        reader_fault(r, node, "mapping_expected", "`map` should be a mapping, `word: severity`");
        return;
    }
    struct severity_word *words = READER_ARRAY(r, node->count, struct severity_word);
    if (!words)
        return;
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_node *value = node->pairs[i].value;
        words[i].word = node->pairs[i].key->text;
        if (value->kind != YAML_SCALAR || !severity_parse(value->text, &words[i].severity))
            reader_fault(r, value, "source_severity",
                "a severity should stand here: unknown, informational, low, medium, high, critical, fatal");
    }
    source->severity_words = words;
    source->severity_word_count = node->count;
}

static void read_severity(struct reader *r, const struct yaml_node *node, struct source *source)
{
    if (!node)
        return;
    if (node->kind != YAML_MAPPING) {
        source->severity = read_rule(r, node);
        return;
    }
    if (!reader_shape(r, node, "`severity`", &shape_severity))
        return;
    const struct yaml_node *from = child(node, "from"), *map = child(node, "map"),
                           *otherwise = child(node, "default");
    if (!from)
        reader_fault(r, node, "missing_key", "`severity` needs `from`, an expression");
    source->severity = read_rule(r, from);
    if (map)
        read_severity_words(r, map, source);
    if (!otherwise)
        return;
    source->has_severity_default = true;
    if (otherwise->kind != YAML_SCALAR || !severity_parse(otherwise->text, &source->severity_default))
        reader_fault(r, otherwise, "source_severity", "a severity should stand here, such as medium");
}

static void read_fingerprint(struct reader *r, const struct yaml_node *node, struct source *source)
{
    if (!node)
        return;
    if (node->kind != YAML_SEQUENCE || node->count == 0 || node->count > FINGERPRINT_PARTS_MAX) {
        reader_fault(r, node, "source_fingerprint",
            "`fingerprint` should be a list of 1 to %d expressions; events for which all of them give the "
            "same are one alert",
            FINGERPRINT_PARTS_MAX);
        return;
    }
    struct rule *rules = READER_ARRAY(r, node->count, struct rule);
    if (!rules)
        return;
    for (uint32_t i = 0; i < node->count; i++)
        rules[i] = read_rule(r, node->items[i]);
    source->fingerprint = rules;
    source->fingerprint_count = node->count;
}

static void read_observables(struct reader *r, const struct yaml_node *node, struct source *source)
{
    if (!node)
        return;
    if (node->kind != YAML_SEQUENCE) {
        reader_fault(r, node, "list_expected", "`observables` should be a list of {type, value}");
        return;
    }
    struct observable_rule *rules = READER_ARRAY(
        r, node->count > 0 ? node->count : 1, struct observable_rule);
    if (!rules)
        return;
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_node *item = node->items[i];
        if (!reader_shape(r, item, "an observable", &shape_observable))
            continue;
        const struct yaml_node *type = child(item, "type"), *value = child(item, "value");
        if (!type || type->kind != YAML_SCALAR || !observable_type_parse(type->text, &rules[i].type))
            reader_fault(r, type ? type : item, "source_observable",
                "`type` should be ip, domain, url, hash, email, user, host, mac, file, path or process");
        if (!value)
            reader_fault(r, item, "missing_key", "an observable needs `value`, an expression");
        rules[i].rule = read_rule(r, value);
        rules[i].name = reader_text(r, child(item, "name"), "`name`");
    }
    source->observables = rules;
    source->observable_count = node->count;
}

static void read_hmac(struct reader *r, const struct yaml_node *node, struct source *source)
{
    static const char *const schemes[] = { "github", "jira", "slack", "stripe", "header", NULL };
    static const char *const encodings[] = { "hex", "base64", NULL };
    static const char *const algorithms[] = { "sha256", "sha512", NULL };
    if (!node || !reader_shape(r, node, "`hmac`", &shape_hmac))
        return;
    struct source_hmac hmac = {
        .scheme = (enum hmac_scheme)(HMAC_GITHUB + reader_word(r, child(node, "scheme"), schemes, 0)),
        .secret = reader_text(r, child(node, "secret"), "`secret`"),
        .header = reader_text(r, child(node, "header"), "`header`"),
        .prefix = reader_text(r, child(node, "prefix"), "`prefix`"),
        .is_base64 = reader_word(r, child(node, "encoding"), encodings, 0) == 1,
        .is_sha512 = reader_word(r, child(node, "algorithm"), algorithms, 0) == 1,
        .tolerance_us = reader_span(r, child(node, "tolerance"), 5 * US_PER_MIN),
    };
    if (!child(node, "scheme"))
        reader_fault(r, node, "missing_key", "`hmac` needs `scheme`: github, jira, slack, stripe or header");
    if (hmac.secret.size == 0)
        reader_fault(r, node, "missing_key", "`hmac` needs `secret`, the name of a secret");
    if (hmac.scheme == HMAC_HEADER && hmac.header.size == 0)
        reader_fault(r, node, "missing_key", "the scheme `header` needs `header`, the header's name");
    if (hmac.scheme != HMAC_HEADER &&
        (child(node, "header") || child(node, "prefix") || child(node, "encoding") ||
            child(node, "algorithm")))
        reader_fault(r, node, "source_hmac",
            "header, prefix, encoding and algorithm are for the scheme `header`; the others fix them");
    source->hmac = hmac;
}

static void read_head(struct reader *r, const struct yaml_node *root, struct source *source)
{
    const struct yaml_node *name = child(root, "source");
    source->name = reader_text(r, name, "`source`");
    if (!name)
        reader_fault(r, root, "missing_key", "a source needs `source`, its name");
    else if (!source_name_is_valid(source->name))
        reader_fault(r, name, "source_name",
            "a source's name has 1 to %d of a-z, 0-9, '-' and '_', and begins with a letter or digit",
            SOURCE_NAME_BYTES_MAX);
    source->title = reader_text(r, child(root, "title"), "`title`");
    source->description = reader_text(r, child(root, "description"), "`description`");
    if (source->title.size == 0)
        source->title = source->name;
    source->absent = reader_texts(r, child(root, "absent"), &source->absent_count);
    source->content_types = reader_texts(r, child(root, "content_types"), &source->content_type_count);
}

static void read_body(struct reader *r, const struct yaml_node *root, struct source *source)
{
    read_product(r, child(root, "product"), source);
    read_hmac(r, child(root, "hmac"), source);
    source->parse = read_rule(r, child(root, "parse"));
    read_fingerprint(r, child(root, "fingerprint"), source);
    const struct yaml_node *window = child(root, "dedup_window");
    bool is_zero = window && window->kind == YAML_SCALAR && str_equal(window->text, STR("0"));
    source->window_us = is_zero ? 0 : reader_span(r, window, source->fingerprint ? US_PER_HOUR : 0);
    if (source->window_us > 0 && !source->fingerprint)
        reader_fault(r, window, "source_fingerprint",
            "a `dedup_window` needs a `fingerprint`: what makes two events alike?");
    read_severity(r, child(root, "severity"), source);
    source->time = read_rule(r, child(root, "time"));
    source->tags = read_rule(r, child(root, "tags"));
    source->attack = read_rule(r, child(root, "attack"));
    source->is_guessing = reader_bool(r, child(root, "guess"), false);
    if (source->is_guessing && source->tags.count == 0)
        source->tags = guessed_tags;
    source->is_extracting = reader_bool(r, child(root, "extract_observables"), true);
    read_mapping(r, child(root, "mapping"), source);
    read_observables(r, child(root, "observables"), source);
}

enum err source_parse(struct arena *arena, struct str text, struct diagnostics *found, struct source **ret,
    struct err_info *why)
{
    struct yaml_node *root;
    struct err_info own = { 0 };
    uint32_t before = found->error_count;
    enum err parsed = yaml_parse(arena, text, &root, &own);
    if (parsed == ERR_MEMORY)
        return err_memory(why);
    if (parsed != ERR_OK) {
        diagnostics_add(
            found, DIAGNOSTIC_ERROR, own.name ? own.name : "yaml", own.line, own.column, "%s", own.text);
        return err_named(why, ERR_INVALID, "source", "%s", own.text);
    }
    struct reader reader = { .arena = arena, .found = found };
    struct source *source = READER_ARRAY(&reader, 1, struct source);
    if (source && reader_shape(&reader, root, "a source", &shape_source)) {
        read_head(&reader, root, source);
        read_body(&reader, root, source);
    }
    if (reader.is_out_of_memory)
        return err_memory(why);
    if (found->error_count > before)
        return err_named(why, ERR_INVALID, "source", "the source has %u faults", found->error_count - before);
    *ret = source;
    return ERR_OK;
}

bool source_check(struct str text, struct diagnostics *found)
{
    AUTO(arena) struct arena arena = { 0 };
    struct source *source;
    struct err_info why = { 0 };
    uint32_t before = found->error_count;
    enum err result = source_parse(&arena, text, found, &source, &why);
    if (result == ERR_MEMORY)
        diagnostics_lack_memory(found);
    else if (result != ERR_OK && found->error_count == before)
        diagnostics_add(found, DIAGNOSTIC_ERROR, "source", 0, 0, "%s", why.text);
    return result == ERR_OK;
}
